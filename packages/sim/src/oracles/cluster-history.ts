/**
 * The truth about one epoch of a cluster: who led, which entries were ever seen, what is committed.
 *
 * A forced recovery begins a new epoch with a history of its own. Until they hear of it, the servers
 * that were left behind may go on in the old one, and are judged by that.
 *
 * Grows with the run: it forgets nothing but old hashes. Pure.
 */
import type { Configuration, Entry, LogIndex, NodeId, Term } from "@flotilla/consensus";
import type { LogWindow } from "./log-window.ts";
import { isNamed } from "./naive-quorum.ts";

/** An entry that was seen in a log. Equal (index, term) must mean equal content, and equal prefixes. */
export interface KnownEntry {
  readonly previousTerm: Term;
  /** Without its bytes when only witnesses have shown it. */
  entry: Entry;
  isStripped: boolean;
  readonly seenOn: NodeId;
  /** At the same index, in another term. */
  readonly next: KnownEntry | undefined;
}

/** State hashes that are remembered, the newest ones. */
export const hashesMax = 4096;

export class ClusterHistory {
  readonly epoch: number;
  /** The epoch that has begun after this one: nothing that happens here counts any more. */
  next: ClusterHistory | undefined;
  readonly leaders: Map<Term, NodeId> = new Map();
  /** By applied index. */
  readonly hashes: Map<LogIndex, { readonly hash: number; readonly id: NodeId }> = new Map();
  /** At each index: the entries seen there, newest first. */
  readonly #known: (KnownEntry | undefined)[] = [];
  /** Of each committed index: its entry's term, and the term in which it was committed. */
  readonly #terms: Term[] = [0];
  readonly #committedIn: Term[] = [0];
  /** Committed, in order. */
  readonly #configurations: { readonly index: LogIndex; readonly configuration: Configuration }[];

  constructor(epoch: number, configuration: Configuration) {
    this.epoch = epoch;
    this.#configurations = [{ index: 0, configuration }];
  }

  get commitIndex(): LogIndex {
    return this.#terms.length - 1;
  }

  /** Of a committed entry; undefined for others. */
  termAt(index: LogIndex): Term | undefined {
    return this.#terms[index];
  }

  commit(index: LogIndex, term: Term, inTerm: Term): void {
    this.#terms[index] = term;
    this.#committedIn[index] = inTerm;
  }

  commitConfiguration(index: LogIndex, configuration: Configuration): void {
    this.#configurations.push({ index, configuration });
  }

  /** The committed configuration that holds at `index`. */
  configurationAt(index: LogIndex): Configuration {
    let at = this.#configurations.length - 1;
    while (at > 0 && (this.#configurations[at]?.index ?? 0) > index) at--;
    return this.#configurations[at]?.configuration ?? { voters: [], learners: [], outgoing: [] };
  }

  /** A committed change took `id` out. */
  hasRemoved(id: NodeId): boolean {
    return this.#configurations.some(
      ({ configuration }) => configuration.removed?.includes(id) && !isNamed(configuration, id),
    );
  }

  /** The last index that was committed before `term`: what its leader has to hold. */
  lastCommittedBefore(term: Term): LogIndex {
    let index = this.commitIndex;
    while (index > 0 && (this.#committedIn[index] ?? 0) >= term) index--;
    return index;
  }

  known(index: LogIndex, term: Term): KnownEntry | undefined {
    let known = this.#known[index];
    while (known !== undefined && known.entry.term !== term) known = known.next;
    return known;
  }

  learn(index: LogIndex, known: Omit<KnownEntry, "next">): void {
    this.#known[index] = { ...known, next: this.#known[index] };
  }

  noteHash(index: LogIndex, hash: number, id: NodeId): void {
    this.hashes.set(index, { hash, id });
    if (this.hashes.size <= hashesMax) return;
    for (const oldest of this.hashes.keys()) {
      this.hashes.delete(oldest);
      break;
    }
  }

  /** The history of the epoch that begins with the log of a survivor, all of which now counts. */
  successor(epoch: number, log: LogWindow, inTerm: Term): ClusterHistory {
    const next = new ClusterHistory(epoch, this.configurationAt(log.baseIndex));
    for (let index = 1; index <= log.lastIndex; index++) {
      // What the survivor has compacted was committed here.
      const term = index < log.baseIndex ? this.termAt(index) : log.termAt(index);
      next.commit(index, term ?? 0, inTerm);
    }
    this.next = next;
    return next;
  }
}
