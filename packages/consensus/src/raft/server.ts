/**
 * The state of one Raft server (Raft paper, figure 2, "State", and what the extensions need).
 *
 * The handlers beside this file decide and change it; the few methods here keep together what must
 * never come apart: log, configurations and persistence; term and vote; role and leadership.
 */
import { assert, type Random } from "@flotilla/base";
import { isVoter } from "../configuration.ts";
import type {
  Configuration,
  EngineOptions,
  EngineState,
  Entry,
  HardState,
  LogIndex,
  Message,
  NodeId,
  Role,
  SnapshotMeta,
  Term,
} from "../contract.ts";
import { ConfigurationHistory } from "./configuration-history.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import type { Leadership } from "./leadership.ts";
import { type Limits, limitsOf } from "./limits.ts";
import { RaftLog } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { Persistence } from "./persistence.ts";

export class Server {
  readonly id: NodeId;
  readonly limits: Limits;
  readonly random: Random;
  readonly log: RaftLog;
  readonly configurations: ConfigurationHistory;
  readonly persistence: Persistence;
  readonly outbox: Outbox = new Outbox();
  readonly forwardedReads: ForwardedReads;

  term: Term;
  vote: NodeId;
  commitIndex: LogIndex;
  /** In the state machine, as the driver reported. */
  appliedIndex: LogIndex;
  /** Handed to the driver for application. */
  releasedIndex: LogIndex;

  role: Role = "follower";
  /** Whom this server follows, or itself; empty when unknown. */
  leader: NodeId = "";
  /** Present exactly while `role` is leader. */
  leadership: Leadership | undefined;
  /** Answers to this server's own campaign. */
  readonly votes: Map<NodeId, boolean> = new Map();

  /** Logical time since the start. */
  tick = 0;
  /** Ticks since this server heard of a leader, voted, or began to campaign. */
  electionElapsed = 0;
  electionTimeoutTicks = 0;

  /** A snapshot that was accepted and is not in the state machine yet. */
  installing: SnapshotMeta | undefined;
  /** First index at which a message contradicted what is committed here. */
  diverged: LogIndex | undefined;

  /** `state` must be sound: whoever reads it from a disk has checked it. */
  constructor(options: EngineOptions, state: EngineState) {
    const { snapshot, hardState, entries, appliedIndex } = state;
    this.id = options.id;
    this.limits = limitsOf(options);
    this.random = options.random;
    this.log = new RaftLog(snapshot.index, snapshot.term, entries);
    this.configurations = new ConfigurationHistory(snapshot.index, snapshot.configuration);
    this.configurations.append(entries);
    this.persistence = new Persistence(this.log.lastIndex, hardState);
    this.forwardedReads = new ForwardedReads(this.random, this.limits.pendingReadsMax);

    assert(hardState.commit <= this.log.lastIndex, "raft: the log ends before the commit index");
    assert(appliedIndex >= snapshot.index, "raft: the state machine is older than the snapshot");
    assert(appliedIndex <= this.log.lastIndex, "raft: the state machine is ahead of the log");
    // A crash can leave entries of a term that the hard state has not reached. No vote in that term
    // was answered yet, so that it is still free.
    this.term = Math.max(hardState.term, this.log.lastTerm);
    this.vote = this.term === hardState.term ? hardState.vote : "";
    this.commitIndex = Math.max(hardState.commit, appliedIndex);
    this.appliedIndex = appliedIndex;
    this.releasedIndex = appliedIndex;
    this.resetElectionTimer();
  }

  /** The configuration in force. */
  get configuration(): Configuration {
    return this.configurations.current;
  }

  get isConfigurationCommitted(): boolean {
    return this.configurations.index <= this.commitIndex;
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.commitIndex };
  }

  /** The oldest write has been on its way for more than an election timeout. */
  get isDiskStalled(): boolean {
    return this.persistence.isStalled(this.tick, this.limits.electionTicks);
  }

  /** May campaign. Learners, strangers and servers that cannot write or have no state must not. */
  get isPromotable(): boolean {
    return (
      isVoter(this.configuration, this.id) && this.installing === undefined && !this.isDiskStalled
    );
  }

  /** A leader is known and was heard of within the shortest election timeout. */
  get hearsLeader(): boolean {
    return this.leader !== "" && this.electionElapsed < this.limits.electionTicks;
  }

  /** Starts to wait anew, for a random time, so that servers do not campaign in lockstep. */
  resetElectionTimer(): void {
    const { electionTicks } = this.limits;
    this.electionElapsed = 0;
    this.electionTimeoutTicks = electionTicks + this.random.below(electionTicks);
  }

  /** A term is only ever entered upwards, and without a vote. */
  enterTerm(term: Term): void {
    assert(term > this.term, "raft: terms must grow");
    this.term = term;
    this.vote = "";
  }

  /** A vote is given once in a term; giving it again to the same server changes nothing. */
  giveVote(candidate: NodeId): void {
    assert(this.vote === "" || this.vote === candidate, "raft: one vote in a term");
    this.vote = candidate;
  }

  /** Appends entries that replace everything at or after the first one's index. */
  write(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index <= this.log.lastIndex) this.#truncateFrom(first.index);
    this.log.append(entries);
    this.configurations.append(entries);
  }

  #truncateFrom(index: LogIndex): void {
    assert(index > this.commitIndex, "raft: a committed entry must not be truncated");
    assert(this.role !== "leader", "raft: a leader's log only grows");
    this.log.truncateFrom(index);
    this.configurations.truncateFrom(index);
    this.persistence.truncateFrom(index);
  }

  /** Replaces the whole log by a snapshot, whose bytes the driver has yet to install. */
  restart(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.commitIndex, "raft: a snapshot must not go back");
    this.log.restart(snapshot.index, snapshot.term);
    this.configurations.restart(snapshot.index, snapshot.configuration);
    this.persistence.restart(snapshot);
    this.commitIndex = snapshot.index;
    this.installing = snapshot;
  }

  /** Raises the commit index; never lowers it. */
  commitTo(index: LogIndex): void {
    if (index <= this.commitIndex) return;
    assert(index <= this.log.lastIndex, "raft: what is committed must be in the log");
    if (this.leadership !== undefined) {
      const bytes = dataBytes(this.log.slice(this.commitIndex + 1, index));
      this.leadership.uncommittedBytes -= bytes;
    }
    this.commitIndex = index;
  }

  /** Committed, durable here, and not handed out before: each entry once. */
  releaseCommitted(): readonly Entry[] {
    if (this.installing !== undefined) return [];
    const last = Math.min(this.commitIndex, this.persistence.durableIndex);
    if (last <= this.releasedIndex) return [];
    const entries = this.log.slice(this.releasedIndex + 1, last);
    this.releasedIndex = last;
    return entries;
  }

  /** The state machine holds everything up to `index`; a late report changes nothing. */
  noteApplied(index: LogIndex): void {
    assert(index <= this.releasedIndex, "raft: only what was released can be applied");
    this.appliedIndex = Math.max(this.appliedIndex, index);
  }

  /** Notes that a message contradicts what is committed here; the first such index is kept. */
  noteDivergence(index: LogIndex): void {
    this.diverged = Math.min(this.diverged ?? index, index);
  }
}

/** Bytes of data in `entries`. */
export function dataBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** The messages of one kind. */
export type MessageOf<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;

/** The head of a message from `server` in its present term. */
export function envelope(server: Server, to: NodeId): Pick<Message, "from" | "to" | "term"> {
  return { from: server.id, to, term: server.term };
}
