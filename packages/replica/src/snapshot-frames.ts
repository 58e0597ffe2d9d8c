/**
 * Frames of a snapshot on its way, as bytes. Pure.
 *
 * ```
 * sender                           receiver
                                             want (since which index), or nothing: the sender begins
 *   offer, or what was wanted  --->            ack 0, or busy; done when it brings nothing new
 *   chunk 0, chunk 64k, ... ------>  writes    ack of what is written
 *   end (size, checksum) --------->  finishes  done
 *                                              lost: it knows nothing of this stream
 * ```
 *
 * Frames may be lost, doubled and overtake each other; each names its stream. Fields:
 * {1: kind, 2: session, 3: number, 4: offset or size, 5: bytes, 6: checksum}.
 */
import { WireError, WireReader, WireWriter } from "@flotilla/base";
import { chunkBytes } from "./limits.ts";

/** One attempt to bring a snapshot to one server. */
export interface StreamId {
  /** That of the sender's start. */
  readonly session: bigint;
  /** Counts up within the session. */
  readonly number: number;
}

interface OfStream {
  readonly stream: StreamId;
}

export type SnapshotFrame =
  /** `head` is the encoded `installSnapshot` message. `wanted`: the state of a server that asked for it. */
  | (OfStream & { readonly kind: "offer" | "wanted"; readonly head: Uint8Array })
  /** Asks a leader for its state, not older than `offset`; the stream means nothing. */
  | (OfStream & { readonly kind: "want"; readonly offset: number })
  | (OfStream & { readonly kind: "chunk"; readonly offset: number; readonly bytes: Uint8Array })
  /** Size and CRC-32C of all chunks together. */
  | (OfStream & { readonly kind: "end"; readonly size: number; readonly crc: number })
  /** Everything before `offset` is written. */
  | (OfStream & { readonly kind: "ack"; readonly offset: number })
  /** The receiver has it all, safely. */
  | (OfStream & { readonly kind: "done" })
  /** The receiver is taking another snapshot. */
  | (OfStream & { readonly kind: "busy" })
  | (OfStream & { readonly kind: "lost" });

const kinds = ["offer", "chunk", "end", "ack", "done", "busy", "lost", "want", "wanted"] as const;
/** More than tags, lengths and numbers take. */
const overheadBytes = 64;

export function encodeFrame(frame: SnapshotFrame): Uint8Array {
  const bytes = "head" in frame ? frame.head : "bytes" in frame ? frame.bytes : undefined;
  const writer = new WireWriter(overheadBytes + (bytes?.length ?? 0));
  writer.fieldVarint(1, kinds.indexOf(frame.kind) + 1);
  writer.fieldVarint64(2, frame.stream.session);
  writer.fieldVarint(3, frame.stream.number);
  if ("offset" in frame) writer.fieldVarint(4, frame.offset);
  if ("size" in frame) writer.fieldVarint(4, frame.size);
  if (bytes !== undefined) writer.fieldBytes(5, bytes);
  if ("crc" in frame) writer.fieldVarint(6, frame.crc);
  return writer.seal();
}

/** The frame in `bytes`; what it carries is a view into them. Throws `WireError`. */
export function decodeFrame(bytes: Uint8Array): SnapshotFrame {
  const reader = new WireReader(bytes);
  let session = 0n;
  let carried = new Uint8Array(0);
  const numbers = [0, 0, 0, 0, 0, 0, 0];
  while (reader.next()) {
    if (reader.field === 2) session = reader.varint64();
    else if (reader.field === 5) carried = reader.bytes() as Uint8Array<ArrayBuffer>;
    else if (reader.field <= 6) numbers[reader.field] = counter(reader);
    else reader.skip();
  }
  const [, code = 0, , number = 0, offset = 0, , crc = 0] = numbers;
  const stream: StreamId = { session, number };
  const kind = kinds[code - 1];
  switch (kind) {
    case "offer":
    case "wanted":
      return { kind, stream, head: carried };
    case "chunk":
      if (carried.length === 0 || carried.length > chunkBytes) {
        throw new WireError(`chunk of ${carried.length} bytes`);
      }
      return { kind, stream, offset, bytes: carried };
    case "end":
      if (offset === 0) throw new WireError("empty snapshot"); // That is for a witness, and not sent so.
      return { kind, stream, size: offset, crc };
    case "ack":
    case "want":
      return { kind, stream, offset };
    case undefined:
      throw new WireError(`unknown frame ${code}`);
    default:
      return { kind, stream };
  }
}

export function isSameStream(left: StreamId, right: StreamId): boolean {
  return left.number === right.number && left.session === right.session;
}

function counter(reader: WireReader): number {
  const value = reader.varint();
  if (value < 0) throw new WireError(`field ${reader.field} must not be negative`);
  return value;
}
