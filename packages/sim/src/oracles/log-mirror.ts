/**
 * A copy of one server's log and hard state, kept by whoever sees its writes go by.
 *
 * The world keeps two for each server: one fed with `Effects.persist` as the engine hands it out
 * (what the server believes), one fed with the batches that the disk has finished (what is durable).
 */
import type { Entry, HardState, LogIndex, NodeId, SnapshotMeta, Term } from "@flotilla/consensus";
import type { DurableView } from "./view.ts";

/** What recovery found. */
export interface RecoveredLog {
  readonly hardState: HardState;
  readonly snapshot: Pick<SnapshotMeta, "index" | "term">;
  readonly entries: readonly Entry[];
}

/** One write, as an engine's `Persist` or a log's `WalBatch` has it. */
export interface LogWrite {
  readonly hardState?: HardState | undefined;
  readonly entries?: readonly Entry[] | undefined;
  /** Replaces the log unless this holds its last entry already (then only what is before it goes). */
  readonly snapshot?: Pick<SnapshotMeta, "index" | "term"> | undefined;
}

export class LogMirror implements DurableView {
  version = 0;
  term: Term = 0;
  vote: NodeId = "";
  commit: LogIndex = 0;
  supersededBy = 0;
  /** Entries after the snapshot; the first `#head` of them are dropped. */
  #entries: Entry[] = [];
  #head = 0;
  #baseIndex: LogIndex = 0;
  #baseTerm: Term = 0;

  get firstIndex(): LogIndex {
    return this.#baseIndex + 1;
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length - this.#head;
  }

  termAt(index: LogIndex): Term | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.entryAt(index)?.term;
  }

  entryAt(index: LogIndex): Entry | undefined {
    return index <= this.#baseIndex
      ? undefined
      : this.#entries[this.#head + index - this.#baseIndex - 1];
  }

  /** Becomes what a disk gave back; a new disk gives nothing. */
  restart(recovered: RecoveredLog | undefined): void {
    this.version++;
    this.#setHardState(recovered?.hardState ?? { term: 0, vote: "", commit: 0 });
    this.#baseIndex = recovered?.snapshot.index ?? 0;
    this.#baseTerm = recovered?.snapshot.term ?? 0;
    this.#entries = [...(recovered?.entries ?? [])];
    this.#head = 0;
  }

  /** Takes in one write. */
  write(change: LogWrite): void {
    this.version++;
    if (change.hardState !== undefined) this.#setHardState(change.hardState);
    if (change.snapshot !== undefined) this.#takeSnapshot(change.snapshot);
    const first = change.entries?.[0];
    if (first === undefined) return;
    this.#entries.length = Math.max(
      this.#head,
      Math.min(this.#entries.length, this.#head + first.index - this.#baseIndex - 1),
    );
    for (const entry of change.entries ?? []) this.#entries.push(entry);
  }

  /** Forgets the entries up to `index`, which the log holds. */
  compactTo(index: LogIndex): void {
    if (index <= this.#baseIndex) return;
    this.version++;
    this.#baseTerm = this.termAt(index) ?? 0;
    this.#head += index - this.#baseIndex;
    this.#baseIndex = index;
    if (2 * this.#head <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  #setHardState({ term, vote, commit, supersededBy }: HardState): void {
    this.term = term;
    this.vote = vote;
    this.commit = commit;
    this.supersededBy = supersededBy ?? 0;
  }

  #takeSnapshot({ index, term }: Pick<SnapshotMeta, "index" | "term">): void {
    if (index <= this.#baseIndex) return;
    if (this.termAt(index) === term) {
      this.compactTo(index);
      return;
    }
    this.#entries = [];
    this.#head = 0;
    this.#baseIndex = index;
    this.#baseTerm = term;
  }
}
