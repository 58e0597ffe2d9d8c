/**
 * A contiguous run of entries that is cut at both ends: the array behind every copy of a log here.
 * Independent of the engine's own log on purpose. Pure.
 */
import type { Entry, LogIndex, Term } from "@flotilla/consensus";

/** Positions `baseIndex + 1` to `lastIndex`, and the term at `baseIndex`. */
export class LogWindow {
  /** The first `#head` of them are dropped. */
  #entries: Entry[] = [];
  #head = 0;
  #baseIndex: LogIndex = 0;
  #baseTerm: Term = 0;

  get baseIndex(): LogIndex {
    return this.#baseIndex;
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length - this.#head;
  }

  /** Known from `baseIndex` to `lastIndex`. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.#baseIndex ? this.#baseTerm : this.entryAt(index)?.term;
  }

  /** Known after `baseIndex`, up to `lastIndex`. */
  entryAt(index: LogIndex): Entry | undefined {
    if (index <= this.#baseIndex) return undefined;
    return this.#entries[this.#head + index - this.#baseIndex - 1];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Drops everything after `index`; what lies before the base stays dropped. */
  truncateAfter(index: LogIndex): void {
    const length = this.#head + Math.max(0, index - this.#baseIndex);
    if (length < this.#entries.length) this.#entries.length = length;
  }

  /** Drops everything up to `index`, which is in the window. O(1) amortised. */
  compactTo(index: LogIndex): void {
    if (index <= this.#baseIndex) return;
    this.#baseTerm = this.termAt(index) ?? 0;
    this.#head += index - this.#baseIndex;
    this.#baseIndex = index;
    if (2 * this.#head <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** Empty, after (`index`, `term`). */
  restart(index: LogIndex, term: Term): void {
    this.#entries = [];
    this.#head = 0;
    this.#baseIndex = index;
    this.#baseTerm = term;
  }
}
