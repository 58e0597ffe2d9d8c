/**
 * What is durable, and what is on its way to the disk.
 *
 * Several batches may be on their way at once, while the log goes on changing in memory. Each batch
 * therefore remembers how much of it still equals the log: a truncation lowers that for every batch
 * in flight, and a later batch raises it again. A completion that comes late then proves no more
 * than it should, even if the same (index, term) was truncated and appended again in between
 * (etcd/raft's append ABA race, openraft's LogIOId).
 *
 * Worked example, index/term: batch 1 writes 12/1; 12 is truncated; batch 2 writes 12/2; 12 is
 * truncated; batch 3 writes 12/1 again. The completion of batch 1 proves 11, and so does that of
 * batch 2, as batch 3 may be lost while 2 is not. Only batch 3 proves 12.
 *
 * Batches become durable in the order of their sequence, so that the completion of one that is
 * synced proves the earlier ones. One that need not be synced proves nothing.
 */
import { assert } from "@flotilla/base";
import type {
  Entry,
  HardState,
  LogIndex,
  NodeId,
  Persist,
  PersistToken,
  SnapshotMeta,
  Term,
} from "../contract.ts";
import { isSamePromise } from "../hard-state.ts";
import type { RaftLog } from "./log.ts";

interface Batch {
  readonly token: PersistToken;
  readonly mustSync: boolean;
  readonly vote: NodeId;
  /** When it was handed out, in ticks of this engine. */
  readonly sinceTick: number;
  /** Highest index whose entry on disk, after this batch, is the one in the log. */
  provenIndex: LogIndex;
}

/** The vote that a completed batch made durable. */
export interface DurableVote {
  readonly term: Term;
  readonly vote: NodeId;
}

/** Tracks one server's writes. Bounded by the driver, which decides how many batches it takes. */
export class Persistence {
  #durableIndex: LogIndex;
  #handedIndex: LogIndex;
  #handedState: HardState;
  #snapshot: SnapshotMeta | undefined;
  #inFlight: Batch[] = [];
  #sequence = 0;

  /** Everything that the disk gave back is durable. */
  constructor(lastIndex: LogIndex, hardState: HardState) {
    this.#durableIndex = lastIndex;
    this.#handedIndex = lastIndex;
    this.#handedState = hardState;
  }

  /** Highest index up to which the log is durable here. */
  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** The next batch: all that is in memory and was not handed out; undefined when there is nothing. */
  take(log: RaftLog, hardState: HardState, tick: number): Persist | undefined {
    const entries: readonly Entry[] = log.slice(this.#handedIndex + 1, log.lastIndex);
    const handed = this.#handedState;
    const isNewPromise = !isSamePromise(hardState, handed);
    const isChanged = isNewPromise || hardState.commit !== handed.commit;
    const snapshot = this.#snapshot;
    const mustSync = isNewPromise || entries.length > 0 || snapshot !== undefined;
    if (!isChanged && !mustSync) return undefined;

    const { term, vote } = hardState;
    const { lastIndex, lastTerm } = log;
    this.#sequence++;
    const token: PersistToken = { sequence: this.#sequence, term, lastIndex, lastTerm };
    this.#inFlight.push({ token, mustSync, vote, sinceTick: tick, provenIndex: lastIndex });
    this.#handedIndex = lastIndex;
    this.#handedState = hardState;
    this.#snapshot = undefined;
    return { token, hardState: isChanged ? hardState : undefined, entries, snapshot, mustSync };
  }

  /** A batch is durable. Undefined when the token proves nothing: late, foreign, or never synced. */
  complete(token: PersistToken): DurableVote | undefined {
    const at = this.#inFlight.findIndex((batch) => batch.token.sequence === token.sequence);
    const batch = this.#inFlight[at];
    if (batch === undefined || !isSame(batch.token, token)) return undefined;
    if (!batch.mustSync) {
      this.#inFlight.splice(at, 1);
      return undefined;
    }
    this.#inFlight.splice(0, at + 1);
    this.#durableIndex = Math.max(this.#durableIndex, batch.provenIndex);
    return { term: batch.token.term, vote: batch.vote };
  }

  /** The entry at `index` and all after it were removed from the log. */
  truncateFrom(index: LogIndex): void {
    this.#durableIndex = Math.min(this.#durableIndex, index - 1);
    this.#handedIndex = Math.min(this.#handedIndex, index - 1);
    for (const batch of this.#inFlight) batch.provenIndex = Math.min(batch.provenIndex, index - 1);
  }

  /** The log was replaced by a snapshot, which goes into the next batch. */
  restart(snapshot: SnapshotMeta): void {
    assert(this.#snapshot === undefined, "persistence: one snapshot at a time");
    this.#snapshot = snapshot;
    // Nothing before the snapshot is asked for any more; what follows it is not durable.
    this.#durableIndex = snapshot.index;
    this.#handedIndex = snapshot.index;
    for (const batch of this.#inFlight) batch.provenIndex = 0;
  }

  /** True when the oldest write that has to be synced was handed out more than `ticks` ago. */
  isStalled(tick: number, ticks: number): boolean {
    const oldest = this.#inFlight.find((batch) => batch.mustSync);
    return oldest !== undefined && tick - oldest.sinceTick > ticks;
  }
}

function isSame(left: PersistToken, right: PersistToken): boolean {
  return (
    left.term === right.term &&
    left.lastIndex === right.lastIndex &&
    left.lastTerm === right.lastTerm
  );
}
