/**
 * A snapshot as a stream of bytes, the same for every kind of backend. Pure.
 *
 * | part    | bytes                                                                              |
 * |---------|------------------------------------------------------------------------------------|
 * | header  | "FLOTSNP1"                                                                         |
 * | frames  | length (4, big endian, not 0), then protobuf: 1 = table, 2 = key, 3 = value        |
 * | trailer | length 0 (4), entries (8), CRC-32C of everything before it (4), all big endian     |
 *
 * Within a frame a table is named before its first entry. A stream that ends without its trailer,
 * or whose trailer does not fit, is no snapshot.
 */
import {
  concatBytes,
  crc32c,
  equalBytes,
  utf8,
  WireError,
  WireReader,
  WireWriter,
} from "@flotilla/base";
import { BackendError } from "./errors.ts";

const header = utf8("FLOTSNP1");
/** A frame is closed at this size; a larger entry has a frame of its own. */
export const frameBytesTarget = 65_536;
/** Above every request that a member accepts; a longer frame is taken for damage. */
export const frameBytesMax: number = 64 * 1024 * 1024;
const trailerBytes = 16;

const field = { table: 1, key: 2, value: 3 } as const;

export type Entries = Iterable<readonly [key: Uint8Array, value: Uint8Array]>;

export interface SnapshotEntry {
  readonly table: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The bytes of a snapshot of `tables`, chunk by chunk. */
export function* encodeSnapshot(
  tables: Iterable<readonly [name: string, entries: Entries]>,
): Generator<Uint8Array> {
  let crc = crc32c(header);
  let count = 0;
  yield header;
  const frame = new WireWriter(2 * frameBytesTarget);
  for (const [name, entries] of tables) {
    frame.fieldText(field.table, name);
    for (const [key, value] of entries) {
      frame.fieldBytesAlways(field.key, key);
      frame.fieldBytesAlways(field.value, value);
      count++;
      if (frame.size < frameBytesTarget) continue;
      const bytes = framed(frame);
      crc = crc32c(bytes, crc);
      yield bytes;
      frame.fieldText(field.table, name);
    }
  }
  if (frame.size > 0) {
    const last = framed(frame);
    crc = crc32c(last, crc);
    yield last;
  }
  yield trailer(count, crc);
}

/** Hands the entries of a stream to `onFrame`, in their order. Throws {@link BackendError} `badSnapshot`. */
export async function decodeSnapshot(
  stream: AsyncIterable<Uint8Array>,
  onFrame: (entries: readonly SnapshotEntry[]) => void,
): Promise<void> {
  const input = new ByteQueue(stream);
  try {
    await decodeFrames(input, onFrame);
  } finally {
    await input.end();
  }
}

async function decodeFrames(
  input: ByteQueue,
  onFrame: (entries: readonly SnapshotEntry[]) => void,
): Promise<void> {
  const start = await input.take(header.length);
  if (!equalBytes(start, header)) throw badSnapshot("it does not begin like one");
  let crc = crc32c(start);
  let count = 0;
  for (;;) {
    const prefix = await input.take(4);
    const length = readUint32(prefix, 0);
    if (length === 0) break;
    if (length > frameBytesMax) throw badSnapshot(`a frame of ${length} bytes`);
    const body = await input.take(length);
    crc = crc32c(body, crc32c(prefix, crc));
    const entries = decodeFrame(body);
    count += entries.length;
    onFrame(entries);
  }
  const rest = await input.take(trailerBytes - 4);
  if (!equalBytes(concatBytes([new Uint8Array(4), rest]), trailer(count, crc))) {
    throw badSnapshot("its checksum does not fit");
  }
}

function framed(frame: WireWriter): Uint8Array {
  const body = frame.view();
  const bytes = new Uint8Array(4 + body.length);
  writeUint32(bytes, 0, body.length);
  bytes.set(body, 4);
  frame.reset();
  return bytes;
}

function trailer(count: number, crc: number): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  writeUint32(bytes, 4, Math.floor(count / 0x1_0000_0000));
  writeUint32(bytes, 8, count);
  writeUint32(bytes, 12, crc);
  return bytes;
}

function decodeFrame(body: Uint8Array): readonly SnapshotEntry[] {
  const entries: SnapshotEntry[] = [];
  const reader = new WireReader(body);
  let table = "";
  let key: Uint8Array | undefined;
  try {
    while (reader.next()) {
      if (reader.field === field.table) table = reader.text();
      else if (reader.field === field.key) key = reader.bytes();
      else if (reader.field === field.value && key !== undefined && table !== "") {
        entries.push({ table, key, value: reader.bytes() });
        key = undefined;
      } else throw badSnapshot(`field ${reader.field} out of place`);
    }
  } catch (error) {
    if (error instanceof WireError) throw badSnapshot(error.message);
    throw error;
  }
  return entries;
}

/** Cuts a stream of chunks of any size into pieces of a wanted size. */
class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  /** Lets the source go: it may hold on to something until it is read to its end or given up. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }

  async take(length: number): Promise<Uint8Array> {
    while (this.#size < length) {
      const next = await this.#source.next();
      if (next.done === true) throw badSnapshot("it ends too early");
      this.#chunks.push(next.value);
      this.#size += next.value.length;
    }
    const [first] = this.#chunks;
    const all =
      this.#chunks.length === 1 && first !== undefined ? first : concatBytes(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#size -= length;
    return all.subarray(0, length);
  }
}

function badSnapshot(reason: string): BackendError {
  return new BackendError("badSnapshot", `Cannot restore a snapshot: ${reason}`);
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
