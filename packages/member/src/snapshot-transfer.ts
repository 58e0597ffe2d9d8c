/**
 * Snapshots between members: the store's bytes to a follower that lags too far, and from a leader.
 */
import type { Logger } from "@flotilla/base";
import { encodeMessage, type Message, type NodeId, type SnapshotMeta } from "@flotilla/consensus";
import type { DurableBackend, Store } from "@flotilla/store";
import { MemberError } from "./errors.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

export type InstallSnapshot = Extract<Message, { kind: "installSnapshot" }>;

export interface TransferPorts {
  readonly store: Store;
  readonly backend: DurableBackend;
  readonly files: SnapshotFiles;
  readonly logger: Logger;
  send(to: NodeId, head: Uint8Array, content: AsyncIterable<Uint8Array>): Promise<void>;
  onSent(to: NodeId, delivered: boolean): void;
  /** The engine may hear of it: its bytes are safe. */
  onReceived(message: InstallSnapshot): void;
}

export class SnapshotTransfer {
  readonly #ports: TransferPorts;
  readonly #sending = new Set<NodeId>();
  #isReceiving = false;

  constructor(ports: TransferPorts) {
    this.#ports = ports;
  }

  /** Sends the store as it is now, under its own index. One at a time to each peer. */
  async send(message: InstallSnapshot): Promise<void> {
    const { to } = message;
    if (this.#sending.has(to)) return;
    this.#sending.add(to);
    const { store, backend, logger } = this.#ports;
    const { appliedIndex: index, appliedTerm: term } = store;
    const snapshot: SnapshotMeta = { ...message.snapshot, index, term };
    try {
      const content = backend.snapshot(); // Of this moment: the same as the index.
      logger.info("sending a snapshot", { peer: to, index });
      await this.#ports.send(to, encodeMessage({ ...message, snapshot }), content);
      this.#done(to, true);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn("snapshot was not delivered", { peer: to, index, reason });
      this.#done(to, false);
    }
  }

  /** Takes a snapshot from a peer; resolves when it is safe. */
  async receive(message: InstallSnapshot, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { files, store, logger, onReceived } = this.#ports;
    const { snapshot, from } = message;
    if (snapshot.index > store.appliedIndex) {
      if (this.#isReceiving) throw new MemberError("busy", "A snapshot is being received already");
      this.#isReceiving = true;
      logger.info("receiving a snapshot", { peer: from, index: snapshot.index });
      try {
        await files.receive(snapshot, content);
      } finally {
        this.#isReceiving = false;
      }
    }
    // One that brings nothing new goes to the engine all the same: its answer sets the leader right.
    onReceived(message);
  }

  /** Replaces the store by a snapshot that was received. */
  async install(snapshot: SnapshotMeta): Promise<void> {
    const { files, backend, store, logger } = this.#ports;
    const file = files.find(snapshot);
    if (file === undefined) {
      throw new MemberError("snapshotMissing", `Snapshot ${snapshot.index} is not there`);
    }
    await backend.restore(file.read());
    store.reload();
    if (store.appliedIndex !== snapshot.index) {
      throw new MemberError(
        "snapshotMissing",
        `The snapshot of entry ${snapshot.index} holds entry ${store.appliedIndex}`,
      );
    }
    await files.clear();
    logger.info("snapshot installed", { index: snapshot.index });
  }

  #done(to: NodeId, delivered: boolean): void {
    this.#sending.delete(to);
    this.#ports.onSent(to, delivered);
  }
}
