/**
 * The backend in memory: for tests, the simulator and stores that need not survive. No I/O.
 *
 * One copy-on-write B+ tree for each table: a snapshot costs nothing until something changes.
 */
import { assert, compareBytes } from "@flotilla/base";
import type { BackendView, BackendWriter, DurableBackend, Table } from "@flotilla/store";
import sortedBtree from "sorted-btree";
import { BackendError } from "./errors.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-format.ts";

// The package is CommonJS with a default export: under ESM the class is one level further down.
const BTree = sortedBtree.default;
type Tree = InstanceType<typeof BTree<Uint8Array, Uint8Array>>;
type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** An empty backend. */
export function createMemoryBackend(): DurableBackend {
  return new MemoryBackend();
}

class MemoryBackend implements DurableBackend, BackendWriter {
  #tables = new Map<Table, Tree>();
  #isWriting = false;
  #isClosed = false;
  /** Why nothing goes on. */
  #failure: BackendError | undefined;

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    this.#checkOpen();
    return this.#tables.get(table)?.get(key);
  }

  *range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: { readonly reverse?: boolean; readonly limit?: number } = {},
  ): Generator<Entry> {
    this.#checkOpen();
    const tree = this.#tables.get(table);
    if (tree === undefined) return;
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    const isReverse = options.reverse === true;
    const entries = isReverse ? tree.entriesReversed(to, undefined, true) : tree.entries(from);
    for (const entry of entries) {
      const isOutside = isReverse
        ? compareBytes(entry[0], from) < 0
        : to !== undefined && compareBytes(entry[0], to) >= 0;
      if (isOutside) return;
      yield entry;
      if (--left === 0) return;
    }
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    this.#checkOpen();
    const tree = this.#tables.get(table);
    const last = tree?.maxKey();
    if (tree === undefined || last === undefined) return 0;
    if (to === undefined) return tree.forRange(from, last, true);
    return compareBytes(from, to) < 0 ? tree.forRange(from, to, false) : 0;
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    assert(key.length > 0, "backend: a key is not empty");
    this.#changing(table).set(key, value.slice());
  }

  append(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.put(table, key, value);
  }

  delete(table: Table, key: Uint8Array): void {
    this.#changing(table).delete(key);
  }

  write<T>(body: (writer: BackendWriter) => T): T {
    this.#checkOpen();
    assert(!this.#isWriting, "backend: writes do not nest");
    this.#isWriting = true;
    try {
      return body(this);
    } catch (error) {
      const message = "Cannot go on after a write that failed";
      this.#failure ??= new BackendError("failed", message, { cause: error });
      throw error;
    } finally {
      this.#isWriting = false;
    }
  }

  async sync(): Promise<void> {
    this.#checkOpen();
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    let bytes = 0;
    for (const tree of this.#tables.values()) {
      tree.forEachPair((key, value) => {
        bytes += key.length + value.length;
      });
    }
    return { totalBytes: bytes, inUseBytes: bytes };
  }

  view(): BackendView {
    this.#checkOpen();
    assert(!this.#isWriting, "backend: a view is of the time between writes");
    const copy = new MemoryBackend();
    for (const [name, tree] of this.#tables) copy.#tables.set(name, tree.clone());
    return {
      get isOpen() {
        return !copy.#isClosed;
      },
      get: (table, key) => copy.get(table, key),
      range: (table, from, to, options) => copy.range(table, from, to, options),
      count: (table, from, to) => copy.count(table, from, to),
      close: () => copy.#close(),
    };
  }

  snapshot(): AsyncIterable<Uint8Array> {
    this.#checkOpen();
    const tables: [Table, Tree][] = [];
    for (const [name, tree] of this.#tables) tables.push([name, tree.clone()]);
    return chunksOf(tables);
  }

  async restore(snapshot: AsyncIterable<Uint8Array>): Promise<void> {
    this.#checkOpen();
    const restored = new Map<Table, Tree>();
    await decodeSnapshot(snapshot, (entries) => {
      for (const { table, key, value } of entries) treeOf(restored, table).set(key, value);
    });
    this.#tables = restored;
  }

  async close(): Promise<void> {
    this.#close();
  }

  #close(): void {
    this.#isClosed = true;
    this.#tables.clear();
  }

  #changing(table: Table): Tree {
    assert(this.#isWriting, "backend: a writer is used within its write");
    return treeOf(this.#tables, table);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new BackendError("closed", "Cannot use a backend that is closed");
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function* chunksOf(tables: readonly [Table, Tree][]): AsyncGenerator<Uint8Array> {
  yield* encodeSnapshot(tables.map(([name, tree]) => [name, tree.entries()] as const));
}

function treeOf(tables: Map<Table, Tree>, table: Table): Tree {
  const tree = tables.get(table) ?? new BTree<Uint8Array, Uint8Array>(undefined, compareBytes);
  tables.set(table, tree);
  return tree;
}
