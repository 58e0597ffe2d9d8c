/**
 * Keeps the log short: now and then the store is made durable, the log notes how far it is, and what
 * lies behind is dropped from memory and disk. Pure.
 */
import { failpoint } from "@flotilla/base";
import { type Configuration, type Engine, isBlank, type SnapshotMeta } from "@flotilla/consensus";
import type { Wal } from "@flotilla/wal";
import type { StateStorage } from "./contract.ts";
import { compactBytes, heldBytesMax } from "./limits.ts";

export interface CompactorPorts {
  readonly wal: Wal;
  readonly state: StateStorage;
  /** In force at the entry that the store has applied. */
  configuration(): Configuration;
  /** The lowest index of a snapshot that is on its way to a peer, which will need what comes after. */
  sentIndex(): number;
  /** Runs an input of the engine; see `Driver.input`. */
  input(give: (engine: Engine) => void): void;
  onFailure(error: unknown): void;
}

export interface CompactorOptions {
  readonly everyEntries: number;
  readonly catchUpEntries: number;
  /** What the log's last snapshot covers. */
  readonly lastIndex: number;
}

export class Compactor {
  readonly #ports: CompactorPorts;
  readonly #everyEntries: number;
  readonly #catchUpEntries: number;
  #lastIndex: number;
  /** Bytes of the entries applied since {@link #lastIndex}. */
  #bytes = 0;
  /** The snapshot on its way for which entries are kept, and the bytes applied since. */
  #heldIndex = 0;
  #heldBytes = 0;
  #isRunning = false;
  #onIdle: (() => void)[] = [];

  constructor(ports: CompactorPorts, options: CompactorOptions) {
    this.#ports = ports;
    this.#everyEntries = options.everyEntries;
    this.#catchUpEntries = options.catchUpEntries;
    this.#lastIndex = options.lastIndex;
  }

  /** The store has moved by `bytes` of entries; compacts in the background when it is time. */
  applied(index: number, bytes: number): void {
    this.#bytes += bytes;
    const isTime = index - this.#lastIndex >= this.#everyEntries || this.#bytes >= compactBytes;
    if (this.#isRunning || !isTime) return;
    // A server that has just joined has not heard yet who takes part: a log cannot begin with that.
    if (!isBlank(this.#ports.configuration())) this.#begin();
  }

  /** A received snapshot is in the log and in the store: all before it is useless. */
  installed(index: number, done: (error: unknown) => void): void {
    this.#lastIndex = Math.max(this.#lastIndex, index);
    this.#ports.wal.release(index, (error) => {
      failpoint("raftAfterWALRelease");
      done(error);
    });
  }

  /** Calls back when nothing is under way, which may be at once. */
  idle(done: () => void): void {
    if (this.#isRunning) this.#onIdle.push(done);
    else done();
  }

  /** The store's state is made durable, and named as it is at this moment. */
  #begin(): void {
    const { state, configuration } = this.#ports;
    const { appliedIndex: index, appliedTerm: term } = state.store;
    const snapshot: SnapshotMeta = { index, term, configuration: configuration() };
    const keptIndex = this.#keptIndex(index);
    this.#isRunning = true;
    this.#bytes = 0;
    state.checkpoint((error) => {
      if (error !== undefined) this.#end(error);
      else this.#note(snapshot, keptIndex);
    });
  }

  /** Only now may anything be dropped: a restart begins with this snapshot. */
  #note(snapshot: SnapshotMeta, keptIndex: number): void {
    const { wal, input } = this.#ports;
    failpoint("raftBeforeWALSaveSnaphot");
    wal.append({ snapshot, mustSync: true }, (error) => {
      if (error !== undefined) {
        this.#end(error);
        return;
      }
      this.#lastIndex = snapshot.index;
      input((engine) => engine.compact(keptIndex));
      wal.release(snapshot.index, (error) => this.#end(error));
    });
  }

  #end(error: unknown): void {
    this.#isRunning = false;
    if (error !== undefined) this.#ports.onFailure(error);
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const done of waiting) done();
  }

  /** Up to where the log may be dropped from memory when the store is at `index`. */
  #keptIndex(index: number): number {
    // Followers that lag may need what lies behind; not so much of it when entries are large.
    const isLarge = this.#bytes >= compactBytes;
    const keptIndex = Math.max(isLarge ? this.#lastIndex : 0, index - this.#catchUpEntries);
    const sentIndex = this.#ports.sentIndex();
    if (sentIndex !== this.#heldIndex) this.#heldBytes = 0;
    this.#heldIndex = sentIndex;
    if (sentIndex >= keptIndex) return keptIndex;
    // Whoever has taken in a snapshot and finds the next entry gone needs another one, for ever.
    this.#heldBytes += this.#bytes;
    return this.#heldBytes > heldBytesMax ? keptIndex : sentIndex;
  }
}
