/**
 * A copy of one server's log and hard state, kept by whoever sees its writes go by.
 *
 * The world keeps two for each server: one fed with `Effects.persist` as the engine hands it out
 * (what the server believes), one fed with the batches that the disk has finished (what is durable).
 */
import type { Entry, HardState, LogIndex, NodeId, SnapshotMeta, Term } from "@flotilla/consensus";
import { LogWindow } from "./log-window.ts";
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

/** One server's log and hard state, as its writes leave them. */
export class LogMirror implements DurableView {
  version = 0;
  term: Term = 0;
  vote: NodeId = "";
  /** The commit index that was written last; on a disk it lags. */
  commit: LogIndex = 0;
  supersededBy = 0;
  /** Its entries came without their data. */
  lacksData = false;
  readonly #window = new LogWindow();

  get firstIndex(): LogIndex {
    return this.#window.baseIndex + 1;
  }

  get lastIndex(): LogIndex {
    return this.#window.lastIndex;
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#window.termAt(index);
  }

  entryAt(index: LogIndex): Entry | undefined {
    return this.#window.entryAt(index);
  }

  /** Becomes what a disk gave back; undefined: a new disk. */
  restart(recovered: RecoveredLog | undefined): void {
    this.version++;
    this.#setHardState(recovered?.hardState ?? { term: 0, vote: "", commit: 0 });
    this.#window.restart(recovered?.snapshot.index ?? 0, recovered?.snapshot.term ?? 0);
    for (const entry of recovered?.entries ?? []) this.#window.push(entry);
  }

  /** Takes in one write. */
  write(change: LogWrite): void {
    this.version++;
    if (change.hardState !== undefined) this.#setHardState(change.hardState);
    if (change.snapshot !== undefined) this.#takeSnapshot(change.snapshot);
    const first = change.entries?.[0];
    if (first === undefined) return;
    this.#window.truncateAfter(first.index - 1);
    for (const entry of change.entries ?? []) this.#window.push(entry);
  }

  /** Forgets the entries up to `index`, which the log holds. */
  compactTo(index: LogIndex): void {
    this.version++;
    this.#window.compactTo(index);
  }

  #setHardState({ term, vote, commit, supersededBy, lacksData }: HardState): void {
    this.term = term;
    this.vote = vote;
    this.commit = commit;
    this.supersededBy = supersededBy ?? 0;
    this.lacksData = lacksData ?? false;
  }

  #takeSnapshot({ index, term }: Pick<SnapshotMeta, "index" | "term">): void {
    if (index <= this.#window.baseIndex) return;
    if (this.termAt(index) === term) this.#window.compactTo(index);
    else this.#window.restart(index, term);
  }
}
