/**
 * The bytes of a snapshot on a connection of their own: head, chunks, end; then the receiver's word.
 *
 * The receiver is done when whoever takes the content is done with it: until then the connection
 * stays, and each side's pings show the other that it is at work, however long that takes.
 */
import { emptyBytes, textOf, utf8 } from "@flotilla/base";
import type { Connection } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { chunkBytesMax, snapshotBufferBytesMax } from "./limits.ts";

/** The sender's side of the last step: settled by what the receiver says, or by the end of the line. */
export class SnapshotReceipt {
  readonly received: Promise<void>;
  #resolve = (): void => {};
  #reject = (_error: PeerError): void => {};

  constructor() {
    this.received = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.received.catch(() => {}); // Whoever sends awaits it at the end only.
  }

  onFrame(kind: number, body: Uint8Array): void {
    if (kind === frameKind.snapshotDone) this.#resolve();
    else if (kind === frameKind.failure) this.#reject(new PeerError("refused", textOf(body)));
  }

  onClosed(reason: string): void {
    this.#reject(new PeerError("unreachable", `Cannot send a snapshot: ${reason}`));
  }
}

/** Sends everything, as fast as the receiver takes it. The connection may close in between. */
export async function sendContent(
  connection: Connection,
  head: Uint8Array,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  connection.send(frameKind.snapshotHead, head);
  let sentBytes = 0;
  for await (const piece of content) {
    for (let at = 0; at < piece.length; at += chunkBytesMax) {
      connection.send(frameKind.snapshotChunk, piece.subarray(at, at + chunkBytesMax));
      await connection.drained(snapshotBufferBytesMax);
    }
    if (connection.closed) return;
    sentBytes += piece.length;
  }
  connection.send(frameKind.snapshotEnd, utf8(String(sentBytes)));
}

/** The receiver's side: turns frames into content, and holds the sender up while it is not taken. */
export class SnapshotReceiver {
  readonly #connection: Connection;
  readonly #take: (head: Uint8Array, content: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #receivedBytes = 0;
  #end: { readonly error: PeerError | undefined } | undefined;
  #started = false;
  #wake = (): void => {};

  constructor(
    connection: Connection,
    take: (head: Uint8Array, content: AsyncIterable<Uint8Array>) => Promise<void>,
  ) {
    this.#connection = connection;
    this.#take = take;
  }

  onFrame(kind: number, body: Uint8Array): void {
    if (kind === frameKind.snapshotHead && !this.#started) {
      this.#started = true;
      void this.#run(body);
    } else if (kind === frameKind.snapshotChunk && this.#started) this.#receive(body);
    else if (kind === frameKind.snapshotEnd && this.#started) {
      const complete = textOf(body) === String(this.#receivedBytes);
      this.#finish(complete ? undefined : new PeerError("badFrame", "A snapshot lost some bytes"));
    } else this.#connection.close("a frame that has no place in a snapshot");
  }

  onClosed(reason: string): void {
    this.#finish(new PeerError("unreachable", `The snapshot broke off: ${reason}`));
  }

  async #run(head: Uint8Array): Promise<void> {
    try {
      await this.#take(head, this.#content());
      this.#connection.send(frameKind.snapshotDone, emptyBytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#connection.send(frameKind.failure, utf8(reason));
    }
    // The sender closes: closing here could overtake our answer.
  }

  #receive(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    this.#receivedBytes += chunk.length;
    if (this.#bufferedBytes > snapshotBufferBytesMax) this.#connection.pause();
    this.#wake();
  }

  #finish(error: PeerError | undefined): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *#content(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bufferedBytes -= chunk.length;
        if (this.#bufferedBytes === 0) this.#connection.resume();
        yield chunk;
      } else if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
