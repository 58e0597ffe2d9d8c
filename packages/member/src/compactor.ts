/**
 * Keeps the log short: now and then the store is made durable, the log notes how far it is, and what
 * lies behind is dropped from memory and disk.
 */
import type { Engine, SnapshotMeta } from "@flotilla/consensus";
import type { DurableBackend, Store } from "@flotilla/store";
import type { Wal } from "@flotilla/wal";
import { compactBytes } from "./limits.ts";

export interface CompactorPorts {
  readonly engine: Engine;
  readonly wal: Wal;
  readonly backend: DurableBackend;
  readonly store: Store;
  /** Runs an input of the engine; see `Driver.input`. */
  input(give: (engine: Engine) => void): void;
  onFailure(error: unknown): void;
}

export class Compactor {
  readonly #ports: CompactorPorts;
  readonly #everyEntries: number;
  readonly #catchUpEntries: number;
  #lastIndex: number;
  /** Bytes of the entries applied since {@link #lastIndex}. */
  #bytes = 0;
  #running: Promise<void> | undefined;

  /** `lastIndex`: what the log's last snapshot covers. */
  constructor(
    ports: CompactorPorts,
    options: {
      readonly everyEntries: number;
      readonly catchUpEntries: number;
      readonly lastIndex: number;
    },
  ) {
    this.#ports = ports;
    this.#everyEntries = options.everyEntries;
    this.#catchUpEntries = options.catchUpEntries;
    this.#lastIndex = options.lastIndex;
  }

  /** The store has moved by `bytes` of entries; compacts in the background when it is time. */
  applied(index: number, bytes: number): void {
    this.#bytes += bytes;
    const isTime = index - this.#lastIndex >= this.#everyEntries || this.#bytes >= compactBytes;
    if (this.#running === undefined && isTime) this.#running = this.#compact();
  }

  /** A received snapshot is in the log and in the store: all before it is useless. */
  async installed(index: number): Promise<void> {
    this.#lastIndex = Math.max(this.#lastIndex, index);
    await this.#ports.wal.release(index);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #compact(): Promise<void> {
    const { engine, wal, backend, store, input, onFailure } = this.#ports;
    const { appliedIndex: index, appliedTerm: term } = store;
    const { configuration } = engine.status();
    const snapshot: SnapshotMeta = { index, term, configuration };
    // Followers that lag may need what lies behind; not so much of it when entries are large.
    const isLarge = this.#bytes >= compactBytes;
    const keptIndex = Math.max(isLarge ? this.#lastIndex : 0, index - this.#catchUpEntries);
    this.#bytes = 0;
    try {
      await backend.sync();
      await wal.append({ snapshot, mustSync: true });
      this.#lastIndex = index;
      input((engine) => engine.compact(keptIndex));
      await wal.release(index);
    } catch (error) {
      onFailure(error);
    } finally {
      this.#running = undefined;
    }
  }
}
