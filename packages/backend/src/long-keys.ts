/**
 * Keys of any length over tables whose keys are short, in the same order. Pure apart from the
 * tables that it is given.
 *
 * LMDB keys have at most 1978 bytes, and etcd keys may have 1.5 MB. A key of up to
 * {@link chunkBytes} bytes is stored as it is. Of a longer one the first chunk, with a zero byte
 * behind it, leads to a bucket in a side table, and the rest of the key is stored there under the
 * bucket's id, cut again if it has to be. So a bucket stands where all its keys belong: right after
 * the key that is the chunk itself, and before everything that is greater.
 *
 * Example, with chunks of 3 bytes and the key "abcdef":
 *
 *     table       "abc\0"      -> bucket 7
 *     table/long  7 + "def"    -> the value
 *
 * A bucket entry is told from a key by its length, which is one more than a key's can be.
 */
import { concatBytes, emptyBytes, equalBytes, prefixEnd } from "@flotilla/base";
import type { BackendReader, BackendWriter, Table } from "@flotilla/store";

/** Longest piece of a key that is stored in one entry; 8 bytes of bucket id and 1 come on top. */
export const chunkBytes = 1900;
const idBytes = 8;
const longSuffix = "/long";
/** Side table with the last bucket id that was given out. */
const countersTable: Table = `counters${longSuffix}`;
const bucketCounter = Uint8Array.of(0);

type Entry = readonly [key: Uint8Array, value: Uint8Array];
interface RangeOptions {
  readonly reverse?: boolean;
  readonly limit?: number;
}
/** Half-open, relative to the bucket that it is about. */
interface Bounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
}
/** Where a bucket's entries lie: the whole table when the prefix is empty. */
interface Bucket {
  readonly table: Table;
  readonly prefix: Uint8Array;
}

/** False for the side tables, which a snapshot does not name: their keys are part of other tables. */
export function isUserTable(table: Table): boolean {
  return !table.endsWith(longSuffix);
}

/** Reads tables of long keys. */
export class LongKeyReader implements BackendReader {
  readonly #tables: BackendReader;
  /** Tables known to have long keys; a table is looked at once, and stays in here. */
  readonly #haveLong = new Map<Table, boolean>();

  constructor(tables: BackendReader) {
    this.#tables = tables;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    if (key.length <= chunkBytes) return this.#tables.get(table, key);
    const path = this.pathTo(table, key);
    const last = path.at(-1);
    return last === undefined ? undefined : this.#tables.get(last.table, last.key);
  }

  range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: RangeOptions = {},
  ): Iterable<Entry> {
    if (this.#areShort(table, from, to)) return this.#tables.range(table, from, to, options);
    return this.#limited(table, { from, to }, options);
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    if (this.#areShort(table, from, to)) return this.#tables.count(table, from, to);
    let count = 0;
    for (const _ of this.#limited(table, { from, to }, {})) count++;
    return count;
  }

  /** From now on `table` has long keys. */
  protected noteLong(table: Table): void {
    this.#haveLong.set(table, true);
  }

  /** The entries that lead to a long key, its own last; empty when a bucket on the way is missing. */
  protected pathTo(table: Table, key: Uint8Array): readonly { table: Table; key: Uint8Array }[] {
    const path: { table: Table; key: Uint8Array }[] = [];
    let bucket: Bucket = { table, prefix: emptyBytes };
    let rest = key;
    while (rest.length > chunkBytes) {
      const entry = { table: bucket.table, key: bucketKey(bucket.prefix, rest) };
      path.push(entry);
      const id = this.#tables.get(entry.table, entry.key);
      if (id === undefined) return [];
      bucket = { table: longTable(table), prefix: id };
      rest = rest.subarray(chunkBytes);
    }
    path.push({ table: bucket.table, key: concatBytes([bucket.prefix, rest]) });
    return path;
  }

  #areShort(table: Table, from: Uint8Array, to: Uint8Array | undefined): boolean {
    let hasLong = this.#haveLong.get(table);
    if (hasLong === undefined) {
      hasLong = hasEntry(this.#tables, longTable(table), emptyBytes, undefined);
      this.#haveLong.set(table, hasLong);
    }
    return !hasLong && from.length <= chunkBytes && (to === undefined || to.length <= chunkBytes);
  }

  *#limited(table: Table, bounds: Bounds, options: RangeOptions): Generator<Entry> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const isReverse = options.reverse === true;
    const bucket = { table, prefix: emptyBytes };
    for (const entry of this.#scan(bucket, longTable(table), emptyBytes, bounds, isReverse)) {
      yield entry;
      if (--left === 0) return;
    }
  }

  /** The entries of one bucket; `path` is what their keys have in front. */
  *#scan(
    bucket: Bucket,
    long: Table,
    path: Uint8Array,
    bounds: Bounds,
    reverse: boolean,
  ): Generator<Entry> {
    const { from, to } = rawBounds(bucket.prefix, bounds);
    for (const [rawKey, value] of this.#tables.range(bucket.table, from, to, { reverse })) {
      const rest = rawKey.subarray(bucket.prefix.length);
      if (rest.length <= chunkBytes) {
        yield [path.length === 0 ? rest : concatBytes([path, rest]), value];
        continue;
      }
      const chunk = rest.subarray(0, chunkBytes);
      const inner = { table: long, prefix: value };
      const innerBounds = boundsWithin(chunk, bounds);
      yield* this.#scan(inner, long, concatBytes([path, chunk]), innerBounds, reverse);
    }
  }
}

/** Reads and writes tables of long keys. */
export class LongKeyWriter extends LongKeyReader implements BackendWriter {
  readonly #tables: BackendWriter;

  constructor(tables: BackendWriter) {
    super(tables);
    this.#tables = tables;
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    if (key.length <= chunkBytes) {
      this.#tables.put(table, key, value);
      return;
    }
    this.noteLong(table);
    let bucket: Bucket = { table, prefix: emptyBytes };
    let rest = key;
    while (rest.length > chunkBytes) {
      bucket = { table: longTable(table), prefix: this.#bucketFor(bucket, rest) };
      rest = rest.subarray(chunkBytes);
    }
    this.#tables.put(bucket.table, concatBytes([bucket.prefix, rest]), value);
  }

  append(table: Table, key: Uint8Array, value: Uint8Array): void {
    if (key.length <= chunkBytes) this.#tables.append(table, key, value);
    else this.put(table, key, value);
  }

  delete(table: Table, key: Uint8Array): void {
    if (key.length <= chunkBytes) {
      this.#tables.delete(table, key);
      return;
    }
    const path = this.pathTo(table, key);
    const leaf = path.at(-1);
    if (leaf === undefined) return;
    this.#tables.delete(leaf.table, leaf.key);
    // Then each bucket on the way back that has become empty.
    for (const entry of path.slice(0, -1).reverse()) {
      const id = this.#tables.get(entry.table, entry.key);
      if (id !== undefined && hasEntry(this.#tables, longTable(table), id, prefixEnd(id))) return;
      this.#tables.delete(entry.table, entry.key);
    }
  }

  /** The id of the bucket for the first chunk of `rest`, made if it is not there. */
  #bucketFor(bucket: Bucket, rest: Uint8Array): Uint8Array {
    const key = bucketKey(bucket.prefix, rest);
    const existing = this.#tables.get(bucket.table, key);
    if (existing !== undefined) return existing;
    const id = this.#nextId();
    this.#tables.put(bucket.table, key, id);
    return id;
  }

  /** Never used before, also not by a bucket that is gone. */
  #nextId(): Uint8Array {
    const last = this.#tables.get(countersTable, bucketCounter) ?? new Uint8Array(idBytes);
    const next = last.slice();
    for (let at = idBytes - 1; at >= 0; at--) {
      next[at] = (next[at] as number) + 1;
      if (next[at] !== 0) break;
    }
    this.#tables.put(countersTable, bucketCounter, next);
    return next;
  }
}

function hasEntry(
  tables: BackendReader,
  table: Table,
  from: Uint8Array,
  to: Uint8Array | undefined,
): boolean {
  for (const _ of tables.range(table, from, to, { limit: 1 })) return true;
  return false;
}

function longTable(table: Table): Table {
  return `${table}${longSuffix}`;
}

function bucketKey(prefix: Uint8Array, rest: Uint8Array): Uint8Array {
  return concatBytes([prefix, rest.subarray(0, chunkBytes), Uint8Array.of(0)]);
}

/** Bounds in the table that hold every entry which has, or leads to, a key within `bounds`. */
function rawBounds(prefix: Uint8Array, { from, to }: Bounds): Bounds {
  const first = from.length > chunkBytes ? bucketKey(prefix, from) : concatBytes([prefix, from]);
  if (to === undefined) {
    return { from: first, to: prefix.length === 0 ? undefined : prefixEnd(prefix) };
  }
  if (to.length <= chunkBytes) return { from: first, to: concatBytes([prefix, to]) };
  const end = bucketKey(prefix, to);
  end[end.length - 1] = 1; // After the bucket, which `to` lies in.
  return { from: first, to: end };
}

/** `bounds` as the bucket behind `chunk` sees them. */
function boundsWithin(chunk: Uint8Array, { from, to }: Bounds): Bounds {
  return {
    from: continues(from, chunk) ? from.subarray(chunkBytes) : emptyBytes,
    to: to !== undefined && continues(to, chunk) ? to.subarray(chunkBytes) : undefined,
  };
}

function continues(bound: Uint8Array, chunk: Uint8Array): boolean {
  return bound.length > chunkBytes && equalBytes(bound.subarray(0, chunkBytes), chunk);
}
