/**
 * Messages from the bytes of a stream (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message):
 * one byte "compressed", four bytes length, the message. Memory grows with what has arrived,
 * never with what was announced.
 */
import { emptyBytes } from "@flotilla/base";
import { GrpcError, statusCode } from "./status.ts";

/** Before every message: a flag and the length. */
export const prefixBytes = 5;
/** First allocation for a message that comes in parts. */
const firstBytes = 4096;

/** Thrown when a message is flagged as compressed, which no call here may use. */
export class CompressedMessageError extends GrpcError {
  override readonly name = "CompressedMessageError";
}

/** The message, when `data` is exactly one that is not compressed: what nearly every request is. */
export function wholeMessage(data: Uint8Array, messageBytesMax: number): Uint8Array | undefined {
  const length = data.length - prefixBytes;
  if (length < 0 || length > messageBytesMax || data[0] !== 0) return undefined;
  const b3 = data[1] as number;
  const low = ((data[2] as number) << 16) | ((data[3] as number) << 8) | (data[4] as number);
  return b3 * 0x100_0000 + low === length ? data.subarray(prefixBytes) : undefined;
}

/** Cuts the DATA of one stream into messages. */
export class MessageAssembler {
  readonly #messageBytesMax: number;
  readonly #encoding: string;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixFilled = 0;
  /** Of the message being collected; -1 while its prefix is. */
  #length = -1;
  #message: Uint8Array = emptyBytes;
  #filled = 0;

  constructor(messageBytesMax: number, encoding: string) {
    this.#messageBytesMax = messageBytesMax;
    this.#encoding = encoding;
  }

  /** True between messages: nothing half-received is left. */
  get atBoundary(): boolean {
    return this.#length < 0 && this.#prefixFilled === 0;
  }

  /** Bytes that are held for an unfinished message. */
  get heldBytes(): number {
    return this.#prefixFilled + this.#message.length;
  }

  /** Calls `take` for each message that `data` completes; throws {@link GrpcError} on a bad prefix. */
  push(data: Uint8Array, take: (message: Uint8Array) => void): void {
    let at = 0;
    while (at < data.length) {
      if (this.#length < 0) {
        at = this.#readPrefix(data, at);
        if (this.#length < 0) return;
      }
      const rest = data.length - at;
      if (this.#filled === 0 && rest >= this.#length) {
        const message = data.subarray(at, at + this.#length); // The usual case: no copy.
        at += this.#length;
        this.#restart();
        take(message);
        continue;
      }
      const used = Math.min(rest, this.#length - this.#filled);
      this.#append(data.subarray(at, at + used));
      at += used;
      if (this.#filled < this.#length) return;
      const message = this.#message.subarray(0, this.#length);
      this.#restart();
      take(message);
    }
  }

  #readPrefix(data: Uint8Array, from: number): number {
    let at = from;
    while (this.#prefixFilled < prefixBytes && at < data.length) {
      this.#prefix[this.#prefixFilled++] = data[at++] as number;
    }
    if (this.#prefixFilled < prefixBytes) return at;
    const [flag, b3, b2, b1, b0] = this.#prefix as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (flag !== 0) throw this.#badFlag(flag);
    const length = b3 * 0x100_0000 + ((b2 << 16) | (b1 << 8) | b0);
    if (length > this.#messageBytesMax) {
      throw new GrpcError(
        statusCode.resourceExhausted,
        `grpc: received message larger than max (${length} vs. ${this.#messageBytesMax})`,
      );
    }
    this.#length = length;
    return at;
  }

  #badFlag(flag: number): GrpcError {
    if (flag !== 1) return new GrpcError(statusCode.internal, `grpc: bad message flag ${flag}`);
    if (this.#encoding === "identity") {
      const text = "grpc: compressed flag set with identity or empty encoding";
      return new GrpcError(statusCode.internal, text);
    }
    const text = `grpc: Decompressor is not installed for grpc-encoding "${this.#encoding}"`;
    return new CompressedMessageError(statusCode.unimplemented, text);
  }

  #append(part: Uint8Array): void {
    const needed = this.#filled + part.length;
    if (needed > this.#message.length) {
      const size = Math.min(this.#length, Math.max(needed, 2 * this.#message.length, firstBytes));
      const grown = new Uint8Array(size);
      grown.set(this.#message.subarray(0, this.#filled));
      this.#message = grown;
    }
    this.#message.set(part, this.#filled);
    this.#filled = needed;
  }

  #restart(): void {
    this.#length = -1;
    this.#prefixFilled = 0;
    this.#message = emptyBytes;
    this.#filled = 0;
  }
}
