/**
 * Committed entries into the store: in order, in slices that do not hold up the event loop, each
 * slice in one transaction together with its index. Pure.
 */
import { assert, failpoint, type Logger, WireError } from "@flotilla/base";
import { type Configuration, decodeConfiguration, type Entry } from "@flotilla/consensus";
import {
  CodecError,
  type CommandResult,
  decodeProposal,
  type Proposal,
  type Store,
} from "@flotilla/store";
import type { ApplyLimits } from "./contract.ts";
import {
  applyBytesMax,
  applyEntriesMax,
  applyQueueBytesMax,
  applyQueueEntriesMax,
} from "./limits.ts";

/** One entry, as the store takes it. */
export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  /** Undefined for an entry without a command. */
  readonly proposal: Proposal | undefined;
}

/** Learns of each entry right after it was applied, in order. */
export type AppliedListener = (entry: AppliedEntry, result: CommandResult | undefined) => void;

/** Looks at how long slices take. */
export interface ApplyWatch {
  nowMs(): number;
  applied(slice: readonly AppliedEntry[], beganMs: number): void;
}

export class Applier {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #listeners: readonly AppliedListener[];
  readonly #limits: ApplyLimits;
  readonly #watch: ApplyWatch | undefined;
  #queue: Entry[] = [];
  /** Of data in {@link #queue}. */
  #queueBytes = 0;
  #configuration: Configuration;

  /** `configuration`: in force at the entry that the store has applied. */
  constructor(
    parts: {
      readonly store: Store;
      readonly logger: Logger;
      readonly configuration: Configuration;
      readonly limits?: Partial<ApplyLimits>;
      readonly watch?: ApplyWatch;
    },
    listeners: readonly AppliedListener[],
  ) {
    this.#store = parts.store;
    this.#logger = parts.logger;
    this.#configuration = parts.configuration;
    this.#limits = limitsOf(parts.limits);
    this.#watch = parts.watch;
    this.#listeners = listeners;
  }

  /** True when entries wait. */
  get isBehind(): boolean {
    return this.#queue.length > 0;
  }

  /** True when so much waits that no more should come in. */
  get isFull(): boolean {
    const { queueEntriesMax, queueBytesMax } = this.#limits;
    return this.#queue.length >= queueEntriesMax || this.#queueBytes >= queueBytesMax;
  }

  /** Up to where entries have come in, applied or not. */
  get lastIndex(): number {
    return this.#queue.at(-1)?.index ?? this.#store.appliedIndex;
  }

  /**
   * In force at the entry that the store has applied: a later one that is in force already can still
   * be rolled back, and does not belong into a snapshot of this state.
   */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Takes committed entries in. Those that the store holds already are left out. */
  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.#store.appliedIndex) continue;
      this.#queue.push(entry);
      this.#queueBytes += entry.data.length;
    }
  }

  /** Applies one slice; returns the index that the store is at, and the bytes of data applied. */
  applySlice(): { readonly index: number; readonly bytes: number } {
    let bytes = 0;
    const slice: AppliedEntry[] = [];
    for (const entry of this.#takeSlice()) {
      bytes += entry.data.length;
      slice.push(this.#decode(entry));
    }
    this.#queueBytes -= bytes;
    const beganMs = this.#watch?.nowMs() ?? 0;
    const results = this.#store.apply(slice);
    this.#watch?.applied(slice, beganMs);
    for (const [at, entry] of slice.entries()) {
      for (const listener of this.#listeners) listener(entry, results[at]);
    }
    return { index: this.#store.appliedIndex, bytes };
  }

  /** The store was replaced: what waits is in it, and so is `configuration`. */
  reset(configuration: Configuration): void {
    this.#queue = [];
    this.#queueBytes = 0;
    this.#configuration = configuration;
  }

  /** The store was replaced by that of another server: what is not in it stays. */
  advance(configuration: Configuration): void {
    const entries = this.#queue;
    this.reset(configuration);
    this.add(entries);
  }

  #takeSlice(): Entry[] {
    let count = 0;
    let bytes = 0;
    for (const { data } of this.#queue) {
      bytes += data.length;
      if (count > 0 && (count >= this.#limits.sliceEntriesMax || bytes > applyBytesMax)) break;
      count++;
    }
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  #decode({ index, term, kind, data }: Entry): AppliedEntry {
    failpoint(kind === "config" ? "beforeApplyOneConfChange" : "beforeApplyOneEntryNormal");
    if (kind === "config") this.#configuration = decodeConfiguration(data) ?? this.#configuration;
    if (kind !== "command") return { index, term, proposal: undefined };
    try {
      return { index, term, proposal: decodeProposal(data) };
    } catch (error) {
      if (!(error instanceof WireError || error instanceof CodecError)) throw error;
      // A peer has handed in garbage and it was agreed upon: it does nothing, on every server alike.
      this.#logger.error("entry is no command", { index, reason: error.message });
      return { index, term, proposal: undefined };
    }
  }
}

function limitsOf(limits: Partial<ApplyLimits> = {}): ApplyLimits {
  const {
    sliceEntriesMax = applyEntriesMax,
    queueEntriesMax = applyQueueEntriesMax,
    queueBytesMax = applyQueueBytesMax,
  } = limits;
  const areSound = sliceEntriesMax >= 1 && queueEntriesMax >= 1 && queueBytesMax >= 1;
  assert(areSound, "applier: each limit must be >= 1");
  return { sliceEntriesMax, queueEntriesMax, queueBytesMax };
}
