/**
 * gRPC's length-prefixed messages (grpc/doc/PROTOCOL-HTTP2.md). Pure.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | 1 when compressed, which is never asked for |
 * | 1 | 4 | length of the message, big-endian |
 * | 5 | length | the message |
 */
import { EtcdError } from "../errors.ts";
import { messageBytesMax } from "../limits.ts";

const prefixBytes = 5;

/** A message with its prefix. */
export function frameOf(message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** Cuts messages out of a stream of bytes. Throws {@link EtcdError} `badResponse`. */
export class MessageSplitter {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Of the message under way; undefined until its prefix is there. */
  #wanted: number | undefined;

  /** True between two messages. */
  get isEmpty(): boolean {
    return this.#bytes === 0 && this.#wanted === undefined;
  }

  /** The messages that end in this chunk. A message in one chunk is a view of it. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Uint8Array[] = [];
    for (;;) {
      if (this.#wanted === undefined) {
        if (this.#bytes < prefixBytes) return messages;
        this.#wanted = lengthOf(this.#take(prefixBytes));
      }
      if (this.#bytes < this.#wanted) return messages;
      messages.push(this.#take(this.#wanted));
      this.#wanted = undefined;
    }
  }

  #take(count: number): Uint8Array {
    const joined = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const all = joined ?? new Uint8Array(0);
    const rest = all.subarray(count);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes -= count;
    return all.subarray(0, count);
  }
}

function lengthOf(prefix: Uint8Array): number {
  if (prefix[0] !== 0) {
    throw new EtcdError("badResponse", "The answer is compressed, which was not asked for");
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(1);
  if (length <= messageBytesMax) return length;
  const limit = `${length} bytes, the limit is ${messageBytesMax}`;
  throw new EtcdError("badResponse", `Cannot take the answer: it has ${limit}`);
}
