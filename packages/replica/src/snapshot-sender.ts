/**
 * One snapshot on its way to one server. Pure.
 *
 * Reads the state as fast as the receiver writes it down: a window of chunks is sent and not yet
 * acknowledged, and kept until it is. After a silence it goes on from where the receiver is, with one
 * chunk, and doubles the window with each acknowledgement: a slow link is not buried under
 * repetitions (trap T31).
 */
import { assert, crc32c } from "@flotilla/base";
import type { ByteSource } from "./contract.ts";
import { chunkBytes, silencesMax, windowBytes } from "./limits.ts";
import type { SnapshotFrame, StreamId } from "./snapshot-frames.ts";

export interface SenderParts {
  readonly stream: StreamId;
  readonly head: Uint8Array;
  /** The receiver has asked for it. */
  readonly isWanted: boolean;
  readonly source: ByteSource;
  /** How long nothing may be heard before something is sent again. */
  readonly silenceMs: number;
  send(frame: SnapshotFrame): void;
  /** Called once at most, not after {@link SnapshotSender.close}. */
  onEnd(outcome: "delivered" | "busy" | "lost" | "silent" | "unreadable"): void;
}

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class SnapshotSender {
  readonly #parts: SenderParts;
  /** Not acknowledged, in order. */
  readonly #chunks: Chunk[] = [];
  /** How many of {@link #chunks} were sent since the last silence. */
  #sentChunks = 0;
  #ackedBytes = 0;
  #readBytes = 0;
  #crc = 0;
  #windowBytes = chunkBytes;
  #isAccepted = false;
  #isReading = false;
  #isAtEnd = false;
  #isEndSent = false;
  #isClosed = false;
  #progressAtMs: number;
  #silences = 0;

  /** Sends the offer. */
  constructor(parts: SenderParts, nowMs: number) {
    this.#parts = parts;
    this.#progressAtMs = nowMs;
    this.#offer();
  }

  get stream(): StreamId {
    return this.#parts.stream;
  }

  /** A frame of this stream from the receiver. */
  receive(frame: SnapshotFrame, nowMs: number): void {
    if (this.#isClosed) return;
    this.#silences = 0;
    if (frame.kind === "done") this.#end("delivered");
    else if (frame.kind === "busy" || frame.kind === "lost") this.#end(frame.kind);
    else if (frame.kind === "ack") this.#acknowledged(frame.offset, nowMs);
  }

  /** Time passes: sends again what may be lost, and gives up after a long silence. */
  tick(nowMs: number): void {
    if (this.#isClosed || nowMs - this.#progressAtMs < this.#parts.silenceMs) return;
    if (this.#silences++ === silencesMax) {
      this.#end("silent");
      return;
    }
    this.#progressAtMs = nowMs;
    this.#windowBytes = chunkBytes;
    this.#sentChunks = 0;
    this.#isEndSent = false;
    if (this.#isAccepted) this.#pump();
    else this.#offer();
  }

  /** Lets go of the state. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.source.close();
  }

  #offer(): void {
    const { stream, head, isWanted } = this.#parts;
    this.#parts.send({ kind: isWanted ? "wanted" : "offer", stream, head });
  }

  #acknowledged(offset: number, nowMs: number): void {
    if (offset > this.#readBytes) return; // Of nothing that was ever sent.
    if (!this.#isAccepted || offset > this.#ackedBytes) this.#progressAtMs = nowMs;
    if (offset > this.#ackedBytes) this.#windowBytes = Math.min(2 * this.#windowBytes, windowBytes);
    this.#isAccepted = true;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const end = chunk.offset + chunk.bytes.length;
      if (end > offset) break;
      this.#chunks.shift();
      this.#ackedBytes = end;
      this.#sentChunks = Math.max(0, this.#sentChunks - 1);
    }
    this.#pump();
  }

  /** Sends what the window allows, and reads on when all that was read is sent. */
  #pump(): void {
    const { stream } = this.#parts;
    for (;;) {
      const chunk = this.#chunks[this.#sentChunks];
      if (chunk === undefined) break;
      if (chunk.offset + chunk.bytes.length - this.#ackedBytes > this.#windowBytes) return;
      this.#parts.send({ kind: "chunk", stream, ...chunk });
      this.#sentChunks++;
    }
    if (!this.#isAtEnd) {
      if (this.#readBytes - this.#ackedBytes < this.#windowBytes) this.#read();
    } else if (!this.#isEndSent) {
      this.#isEndSent = true;
      this.#parts.send({ kind: "end", stream, size: this.#readBytes, crc: this.#crc });
    }
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#parts.source.next((error, piece) => {
      this.#isReading = false;
      if (this.#isClosed) return;
      if (error !== undefined) {
        this.#end("unreadable");
        return;
      }
      if (piece === undefined) this.#isAtEnd = true;
      else this.#take(piece);
      this.#pump();
    });
  }

  #take(piece: Uint8Array): void {
    assert(!this.#isAtEnd, "snapshot: nothing comes after the end");
    this.#crc = crc32c(piece, this.#crc);
    for (let at = 0; at < piece.length; at += chunkBytes) {
      const bytes = piece.subarray(at, at + chunkBytes);
      this.#chunks.push({ offset: this.#readBytes, bytes });
      this.#readBytes += bytes.length;
    }
  }

  #end(outcome: Parameters<SenderParts["onEnd"]>[0]): void {
    this.close();
    this.#parts.onEnd(outcome);
  }
}
