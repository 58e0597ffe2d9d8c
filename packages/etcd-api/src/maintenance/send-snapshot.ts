/** `etcdserverpb.Maintenance/Snapshot`: the whole store to one client, as fast as it takes it. */
import type { WriterCall } from "@flotilla/grpc";
import { encode } from "../codec/encoding.ts";
import { writeSnapshotPiece } from "../codec/maintenance.ts";
import type { ServiceContext } from "../context.ts";
import { RpcError } from "../errors.ts";
import { snapshotStallMs, snapshotsMax, snapshotTurnBytes } from "../limits.ts";
import { clusterVersionOf } from "./downgrade.ts";
import { snapshotPieces } from "./snapshot-stream.ts";

/** Sends snapshots, a few at a time: each keeps old pages of the store from being written again. */
export class SnapshotSender {
  readonly #context: ServiceContext;
  #running = 0;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** Ends with the stream, or when the client has gone or takes nothing for long. */
  async send(call: WriterCall): Promise<void> {
    if (this.#running >= snapshotsMax) throw new RpcError("tooManyRequests");
    this.#running++;
    try {
      await this.#send(call);
    } finally {
      this.#running--;
    }
  }

  async #send(call: WriterCall): Promise<void> {
    const { member, options } = this.#context;
    const version = clusterVersionOf(member.store, options.versions.cluster);
    const { content, bytesEstimate } = member.snapshot();
    let turnBytes = 0;
    for await (const piece of snapshotPieces(content, bytesEstimate)) {
      const hasRoom = call.write(
        encode((writer) => writeSnapshotPiece(writer, { ...piece, version })),
      );
      if (!hasRoom) await this.#drained(call);
      if (call.ended) return;
      turnBytes += piece.blob.length;
      if (turnBytes < snapshotTurnBytes) continue;
      turnBytes = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A client that takes nothing must not hold the store's old pages for ever. */
  async #drained(call: WriterCall): Promise<void> {
    let isStalled = false;
    let cancel = (): void => {};
    const stalled = new Promise<void>((resolve) => {
      cancel = this.#context.timers.after(snapshotStallMs, () => {
        isStalled = true;
        resolve();
      });
    });
    await Promise.race([call.drained(), stalled]);
    cancel();
    if (isStalled) throw new RpcError("timeout");
  }
}
