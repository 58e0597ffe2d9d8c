/**
 * Committed entries into the store: in order, in slices that do not hold up the event loop, each
 * slice in one transaction together with its index.
 */
import { type Logger, WireError } from "@flotilla/base";
import type { Entry } from "@flotilla/consensus";
import {
  CodecError,
  type CommandResult,
  decodeProposal,
  type Proposal,
  type Store,
} from "@flotilla/store";
import { applyBytesMax, applyEntriesMax } from "./limits.ts";

/** One entry, as the store takes it. */
export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  /** Undefined for an entry without a command. */
  readonly proposal: Proposal | undefined;
}

/** Learns of each entry right after it was applied, in order. */
export type AppliedListener = (entry: AppliedEntry, result: CommandResult | undefined) => void;

export class Applier {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #listeners: readonly AppliedListener[];
  #queue: Entry[] = [];

  constructor(store: Store, logger: Logger, listeners: readonly AppliedListener[]) {
    this.#store = store;
    this.#logger = logger;
    this.#listeners = listeners;
  }

  /** True when entries wait. */
  get isBehind(): boolean {
    return this.#queue.length > 0;
  }

  /** Takes committed entries in. Those that the store holds already are left out. */
  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index > this.#store.appliedIndex) this.#queue.push(entry);
    }
  }

  /** Applies one slice; returns the index that the store is at, and the bytes of data applied. */
  applySlice(): { readonly index: number; readonly bytes: number } {
    const taken = this.#takeSlice();
    const slice = taken.map((entry) => this.#decode(entry));
    const results = this.#store.apply(slice);
    for (const [at, entry] of slice.entries()) {
      for (const listener of this.#listeners) listener(entry, results[at]);
    }
    const bytes = taken.reduce((sum, { data }) => sum + data.length, 0);
    return { index: this.#store.appliedIndex, bytes };
  }

  /** The store was replaced: what waits is in it. */
  reset(): void {
    this.#queue = [];
  }

  #takeSlice(): Entry[] {
    let count = 0;
    let bytes = 0;
    for (const { data } of this.#queue) {
      bytes += data.length;
      if (count > 0 && (count >= applyEntriesMax || bytes > applyBytesMax)) break;
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
    if (kind !== "command") return { index, term, proposal: undefined };
    try {
      return { index, term, proposal: decodeProposal(data) };
    } catch (error) {
      if (!(error instanceof WireError || error instanceof CodecError)) throw error;
      // A peer has handed in garbage and it was agreed upon: it does nothing, on every member alike.
      this.#logger.error("entry is no command", { index, reason: error.message });
      return { index, term, proposal: undefined };
    }
  }
}
