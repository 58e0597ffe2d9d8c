/**
 * The store's backend in a simulated world: sorted maps whose copies cost nothing, so that a
 * checkpoint, a snapshot and the way back after a crash are a few assignments. Pure.
 */
import { assert, compareBytes } from "@flotilla/base";
import type { Backend, BackendView, BackendWriter, Table } from "@flotilla/store";
import { OrderedMap } from "./ordered-map.ts";

/** All tables at one moment. Nobody changes it. */
export type StateImage = ReadonlyMap<Table, OrderedMap>;

export class SimulatedBackend implements Backend, BackendWriter {
  #tables: Map<Table, OrderedMap> = new Map<Table, OrderedMap>();
  #isWriting = false;

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#tables.get(table)?.get(key);
  }

  *range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: { readonly reverse?: boolean; readonly limit?: number } = {},
  ): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
    const map = this.#tables.get(table);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (map === undefined || left <= 0) return;
    const isReverse = options.reverse === true;
    for (const entry of isReverse ? map.descend(to) : map.ascend(from)) {
      const isOutside = isReverse
        ? compareBytes(entry[0], from) < 0
        : to !== undefined && compareBytes(entry[0], to) >= 0;
      if (isOutside) return;
      yield entry;
      if (--left === 0) return;
    }
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    const map = this.#tables.get(table);
    if (map === undefined) return 0;
    return Math.max(0, (to === undefined ? map.size : map.rank(to)) - map.rank(from));
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    assert(this.#isWriting, "backend: a writer is used within its write");
    assert(key.length > 0, "backend: a key is not empty");
    let map = this.#tables.get(table);
    if (map === undefined) {
      map = new OrderedMap();
      this.#tables.set(table, map);
    }
    map.set(key, value.slice());
  }

  append(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.put(table, key, value);
  }

  delete(table: Table, key: Uint8Array): void {
    assert(this.#isWriting, "backend: a writer is used within its write");
    this.#tables.get(table)?.delete(key);
  }

  write<Result>(body: (writer: BackendWriter) => Result): Result {
    assert(!this.#isWriting, "backend: writes do not nest");
    this.#isWriting = true;
    try {
      // Whoever throws here has found a bug: the run is over, and nobody looks at a half-done write.
      return body(this);
    } finally {
      this.#isWriting = false;
    }
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    let bytes = 0;
    for (const map of this.#tables.values()) {
      for (const [key, value] of map.ascend(new Uint8Array(0))) bytes += key.length + value.length;
    }
    return { totalBytes: bytes, inUseBytes: bytes };
  }

  view(): BackendView {
    const copy = new SimulatedBackend();
    copy.load(this.#tables);
    return Object.assign(copy, { isOpen: true, close: () => {} });
  }

  /** Everything as it is now. O(tables). */
  image(): StateImage {
    return copyOf(this.#tables);
  }

  /** Everything is as in `image` from now on. O(tables). */
  load(image: StateImage): void {
    this.#tables = copyOf(image);
  }
}

function copyOf(tables: StateImage): Map<Table, OrderedMap> {
  const copies = new Map<Table, OrderedMap>();
  for (const [table, map] of tables) copies.set(table, map.copy());
  return copies;
}
