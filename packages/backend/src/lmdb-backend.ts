/**
 * The store's backend on LMDB: which generation of files is the current one, and when it is synced.
 *
 *     <directory>/CURRENT          name of the generation in force
 *     <directory>/generation-7/    data.mdb, lock.mdb, checkpoint
 *
 * A restore fills a new generation, makes it durable and then replaces CURRENT: whatever happens,
 * the store is the old one or the new one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  exponentialBounds,
  type Histogram,
  type Metrics,
  silentMetrics,
  utf8,
} from "@flotilla/base";
import type { BackendView, BackendWriter, DurableBackend, Table } from "@flotilla/store";
import { writeFileDurably, writeFileDurablySync } from "./durable-file.ts";
import { BackendError } from "./errors.ts";
import { LmdbGeneration } from "./lmdb-generation.ts";
import { LmdbView } from "./lmdb-view.ts";
import { isUserTable, LongKeyReader } from "./long-keys.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-format.ts";

export interface LmdbBackendOptions {
  /** Made when it is not there. Used by one process at a time: a second one would destroy it. */
  readonly directory: string;
  /**
   * Address space for the file: no memory, and no limit, but a file that outgrows it is mapped anew.
   * Default {@link mapSizeBytesDefault}.
   */
  readonly mapSizeBytes?: number;
  /** Where checkpoints and snapshots are timed. */
  readonly metrics?: Metrics;
}

/** A backend on files. */
export interface LmdbBackend extends DurableBackend {
  /** Rows of a table, as of the last commit; 0 once it is closed. */
  rows(table: Table): number;
  restore(snapshot: AsyncIterable<Uint8Array>, options?: RestoreOptions): Promise<void>;
}

export interface RestoreOptions {
  /**
   * Where the files go that are replaced, on the same file system, instead of being removed. What is
   * there already is removed. A process that ends at that very moment leaves nothing there.
   */
  readonly setAside?: string;
}

export const mapSizeBytesDefault: number = 32 * 1024 ** 3;
/** Views open at a time: each is a place in LMDB's table of readers, of which there are 126. */
export const viewsMax = 64;
/** How long a view may be open: until then no page that it may read is used again, and the file grows. */
export const viewMsMax = 30_000;

/**
 * While there are writes, a checkpoint is made this often. It bounds how much a restart leaves to the
 * log, and how long pages that are no longer in use have to be kept.
 */
export const checkpointDelayMs = 1000;

const generationPattern = /^generation-([1-9][0-9]{0,14})$/;

/** Opens the backend in a directory. Blocks. Throws {@link BackendError}. */
export function openLmdbBackend(options: LmdbBackendOptions): LmdbBackend {
  try {
    return new FileBackend(options);
  } catch (error) {
    throw BackendError.from(error, `open ${options.directory}`);
  }
}

class FileBackend implements LmdbBackend {
  readonly #directory: string;
  readonly #mapSizeBytes: number;
  readonly #commitSeconds: Histogram;
  readonly #snapshotSeconds: Histogram;
  #generation: LmdbGeneration;
  #number: number;
  #timer: NodeJS.Timeout | undefined;
  /** Settles when all generations before this one are gone. */
  #retired: Promise<void> = Promise.resolve();
  readonly #views = new Set<LmdbView>();
  #isRestoring = false;
  #isClosed = false;

  constructor({ directory, mapSizeBytes, metrics = silentMetrics }: LmdbBackendOptions) {
    this.#commitSeconds = metrics.histogram(
      "etcd_disk_backend_commit_duration_seconds",
      "The latency distributions of commit called by backend.",
      exponentialBounds(0.001, 2, 14),
    );
    this.#snapshotSeconds = metrics.histogram(
      "etcd_disk_backend_snapshot_duration_seconds",
      "The latency distribution of backend snapshots.",
      exponentialBounds(0.01, 2, 17),
    );
    this.#directory = directory;
    this.#mapSizeBytes = mapSizeBytes ?? mapSizeBytesDefault;
    mkdirSync(directory, { recursive: true });
    const current = readCurrent(directory);
    this.#number = current ?? 1;
    removeOthers(directory, current);
    this.#generation = this.#open(this.#number);
    if (current === undefined) writeFileDurablySync(currentPath(directory), currentBytes(1));
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#generation.tables.get(table, key);
  }

  range(
    table: Table,
    from: Uint8Array,
    to: Uint8Array | undefined,
    options?: { readonly reverse?: boolean; readonly limit?: number },
  ): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.#generation.tables.range(table, from, to, options);
  }

  count(table: Table, from: Uint8Array, to: Uint8Array | undefined): number {
    return this.#generation.tables.count(table, from, to);
  }

  write<T>(body: (writer: BackendWriter) => T): T {
    if (this.#isRestoring) throw new BackendError("closed", "Cannot write while it is restored");
    const { environment, tables } = this.#generation;
    const result = environment.write(() => body(tables));
    this.#checkpointLater();
    return result;
  }

  sync(): Promise<void> {
    return this.#generation.checkpoint();
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    return this.#generation.environment.size();
  }

  view(): BackendView | undefined {
    if (this.#views.size >= viewsMax) return undefined;
    const view: LmdbView = new LmdbView(this.#generation, viewMsMax, () =>
      this.#views.delete(view),
    );
    this.#views.add(view);
    return view;
  }

  rows(table: Table): number {
    return this.#generation.environment.rows(table);
  }

  snapshot(): AsyncIterable<Uint8Array> {
    return new SnapshotStream(this.#generation, (seconds) =>
      this.#snapshotSeconds.observe(seconds),
    );
  }

  async restore(
    snapshot: AsyncIterable<Uint8Array>,
    { setAside }: RestoreOptions = {},
  ): Promise<void> {
    if (this.#isRestoring) throw new BackendError("closed", "Cannot restore twice at a time");
    this.#isRestoring = true;
    try {
      await this.#restore(snapshot, setAside);
    } catch (error) {
      throw BackendError.from(error, "restore a snapshot");
    } finally {
      this.#isRestoring = false;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const view of [...this.#views]) view.close();
    try {
      if (!this.#generation.environment.hasFailed) await this.#generation.checkpoint();
    } finally {
      await this.#generation.close();
      await this.#retired;
    }
  }

  async #restore(snapshot: AsyncIterable<Uint8Array>, setAside: string | undefined): Promise<void> {
    const number = this.#number + 1;
    const directory = generationPath(this.#directory, number);
    await rm(directory, { recursive: true, force: true });
    const next = this.#open(number);
    try {
      await decodeSnapshot(snapshot, (entries) => {
        next.environment.write(() => {
          for (const { table, key, value } of entries) next.tables.put(table, key, value);
        });
      });
      await next.checkpoint();
      await writeFileDurably(currentPath(this.#directory), currentBytes(number));
    } catch (error) {
      await next.close();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    const last = this.#generation;
    this.#generation = next;
    this.#number = number;
    // Somebody may still be sending a snapshot of it: that must not hold up the new state.
    this.#retired = this.#retire(last, { after: this.#retired, setAside });
  }

  /** Takes a generation away once nobody reads it; what is left over is removed at the next start. */
  async #retire(
    last: LmdbGeneration,
    { after, setAside }: { readonly after: Promise<void>; readonly setAside: string | undefined },
  ): Promise<void> {
    const { directory } = last.environment;
    if (setAside !== undefined) await last.checkpoint().catch(() => {});
    await last.close();
    if (setAside !== undefined) {
      await rm(setAside, { recursive: true, force: true });
      await rename(directory, setAside).catch(() => {}); // Nothing depends on it.
    }
    await rm(directory, { recursive: true, force: true });
    await after;
  }

  #open(number: number): LmdbGeneration {
    return new LmdbGeneration({
      directory: generationPath(this.#directory, number),
      mapSizeBytes: this.#mapSizeBytes,
      onCheckpoint: (seconds) => this.#commitSeconds.observe(seconds),
    });
  }

  #checkpointLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // A failure is kept by the environment: whoever uses the backend next is told.
      if (!this.#isClosed) this.#generation.checkpoint().catch(() => undefined);
    }, checkpointDelayMs).unref();
  }
}

/** The bytes of a snapshot. The state is that of the moment when this was made. */
class SnapshotStream implements AsyncIterableIterator<Uint8Array> {
  readonly #generation: LmdbGeneration;
  readonly #chunks: Iterator<Uint8Array>;
  #end: (() => void) | undefined;

  constructor(generation: LmdbGeneration, onEnd: (seconds: number) => void) {
    const beganMs = performance.now();
    const { environment } = generation;
    const pin = environment.pin();
    generation.retain();
    this.#generation = generation;
    this.#end = () => {
      pin.done();
      generation.release();
      onEnd((performance.now() - beganMs) / 1000);
    };
    const reader = new LongKeyReader(environment.readerAt(pin));
    const all = (name: Table) => reader.range(name, new Uint8Array(0), undefined);
    const names = environment.tables().filter(isUserTable);
    this.#chunks = encodeSnapshot(names.map((name) => [name, all(name)] as const));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#end === undefined) return { done: true, value: undefined };
    try {
      const chunk = this.#chunks.next();
      if (chunk.done === true) this.#finish();
      return chunk;
    } catch (error) {
      this.#finish();
      throw this.#generation.environment.fail(error, "read a snapshot");
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#chunks.return?.();
    this.#finish();
    return { done: true, value: undefined };
  }

  #finish(): void {
    this.#end?.();
    this.#end = undefined;
  }
}

function currentPath(directory: string): string {
  return join(directory, "CURRENT");
}

function currentBytes(number: number): Uint8Array {
  return utf8(`generation-${number}\n`);
}

function generationPath(directory: string, number: number): string {
  return join(directory, `generation-${number}`);
}

/** Number of the generation in force; undefined in a new directory. */
function readCurrent(directory: string): number | undefined {
  const path = currentPath(directory);
  if (!existsSync(path)) return undefined;
  const match = generationPattern.exec(readFileSync(path, "utf8").trim());
  if (match !== null) return Number(match[1]);
  throw new BackendError("damaged", `Cannot read ${path}: it does not name a generation`);
}

/** Removes what a restore, or the making of the first generation, has left when it was interrupted. */
function removeOthers(directory: string, current: number | undefined): void {
  for (const name of readdirSync(directory)) {
    const match = generationPattern.exec(name);
    if (match === null || Number(match[1]) === current) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}
