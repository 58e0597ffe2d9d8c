/**
 * The first rows of a range, and counts, in LMDB's open transaction: by one cursor for each table, used
 * again and again.
 *
 * lmdb makes a cursor, and what belongs to it, for each range that is read while a transaction is open
 * for writing, as it always is here. Each is an object that is half native, which the collector has to
 * keep books of: they were 40 % of what outlived a collection under a mixed load, and its pauses the
 * longest of the waits. So this one goes to lmdb's native part itself, for as many rows as most ranges
 * have; longer ones go on with an iteration of lmdb's.
 */
import { assert, present } from "@flotilla/base";
import * as lmdb from "lmdb";
import { type Entry, type LmdbTable, readValue } from "./lmdb-table.ts";

/** Rows of a range that are read by these cursors, all at once; and of their values. */
const firstRowsMax = 16;
const firstBytesMax = 64 * 1024;

/** What is used of lmdb's native part, whose signatures its `read.js` shows; lmdb's types leave it out. */
interface Native {
  readonly Cursor: new (database: object, transaction: number) => NativeCursor;
  /** Bytes of the key that it comes to, 0 at the end, or below that an error; with `onlyCount` how many. */
  position(cursor: number, flags: number, offset: number, keyLength: number, end: number): number;
  iterate(cursor: number): number;
  getAddress(memory: ArrayBuffer): number;
}
interface NativeCursor {
  readonly address: number;
  close(): void;
}
const native = (lmdb as unknown as { readonly nativeAddon: Native }).nativeAddon;

const flag = {
  reverse: 0x400,
  onlyCount: 0x1000,
  inclusiveEnd: 0x8000,
  exclusiveStart: 0x1_0000,
} as const;
/** `MDB_NOTFOUND`. */
const notFound = -30798;
/** Where in the shared buffer native code leaves a key. */
const keyAt = 32;

/** `to` is exclusive, as `from` is inclusive; in both directions. */
export interface CursorRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  readonly isReverse: boolean;
}

export class LmdbCursors {
  /** Through it keys come and go; one for all of lmdb. */
  readonly #keys: Uint8Array;
  /** The end of a range, behind its length: where native code reads it. */
  readonly #end: Uint8Array;
  readonly #endLength: Uint32Array;
  readonly #endAddress: number;
  readonly #cursors = new Map<LmdbTable, NativeCursor>();

  /** `keyBytesMax`: of the longest key that LMDB takes. */
  constructor(table: LmdbTable, keyBytesMax: number) {
    this.#keys = sharedKeyBuffer(table);
    const memory = new ArrayBuffer(4 + keyBytesMax);
    this.#end = new Uint8Array(memory, 4);
    this.#endLength = new Uint32Array(memory, 0, 1); // In the order of the machine.
    this.#endAddress = native.getAddress(memory);
  }

  /** The first rows of a range, at least one; `isWhole` when there are no more. Throws what lmdb has refused. */
  first(
    table: LmdbTable,
    range: CursorRange,
    limit: number = Number.POSITIVE_INFINITY,
  ): { readonly rows: readonly Entry[]; readonly isWhole: boolean } {
    const keys = limit <= 0 ? [] : this.#keysOf(table, range, Math.min(limit, firstRowsMax));
    const rows: Entry[] = [];
    let bytes = 0;
    for (const key of keys) {
      const value = present(readValue(table, key, undefined), "a row of its key");
      rows.push([key, value]);
      bytes += value.length;
      if (bytes >= firstBytesMax) break;
    }
    const areAll = keys.length < firstRowsMax || keys.length === limit;
    return { rows, isWhole: areAll && rows.length === keys.length };
  }

  /** How many rows there are. Throws what lmdb has refused. */
  count(table: LmdbTable, from: Uint8Array, to: Uint8Array | undefined): number {
    const range = { from, to, isReverse: false };
    return this.#position(this.#cursorOf(table).address, range, flag.onlyCount);
  }

  /** To be called before the transaction ends, whose cursors they are. */
  close(): void {
    for (const cursor of this.#cursors.values()) cursor.close();
    this.#cursors.clear();
  }

  #keysOf(table: LmdbTable, range: CursorRange, limit: number): readonly Uint8Array[] {
    const { address } = this.#cursorOf(table);
    const keys: Uint8Array[] = [];
    let length = this.#position(address, range, 0);
    while (length > 0) {
      keys.push(this.#keys.slice(keyAt, keyAt + length));
      if (keys.length === limit) return keys;
      length = checked(native.iterate(address));
    }
    return keys;
  }

  #cursorOf(table: LmdbTable): NativeCursor {
    const existing = this.#cursors.get(table);
    if (existing !== undefined) return existing;
    const cursor = new native.Cursor(table.db, 0); // 0: the transaction that is open.
    this.#cursors.set(table, cursor);
    return cursor;
  }

  #position(cursor: number, { from, to, isReverse }: CursorRange, flags: number): number {
    const start = isReverse ? to : from;
    const end = isReverse ? from : to;
    const direction = isReverse ? flag.reverse | flag.exclusiveStart | flag.inclusiveEnd : 0;
    const startLength = start?.length ?? 0;
    if (start !== undefined) this.#keys.set(start);
    const hasEnd = end !== undefined && end.length > 0;
    if (hasEnd) {
      this.#end.set(end);
      this.#endLength[0] = end.length;
    }
    const endAddress = hasEnd ? this.#endAddress : 0;
    return checked(native.position(cursor, direction | flags, 0, startLength, endAddress));
  }
}

/** lmdb gives it to nobody but the function that writes keys into it. */
function sharedKeyBuffer(table: LmdbTable): Uint8Array {
  const { writeKey } = table;
  let shared: Uint8Array | undefined;
  table.writeKey = (key, target, at) => {
    shared = target;
    return writeKey(key, target, at);
  };
  try {
    table.getBinaryFast(Uint8Array.of(0));
  } finally {
    table.writeKey = writeKey;
  }
  assert(shared !== undefined, "backend: lmdb writes the key that it looks for");
  return new Uint8Array(shared.buffer, shared.byteOffset, shared.byteLength);
}

function checked(result: number): number {
  if (result < 0 && result !== notFound) throw new Error(`LMDB answers with ${result}`);
  return result;
}
