/**
 * The log in memory: the entries after the last compaction, contiguous, in one array.
 *
 * ```
 * compactedIndex = 4                      array   [ (dropped) 5 6 7 8 ]
 * firstIndex     = 5                      #head --------------^
 * lastIndex      = 8                      termAt(4) is known, termAt(3) is not
 * ```
 *
 * Appending is O(1) for each entry. Compaction moves `#head` and copies the rest only once the
 * dropped part is the larger one, so that it is O(1) amortised as well.
 *
 * Holds no policy: what may be truncated or compacted is decided by the callers.
 */
import { assert, present } from "@flotilla/base";
import type { Entry, LogIndex, Term } from "../contract.ts";

/** The log of one server. Entries are shared with whoever passed them in; nobody may write to them. */
export class RaftLog {
  #entries: Entry[];
  #head = 0;
  #compactedIndex: LogIndex;
  #compactedTerm: Term;

  /** `entries` follow on (`index`, `term`), the last position that is not in the log any more. */
  constructor(index: LogIndex, term: Term, entries: readonly Entry[]) {
    this.#entries = [];
    this.#compactedIndex = index;
    this.#compactedTerm = term;
    this.append(entries);
  }

  get compactedIndex(): LogIndex {
    return this.#compactedIndex;
  }

  get firstIndex(): LogIndex {
    return this.#compactedIndex + 1;
  }

  get lastIndex(): LogIndex {
    return this.#compactedIndex + this.#entries.length - this.#head;
  }

  get lastTerm(): Term {
    return this.#entries.length === this.#head
      ? this.#compactedTerm
      : present(this.#entries.at(-1), "last entry").term;
  }

  /** Undefined before the last compaction and after the end. 0 at index 0. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#compactedIndex) return this.#compactedTerm;
    return index < this.#compactedIndex ? undefined : this.#entries[this.#position(index)]?.term;
  }

  /** The entry at `index`, which must be in the log. */
  at(index: LogIndex): Entry {
    assert(index > this.#compactedIndex, "log: the entry is compacted away");
    return present(this.#entries[this.#position(index)], "log entry");
  }

  /** The entries from `first` to `last`, both included; both must be in the log. Empty if last < first. */
  slice(first: LogIndex, last: LogIndex): Entry[] {
    if (last < first) return [];
    assert(first > this.#compactedIndex, "log: the slice starts in the compacted part");
    assert(last <= this.lastIndex, "log: the slice ends after the log");
    return this.#entries.slice(this.#position(first), this.#position(last) + 1);
  }

  /** Adds entries at the end. */
  append(entries: readonly Entry[]): void {
    let index = this.lastIndex;
    let term = this.lastTerm;
    for (const entry of entries) {
      assert(entry.index === index + 1, "log: entries must be contiguous");
      assert(entry.term >= term, "log: terms must not fall");
      index = entry.index;
      term = entry.term;
      this.#entries.push(entry);
    }
  }

  /** Removes the entry at `index` and all after it. */
  truncateFrom(index: LogIndex): void {
    assert(index > this.#compactedIndex, "log: a compacted entry cannot be truncated");
    this.#entries.length = Math.min(this.#entries.length, this.#position(index));
  }

  /** Forgets the entries up to `index`, which must be in the log. */
  compactTo(index: LogIndex): void {
    this.#compactedTerm = present(this.termAt(index), "term of the compacted index");
    this.#head += index - this.#compactedIndex;
    this.#compactedIndex = index;
    if (2 * this.#head <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** Forgets everything: the log now starts after a snapshot that ends at (`index`, `term`). */
  restart(index: LogIndex, term: Term): void {
    this.#entries = [];
    this.#head = 0;
    this.#compactedIndex = index;
    this.#compactedTerm = term;
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: where two logs can still
   * match if the other one has `term` at `index`. Ends at the last compaction, or at `index` before
   * it. O(log entries), as terms never fall.
   */
  lastIndexWithin(index: LogIndex, term: Term): LogIndex {
    let high = Math.min(index, this.lastIndex);
    if (high <= this.#compactedIndex) return high;
    let low = this.#compactedIndex; // Its own term is not asked for: what is compacted is committed.
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.at(middle).term <= term) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #position(index: LogIndex): number {
    return this.#head + index - this.#compactedIndex - 1;
  }
}
