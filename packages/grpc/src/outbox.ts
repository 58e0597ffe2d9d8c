/** Response bytes of one stream that wait for the peer's window or for the socket. */
import { prefixBytes } from "./message-assembler.ts";

/** A queue of messages, read as one stream of bytes in frames of any size. */
export class Outbox {
  #parts: Uint8Array[] = [];
  #first = 0;
  /** Bytes of the first part that are gone already. */
  #gone = 0;
  #size = 0;

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  /** Begins a message of that size; its bytes follow as parts. */
  pushPrefix(messageBytes: number): void {
    const prefix = new Uint8Array(prefixBytes);
    writePrefix(prefix, 0, messageBytes);
    this.#parts.push(prefix);
    this.#size += prefixBytes;
  }

  /** Appends bytes of a message that was begun; they are not copied. */
  pushPart(part: Uint8Array): void {
    if (part.length > 0) this.#parts.push(part);
    this.#size += part.length;
  }

  /** Moves the next `size` bytes to `target`; there must be as many. */
  moveTo(target: Buffer, at: number, size: number): void {
    let to = at;
    const end = at + size;
    while (to < end) {
      const part = this.#parts[this.#first] as Uint8Array;
      const from = this.#gone;
      const moved = Math.min(part.length - from, end - to);
      target.set(moved === part.length ? part : part.subarray(from, from + moved), to);
      to += moved;
      this.#gone += moved;
      if (this.#gone === part.length) this.#dropFirst();
    }
    this.#size -= size;
  }

  clear(): void {
    this.#parts = [];
    this.#first = 0;
    this.#gone = 0;
    this.#size = 0;
  }

  #dropFirst(): void {
    this.#first++;
    this.#gone = 0;
    if (this.#first < 64 && this.#first < this.#parts.length) return;
    this.#parts.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Writes the five bytes before a message that is not compressed. */
export function writePrefix(target: Uint8Array, at: number, messageBytes: number): void {
  target[at] = 0;
  target[at + 1] = messageBytes >>> 24;
  target[at + 2] = messageBytes >>> 16;
  target[at + 3] = messageBytes >>> 8;
  target[at + 4] = messageBytes;
}
