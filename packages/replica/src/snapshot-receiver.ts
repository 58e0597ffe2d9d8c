/**
 * One snapshot that arrives. Pure.
 *
 * Acknowledges only what is written: a slow disk holds the sender up. Chunks that have overtaken
 * others wait, no more of them than the sender's window.
 */
import { crc32c } from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import type { SnapshotSink } from "./contract.ts";
import { windowBytes } from "./limits.ts";
import type { SnapshotFrame, StreamId } from "./snapshot-frames.ts";

export interface ReceiverParts {
  readonly from: NodeId;
  readonly stream: StreamId;
  readonly sink: SnapshotSink;
  send(frame: SnapshotFrame): void;
  /** It is safe. Nothing is called after this one. */
  onFinished(): void;
  /** It cannot be taken: the disk says no, or it arrived as it was not sent. Nothing is called after this one. */
  onFailed(reason: string): void;
}

export class SnapshotReceiver {
  readonly #parts: ReceiverParts;
  /** Chunks that are not being written yet, by their offset. */
  readonly #waiting = new Map<number, Uint8Array>();
  #waitingBytes = 0;
  #writtenBytes = 0;
  /** With what is being written. */
  #takenBytes = 0;
  #crc = 0;
  #end: { readonly size: number; readonly crc: number } | undefined;
  /** All is written, and being made safe. */
  #isFinishing = false;
  #isOver = false;

  /** Accepts the offer. */
  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#acknowledge();
  }

  get from(): NodeId {
    return this.#parts.from;
  }

  get stream(): StreamId {
    return this.#parts.stream;
  }

  /** Nothing can be done until the sender says more. */
  get isWaiting(): boolean {
    return !this.#isFinishing && this.#takenBytes === this.#writtenBytes;
  }

  /** A frame of this stream from the sender. */
  receive(frame: SnapshotFrame): void {
    if (this.#isOver) return;
    const isOffer = frame.kind === "offer" || frame.kind === "wanted";
    if (this.#isFinishing || isOffer) this.#acknowledge();
    else if (frame.kind === "chunk") this.#hold(frame.offset, frame.bytes);
    else if (frame.kind === "end") this.#end ??= frame;
    this.#advance();
  }

  /** Throws away what has come. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isFinishing) this.#parts.sink.abort();
  }

  #hold(offset: number, bytes: Uint8Array): void {
    if (offset < this.#takenBytes || this.#waiting.has(offset)) {
      this.#acknowledge(); // The sender may have missed that.
      return;
    }
    const isTooMuch = this.#waitingBytes + bytes.length > windowBytes;
    if (isTooMuch && offset > this.#takenBytes) return; // It comes again.
    this.#waiting.set(offset, bytes);
    this.#waitingBytes += bytes.length;
  }

  #advance(): void {
    if (this.#isOver || this.#isFinishing || this.#takenBytes > this.#writtenBytes) return;
    const bytes = this.#waiting.get(this.#writtenBytes);
    if (bytes !== undefined) this.#write(bytes);
    else if (this.#end !== undefined && this.#writtenBytes >= this.#end.size)
      this.#finish(this.#end);
  }

  #write(bytes: Uint8Array): void {
    this.#waiting.delete(this.#writtenBytes);
    this.#waitingBytes -= bytes.length;
    this.#takenBytes += bytes.length;
    this.#crc = crc32c(bytes, this.#crc);
    this.#parts.sink.write(bytes, (error) => {
      if (this.#isOver) return;
      if (error !== undefined) {
        this.#fail(String(error));
        return;
      }
      this.#writtenBytes = this.#takenBytes;
      this.#acknowledge();
      this.#advance();
    });
  }

  #finish({ size, crc }: { readonly size: number; readonly crc: number }): void {
    if (size !== this.#writtenBytes || crc !== this.#crc) {
      this.#fail(`${size} bytes with checksum ${crc} were sent`);
      return;
    }
    this.#isFinishing = true;
    this.#parts.sink.finish((error) => {
      if (this.#isOver) return;
      this.#isOver = true;
      if (error === undefined) this.#parts.onFinished();
      else this.#parts.onFailed(String(error));
    });
  }

  #fail(reason: string): void {
    this.abort();
    this.#parts.onFailed(reason);
  }

  #acknowledge(): void {
    const { stream } = this.#parts;
    this.#parts.send({ kind: "ack", stream, offset: this.#writtenBytes });
  }
}
