/**
 * One LMDB environment: tables of short keys, and one write transaction that many writes share. Owns
 * the files of one directory.
 *
 * The transaction is kept open over many calls of {@link LmdbEnvironment.write}, until a checkpoint or
 * a snapshot asks for a commit or it has grown too large: a page that changes a hundred times meanwhile
 * is copied and written once. Measured with batches of 100 puts of 300 bytes into 3 tables of 100,000
 * rows, for one put: 46 us with a synced commit for each batch, 13 us with a commit and no sync, 8 us
 * with one commit for fifty batches.
 *
 * All reads see what is in the open transaction. A write that throws ends the environment, and with it
 * what it has done: nothing of the open transaction is in the file, and the log has it all.
 *
 * What costs here is memory that V8 does not hold itself: an array of its own for each value read or
 * written is most of what a put costs. So values are read into slices of a slab.
 */
import { mkdirSync } from "node:fs";
import { assert, failpoint, present, successorOf } from "@flotilla/base";
import type { BackendReader, BackendWriter, Table } from "@flotilla/store";
import { ABORT, open, type RootDatabase, type Transaction } from "lmdb";
import { BackendError, guarded } from "./errors.ts";
import { LmdbCursors } from "./lmdb-cursors.ts";
import {
  countRows,
  type Entry,
  type LmdbTable,
  type PinnedOptions,
  type RangeOptions,
  readRows,
  readValue,
} from "./lmdb-table.ts";

/**
 * A commit is made at the latest after this many puts and deletes, or when so much time has passed: what
 * it writes, it writes at a stretch.
 */
export const commitOperationsMax = 12_000;
export const commitMsMax = 100;
/** Or after this many bytes of keys and values. */
export const commitBytesMax: number = 16 * 1024 * 1024;
/** Tables, side tables included. */
const tablesMax = 64;
/** Of the longest key that LMDB takes. */
const keyBytesMax = 1978;

/** What lmdb's getStats() gives, as far as it is used; its own types say `{}`. */
interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
interface EnvironmentStats extends TreeStats {
  readonly root: TreeStats;
  readonly free: TreeStats;
  readonly lastPageNumber: number;
}

/** LMDB fills the pages of a table that grows at its end, instead of leaving each half empty. */
const atTheEnd = { append: true } as const;

const binary = { encoding: "binary", keyEncoding: "binary" } as const;

export class LmdbEnvironment implements BackendWriter {
  readonly directory: string;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #tables = new Map<Table, LmdbTable>();
  readonly #cursors: LmdbCursors;
  /** Ends the open transaction; undefined when none is open. */
  #finish: ((outcome: unknown) => void) | undefined;
  /** Puts and deletes of the open transaction, and bytes of their keys and values. */
  #changes = 0;
  #changedBytes = 0;
  /** When the open transaction began. */
  #beganMs = 0;
  #isWriting = false;
  #iterations = 0;
  #commits = 0;
  #failure: BackendError | undefined;
  #isClosed = false;

  /** `mapSizeBytes`: address space that is set aside for the file. */
  constructor(directory: string, mapSizeBytes: number) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    this.#root = guarded("open the store", () =>
      open<Uint8Array, Uint8Array>({
        path: directory,
        noSubdir: false,
        mapSize: mapSizeBytes,
        maxDbs: tablesMax,
        noSync: true, // Checkpoints do that.
        overlappingSync: false,
        ...binary,
      }),
    );
    for (const name of this.#tableNames()) this.#tables.set(name, this.#openTable(name));
    this.#cursors = new LmdbCursors(this.#root as unknown as LmdbTable, keyBytesMax);
  }

  /** Names of all tables. */
  tables(): readonly Table[] {
    return [...this.#tables.keys()].sort();
  }

  /** Commits made; a checkpoint that has seen as many is of the present state. */
  get commits(): number {
    return this.#commits;
  }

  /** True when the open transaction holds changes that no commit has. */
  get hasOpenChanges(): boolean {
    return this.#changes > 0;
  }

  /** Nothing goes on: see {@link fail}. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  get pageBytes(): number {
    return this.#stats().pageSize;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    this.#checkUsable();
    return this.#get(table, key, undefined);
  }

  range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: RangeOptions = {},
  ): Iterable<Entry> {
    if (this.#finish === undefined) return this.#iterate(table, from, to, options, undefined);
    this.#checkUsable();
    const database = this.#tables.get(table);
    if (database === undefined) return [];
    const bounds = { from, to, isReverse: options.reverse === true };
    const first = guarded("read", () => this.#cursors.first(database, bounds, options.limit));
    if (first.isWhole) return first.rows;
    return this.#beginningWith(first.rows, table, from, to, options);
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    return this.#count(table, from, to, undefined);
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#put(table, key, value, undefined);
  }

  append(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#put(table, key, value, atTheEnd);
  }

  delete(table: Table, key: Uint8Array): void {
    assert(this.#isWriting, "backend: a writer is used within its write");
    try {
      this.#tables.get(table)?.removeSync(key);
    } catch (error) {
      throw BackendError.from(error, "delete");
    }
    this.#changes++;
    this.#changedBytes += key.length;
  }

  /**
   * Runs `body` as one unit, after which its changes are visible; not yet on the disk. When it throws,
   * nothing goes on: see {@link fail}.
   */
  write<T>(body: () => T): T {
    this.#checkUsable();
    assert(!this.#isWriting, "backend: writes do not nest");
    this.#begin();
    this.#isWriting = true;
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.#abort(error);
      throw error;
    } finally {
      this.#isWriting = false;
    }
    if (this.#isDue() && this.#iterations === 0) this.commit();
    return result;
  }

  /** Ends the open transaction: what it did is in the file, as the kernel sees it. */
  commit(): void {
    this.#checkUsable();
    if (this.#finish === undefined) return;
    assert(this.#iterations === 0, "backend: an iteration must be over before the next write");
    failpoint("beforeCommit");
    try {
      this.#finishWith(undefined);
    } catch (error) {
      throw this.fail(error, "commit");
    }
    failpoint("afterCommit");
    this.#changes = 0;
    this.#changedBytes = 0;
    this.#commits++;
  }

  /** Protects the committed state, and lets one read it, until `done` is called. */
  pin(): Transaction {
    this.commit();
    return guarded("begin to read", () => {
      // All reads of a turn share a transaction, which neither sees this turn's commits nor survives
      // when a table is made. So this one is another one, and nobody else's.
      this.#root.resetReadTxn();
      const pin = this.#root.useReadTransaction();
      this.#root.resetReadTxn();
      return pin;
    });
  }

  /** Reads as of a pinned state; to be called in the turn in which it was pinned. */
  readerAt(pin: Transaction): BackendReader {
    // LMDB has no name for a table that was made later.
    const known = new Set(this.#tables.keys());
    const range: BackendReader["range"] = (table, from, to, options = {}) =>
      known.has(table) ? this.#iterate(table, from, to, options, pin) : [];
    const options = { transaction: pin };
    return {
      get: (table, key) => {
        // While a transaction is open for writing, lmdb gets from that one, whatever it is told.
        this.commit();
        return known.has(table) ? this.#get(table, key, options) : undefined;
      },
      range,
      count: (table, from, to) => (known.has(table) ? this.#count(table, from, to, pin) : 0),
    };
  }

  /**
   * Bytes of the file and of the pages in use, as of the last commit, and what was written since: more
   * or less, since pages are copied and split.
   */
  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    this.#checkUsable();
    const stats = this.#stats();
    let pages = pagesOf(stats.root) + pagesOf(stats.free) + 2;
    for (const table of this.#tables.values()) pages += pagesOf(table.getStats() as TreeStats);
    const total = stats.lastPageNumber + 1;
    const inUseBytes = Math.min(pages, total) * stats.pageSize + this.#changedBytes;
    return { totalBytes: Math.max(total * stats.pageSize, inUseBytes), inUseBytes };
  }

  /** Rows of a table as of the last commit; 0 once it is closed. In no time, however many they are. */
  rows(table: Table): number {
    const stats = this.#isClosed ? undefined : this.#tables.get(table)?.getStats();
    return (stats as { readonly entryCount: number } | undefined)?.entryCount ?? 0;
  }

  /** Notes that the disk cannot be trusted any more; nothing goes on after it. */
  fail(error: unknown, doing: string): BackendError {
    const failure = BackendError.from(error, doing);
    this.#failure ??= new BackendError("failed", failure.message, { cause: failure });
    return failure;
  }

  /** Everything must be committed, and no pin be held. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#finish !== undefined) this.#finishWith(ABORT); // Only after a failure.
    await this.#root.close();
  }

  #get(table: Table, key: Uint8Array, options: PinnedOptions | undefined): Uint8Array | undefined {
    const database = this.#tables.get(table);
    if (database === undefined) return undefined;
    try {
      return readValue(database, key, options);
    } catch (error) {
      throw BackendError.from(error, "read");
    }
  }

  #count(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    transaction: Transaction | undefined,
  ): number {
    this.#checkUsable();
    const database = this.#tables.get(table);
    if (database === undefined) return 0;
    const isOpen = transaction === undefined && this.#finish !== undefined;
    return guarded("count", () =>
      isOpen ? this.#cursors.count(database, from, to) : countRows(database, from, to, transaction),
    );
  }

  /** `rows`, and what follows them in the range. */
  *#beginningWith(
    rows: readonly Entry[],
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: RangeOptions,
  ): Generator<Entry> {
    yield* rows;
    const [last] = present(rows.at(-1), "a row to begin with");
    const { reverse = false, limit } = options;
    const [start, end] = reverse ? [from, last] : [successorOf(last), to];
    const left = limit === undefined ? {} : { limit: limit - rows.length };
    yield* this.#iterate(table, start, end, { reverse, ...left }, undefined);
  }

  *#iterate(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options: RangeOptions,
    transaction: Transaction | undefined,
  ): Generator<Entry> {
    this.#checkUsable();
    const database = this.#tables.get(table);
    if (database === undefined || (options.limit ?? 1) <= 0) return;
    if (transaction === undefined) this.#iterations++;
    try {
      yield* readRows(database, from, to, options, transaction);
    } finally {
      if (transaction === undefined) this.#iterations--;
    }
  }

  #put(table: Table, key: Uint8Array, value: Uint8Array, place: typeof atTheEnd | undefined): void {
    assert(key.length > 0, "backend: a key is not empty");
    assert(this.#isWriting, "backend: a writer is used within its write");
    const database = this.#tables.get(table) ?? this.#createTable(table);
    try {
      if (place === undefined) database.putSync(key, value);
      else database.putSync(key, value, place);
    } catch (error) {
      throw BackendError.from(error, "put");
    }
    this.#changes++;
    this.#changedBytes += key.length + value.length;
  }

  #isDue(): boolean {
    return (
      this.#changes >= commitOperationsMax ||
      this.#changedBytes >= commitBytesMax ||
      performance.now() - this.#beganMs >= commitMsMax
    );
  }

  #begin(): void {
    if (this.#finish !== undefined) return;
    this.#beganMs = performance.now();
    // A transaction that outlives the call: lmdb ends it when what the callback returns is settled,
    // and settles at once here, in the call of `#finish`.
    const open = {
      // biome-ignore lint/suspicious/noThenProperty: it has to look like a promise to be waited for.
      then: (settle: (outcome: unknown) => void): void => {
        this.#finish = settle;
      },
    };
    failpoint("beforeStartDBTxn");
    guarded("begin a transaction", () => this.#root.transactionSync(() => open));
    failpoint("afterStartDBTxn");
    assert(this.#finish !== undefined, "backend: the transaction is open");
  }

  #finishWith(outcome: unknown): void {
    const finish = this.#finish;
    if (finish !== undefined) this.#cursors.close();
    this.#finish = undefined;
    finish?.(outcome);
  }

  /** After a write that has thrown: part of it is in the open transaction, which must not be kept. */
  #abort(reason: unknown): void {
    const cause = reason instanceof Error ? reason : undefined;
    const message = "Cannot go on after a write that failed";
    this.#failure ??= new BackendError("failed", message, { cause });
    this.#finishWith(ABORT);
  }

  #createTable(name: Table): LmdbTable {
    const table = guarded("make a table", () => this.#openTable(name));
    this.#tables.set(name, table);
    return table;
  }

  #openTable(name: Table): LmdbTable {
    return this.#root.openDB<Uint8Array, Uint8Array>({ name, ...binary }) as LmdbTable;
  }

  /** The root table holds the names of the others, each with a zero byte behind it. */
  #tableNames(): readonly Table[] {
    const names: Table[] = [];
    for (const key of this.#root.getKeys({ start: undefined as never })) {
      names.push(Buffer.from(key).toString("utf8").replace(/\0$/, ""));
    }
    return names;
  }

  #stats(): EnvironmentStats {
    return guarded("read statistics", () => this.#root.getStats() as EnvironmentStats);
  }

  #checkUsable(): void {
    if (this.#isClosed) throw new BackendError("closed", "Cannot use a backend that is closed");
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function pagesOf(tree: TreeStats): number {
  return tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
}
