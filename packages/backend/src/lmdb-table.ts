/** Reading one of LMDB's tables by what lmdb offers: a value, a range, a count. Throws what lmdb throws. */
import { slabCopy } from "@flotilla/base";
import type { Database, Transaction } from "lmdb";

export type Entry = readonly [key: Uint8Array, value: Uint8Array];
export interface PinnedOptions {
  readonly transaction: Transaction;
}
/** A table, with what lmdb's types leave out. */
export type LmdbTable = Database<Uint8Array, Uint8Array> & {
  /** What native code knows it by. */
  readonly db: object;
  writeKey: (key: Uint8Array, target: Uint8Array, at: number) => number;
  getBinaryFast(key: Uint8Array, options?: PinnedOptions): Uint8Array | undefined;
};
export interface RangeOptions {
  readonly reverse?: boolean;
  readonly limit?: number;
}
/** V8's `typed_array_max_size_in_heap`. */
const onHeapBytesMax = 64;

/** A value, the caller's to keep. */
export function readValue(
  table: LmdbTable,
  key: Uint8Array,
  options: PinnedOptions | undefined,
): Uint8Array | undefined {
  const shared = table.getBinaryFast(key, options);
  return shared === undefined ? undefined : copyOf(shared);
}

/** The rows of a range, read as they are asked for. */
export function* readRows(
  table: LmdbTable,
  from: Uint8Array,
  to: Uint8Array | undefined,
  options: RangeOptions,
  transaction: Transaction | undefined,
): Generator<Entry> {
  const rows = table.getRange(rangeOptions(from, to, options, transaction));
  for (const { key, value } of rows) yield [plain(key), plain(value)];
}

/** Rows of a range. */
export function countRows(
  table: LmdbTable,
  from: Uint8Array,
  to: Uint8Array | undefined,
  transaction: Transaction | undefined,
): number {
  return table.getKeysCount(rangeOptions(from, to, {}, transaction));
}

function rangeOptions(
  from: Uint8Array,
  to: Uint8Array | undefined,
  options: RangeOptions,
  transaction: Transaction | undefined,
) {
  // lmdb takes `undefined` for "from the very beginning", and an absent start for something else.
  const first = (from.length === 0 ? undefined : from) as Uint8Array;
  const last = to as Uint8Array;
  const bounds =
    options.reverse === true
      ? { reverse: true, start: last, exclusiveStart: true, end: first, inclusiveEnd: true }
      : { start: first, end: last };
  return {
    ...bounds,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(transaction === undefined ? {} : { transaction }),
  };
}

/** Of what LMDB has read into the buffer that it uses for every read. */
function copyOf(shared: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = shared;
  return slabCopy(new Uint8Array(buffer, byteOffset, length));
}

/** The same bytes without Buffer's methods, of which `slice` means something else than ours. */
function plain(bytes: Uint8Array): Uint8Array {
  // V8 keeps small arrays on its heap: to ask for their `buffer` moves them out, a slow thing to do.
  if (bytes.byteLength <= onHeapBytesMax) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
