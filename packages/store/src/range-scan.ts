/**
 * Looks at the rows of a range in the order of their keys, some at a time. Pure apart from the reader
 * that it is given.
 */
import { successorOf } from "@flotilla/base";
import type { BackendReader, KeyValue } from "./contract.ts";
import { table, versionsAfter, versionsStart } from "./layout.ts";
import {
  keysAt,
  type LiveKey,
  liveKey,
  readRevision,
  readValue,
  rowWithoutValue,
} from "./read-range.ts";

/** What a row at an older revision takes, in rows at the latest. */
const olderRowCost = 4;

/** Which rows. */
export interface ScanBounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  /** As they were at this revision; undefined: at the latest. */
  readonly at: number | undefined;
  /** False: those at the latest may come without their values. */
  readonly withValues: boolean;
}

export class RangeScan {
  readonly #to: Uint8Array | undefined;
  readonly #at: number | undefined;
  readonly #withValues: boolean;
  /** First key that it has not looked at; a place in `versions` when it reads an older revision. */
  #position: Uint8Array;
  #isDone = false;

  constructor({ from, to, at, withValues }: ScanBounds) {
    this.#to = to;
    this.#at = at;
    this.#withValues = withValues;
    this.#position = at === undefined ? from : versionsStart(from);
  }

  /** True when there is nothing left to look at. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Gives `take` the next rows, of at most `rowsMax` keys, until it returns false. */
  advance(reader: BackendReader, rowsMax: number, take: (row: KeyValue) => boolean): void {
    if (this.#at === undefined) this.#advanceLatest(reader, rowsMax, take);
    else this.#advanceAt(reader, this.#at, rowsMax, take);
  }

  /**
   * Counts rows that are left: of `rowsMax` keys at an older revision; at the latest all of them, which
   * the backend does at a stretch (LMDB: 0.1 to 0.2 s for a million).
   */
  count(reader: BackendReader, rowsMax: number): number {
    if (this.#at === undefined) {
      this.#isDone = true;
      return reader.count(table.current, this.#position, this.#to);
    }
    let [looked, count] = [0, 0];
    for (const { live, lastVersion } of keysAt(reader, this.#position, this.#to, this.#at)) {
      if (live !== undefined) count++;
      this.#position = versionsAfter(lastVersion);
      if (++looked === rowsMax) return count;
    }
    this.#isDone = true;
    return count;
  }

  #advanceLatest(reader: BackendReader, rowsMax: number, take: (row: KeyValue) => boolean): void {
    const keys: LiveKey[] = [];
    const options = { limit: rowsMax };
    for (const [key, bytes] of reader.range(table.current, this.#position, this.#to, options)) {
      keys.push(liveKey(key, bytes));
    }
    let looked = 0;
    for (const live of keys) {
      looked++;
      this.#position = successorOf(live.key);
      if (!take(this.#withValues ? readValue(reader, live) : rowWithoutValue(live))) break;
    }
    this.#isDone = looked === keys.length && keys.length < rowsMax;
  }

  #advanceAt(
    reader: BackendReader,
    at: number,
    rowsMax: number,
    take: (row: KeyValue) => boolean,
  ): void {
    let looked = 0;
    for (const { live, lastVersion } of keysAt(reader, this.#position, this.#to, at)) {
      this.#position = versionsAfter(lastVersion);
      looked += live === undefined ? 1 : olderRowCost;
      const goesOn = live === undefined || take(readRevision(reader, live));
      if (!goesOn || looked >= rowsMax) return;
    }
    this.#isDone = true;
  }
}
