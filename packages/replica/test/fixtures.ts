/** Small stand-ins for what a replica runs on. */
import { type Clock, compareBytes } from "@flotilla/base";
import type { Backend, BackendView, BackendWriter } from "@flotilla/store";

export class ManualClock implements Clock {
  #now = 0;
  nowMs(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}

export type Rows = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

/** Sorted arrays that are never changed in place. Only for few rows. */
export class ArrayBackend implements Backend, BackendWriter {
  tables: ReadonlyMap<string, Rows> = new Map();

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    return this.tables.get(table)?.find(([found]) => compareBytes(found, key) === 0)?.[1];
  }

  range(
    table: string,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: { readonly reverse?: boolean; readonly limit?: number } = {},
  ): Rows {
    const rows = (this.tables.get(table) ?? []).filter(
      ([key]) => compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0),
    );
    if (options.reverse === true) rows.reverse();
    return rows.slice(0, options.limit);
  }

  count(table: string, from: Uint8Array, to: Uint8Array | undefined): number {
    return this.range(table, from, to).length;
  }

  put(table: string, key: Uint8Array, value: Uint8Array): void {
    const rows = this.#without(table, key);
    const sorted = [...rows, [key, value.slice()] as const].sort(([left], [right]) =>
      compareBytes(left, right),
    );
    this.tables = new Map(this.tables).set(table, sorted);
  }

  append(table: string, key: Uint8Array, value: Uint8Array): void {
    this.put(table, key, value);
  }

  delete(table: string, key: Uint8Array): void {
    this.tables = new Map(this.tables).set(table, this.#without(table, key));
  }

  write<T>(body: (writer: BackendWriter) => T): T {
    const before = this.tables;
    try {
      return body(this);
    } catch (error) {
      this.tables = before;
      throw error;
    }
  }

  size() {
    return { totalBytes: 0, inUseBytes: 0 };
  }

  view(): BackendView {
    const copy = new ArrayBackend();
    copy.tables = this.tables;
    return Object.assign(copy, { isOpen: true, close() {} });
  }

  #without(table: string, key: Uint8Array): Rows {
    return (this.tables.get(table) ?? []).filter(([found]) => compareBytes(found, key) !== 0);
  }
}
