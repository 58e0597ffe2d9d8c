/**
 * The state of one Raft server (Raft paper, figure 2, "State", and what the extensions need).
 *
 * The handlers beside this file decide and change it; the few methods here keep together what must
 * never come apart: log, configurations and persistence; term and vote; role and leadership.
 */
import { assert, type Random } from "@flotilla/base";
import { isBlank, isDataVoter, isElectable } from "../configuration.ts";
import type {
  Configuration,
  EngineOptions,
  EngineState,
  Entry,
  Envelope,
  HardState,
  Isolation,
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
import type { Roster } from "./roster.ts";

/** Why a server takes no part, for good. */
export type Exile = Exclude<Isolation, { kind: "lostEntries" }>;

export class Server {
  readonly id: NodeId;
  /** 0 when it was not told. */
  readonly incarnation: number;
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
  /** When it last heard of a leader; a start counts, as it may have forgotten one. */
  leaderHeardTick = 0;

  /** The static leader cannot lead: this server may, until there is a leader. */
  standsIn = false;

  /** It is not to lead while another one can. */
  standsBack = false;

  /** A snapshot that was accepted and is not in the state machine yet. */
  installing: SnapshotMeta | undefined;
  /** First index at which a message contradicted what is committed here. */
  diverged: LogIndex | undefined;
  /** Entries came here without their data; see {@link HardState}. */
  lacksData: boolean;
  /** Why it takes no part any more. */
  exile: Exile | undefined;
  /** The last configuration that was asked whether this server belongs to it. */
  judged: Roster | undefined;
  /** The epoch that this server was left behind by; 0 when it was not. */
  supersededBy: number;
  /** What it acknowledged and lost ends here. */
  lostUntil: LogIndex;
  lossReportedTick: number = Number.NEGATIVE_INFINITY;
  /** The epoch that it was told while it was blank. */
  #toldEpoch: number;
  /** Highest index at which an append of the present term's leader met this log. */
  #acceptedIndex: LogIndex = 0;

  /** `state` must be sound: whoever reads it from a disk has checked it. */
  constructor(options: EngineOptions, state: EngineState) {
    const { snapshot, hardState, entries, appliedIndex } = state;
    this.id = options.id;
    this.incarnation = options.incarnation ?? 0;
    this.limits = limitsOf(options);
    this.random = options.random;
    this.log = new RaftLog(snapshot.index, snapshot.term, entries);
    this.configurations = new ConfigurationHistory(snapshot.index, snapshot.configuration);
    this.configurations.append(entries);
    this.persistence = new Persistence(this.log.lastIndex, hardState);
    this.forwardedReads = new ForwardedReads(this.random, this.limits.pendingReadsMax);

    assert(appliedIndex >= snapshot.index, "raft: the state machine is older than the snapshot");
    // A crash can leave entries of a term that the hard state has not reached. No vote in that term
    // was answered yet, so that it is still free.
    this.term = Math.max(hardState.term, this.log.lastTerm);
    this.vote = this.term === hardState.term ? hardState.vote : "";
    const committedIndex = Math.max(hardState.commit, appliedIndex);
    this.commitIndex = Math.min(committedIndex, this.log.lastIndex);
    this.appliedIndex = appliedIndex;
    this.releasedIndex = appliedIndex;
    this.supersededBy = hardState.supersededBy ?? 0;
    if (this.supersededBy > 0) this.exile = { kind: "superseded", by: "" };
    // What was committed is not all in the log: the disk has forgotten acknowledged entries.
    const lostHere = committedIndex > this.log.lastIndex ? committedIndex : 0;
    this.lostUntil = Math.max(hardState.lostUntil ?? 0, lostHere);
    this.lacksData = hardState.lacksData ?? false;
    const { configuration } = snapshot;
    const joinedEpoch = isBlank(configuration) ? (configuration.epoch ?? 0) : 0;
    this.#toldEpoch = Math.max(hardState.epoch ?? 0, joinedEpoch);
    this.resetElectionTimer();
  }

  /** The configuration in force. */
  get configuration(): Configuration {
    return this.configurations.current.configuration;
  }

  /** The same, arranged for questions. */
  get roster(): Roster {
    return this.configurations.current;
  }

  /**
   * The epoch that this server belongs to. One that is new replays configurations of earlier epochs
   * before it reaches that of the cluster that it was told to join.
   */
  get epoch(): number {
    return Math.max(this.#toldEpoch, this.roster.epoch);
  }

  /** A blank server belongs to whoever calls it. */
  learnEpoch(epoch: number): void {
    assert(isBlank(this.configuration), "raft: only a blank server takes another epoch");
    this.#toldEpoch = Math.max(this.#toldEpoch, epoch);
  }

  get isConfigurationCommitted(): boolean {
    return this.configurations.index <= this.commitIndex;
  }

  get hardState(): HardState {
    const { term, vote, commitIndex: commit, hasLostEntries, lacksData } = this;
    const isWhole = !hasLostEntries && !lacksData;
    if (isWhole && this.supersededBy === 0 && this.#toldEpoch === 0) return { term, vote, commit };
    return {
      term,
      vote,
      commit,
      ...(this.supersededBy === 0 ? {} : { supersededBy: this.supersededBy }),
      ...(this.#toldEpoch === 0 ? {} : { epoch: this.#toldEpoch }),
      ...(hasLostEntries ? { lostUntil: this.lostUntil } : {}),
      ...(lacksData ? { lacksData } : {}),
    };
  }

  /**
   * Something that was acknowledged is not here. It is over once all of it is durable again, and known
   * to be the right one.
   */
  get hasLostEntries(): boolean {
    return this.lostUntil > Math.min(this.commitIndex, this.persistence.durableIndex);
  }

  /** The oldest write has been on its way for more than an election timeout. */
  get isDiskStalled(): boolean {
    return this.persistence.isStalled(this.tick, this.limits.electionTicks);
  }

  /** May campaign. Who must not lead, has no state, cannot write or has forgotten must not. */
  get isPromotable(): boolean {
    return (
      this.#isWanted &&
      this.installing === undefined &&
      !this.isDiskStalled &&
      !this.hasLostEntries &&
      this.exile === undefined
    );
  }

  /**
   * May lead by a configuration that is not yet, or not any more, all that counts. Whoever alone holds
   * the entry that takes its own vote away has a longer log than all that need its vote to go on, so
   * that it has to lead once more (Raft thesis section 4.2.2).
   */
  get #isWanted(): boolean {
    const mayLead = this.standsIn ? isDataVoter : isElectable;
    return this.configurations.since(this.commitIndex).some((each) => mayLead(each, this.id));
  }

  /** A leader is known and was heard of within the shortest election timeout. */
  get hearsLeader(): boolean {
    return this.leader !== "" && this.electionElapsed < this.limits.electionTicks;
  }

  /**
   * A leader may be reading by a lease that this server's answer to a heartbeat is part of: nobody
   * else gets its vote meanwhile, whatever term it has seen since. A restarted server has forgotten
   * what it answered.
   */
  get owesLease(): boolean {
    const { leaseMs, electionTicks } = this.limits;
    return leaseMs !== undefined && this.tick - this.leaderHeardTick < electionTicks;
  }

  /** Up to here this log is known to equal that of the present term's leader. */
  get verifiedIndex(): LogIndex {
    // Only that leader makes entries of its term, and they come with all before them.
    return this.log.lastTerm === this.term ? this.log.lastIndex : this.#acceptedIndex;
  }

  /** An append or a snapshot of the present term's leader met this log, up to `index`. */
  noteAccepted(index: LogIndex): void {
    this.#acceptedIndex = Math.max(this.#acceptedIndex, index);
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
    this.#acceptedIndex = 0;
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
export function envelope(server: Server, to: NodeId): Envelope {
  const { id: from, term, epoch, incarnation } = server;
  if (epoch === 0 && incarnation === 0) return { from, to, term };
  if (epoch === 0) return { from, to, term, incarnation };
  return incarnation === 0 ? { from, to, term, epoch } : { from, to, term, epoch, incarnation };
}

/** The head of an answer by which a leader learns whether `server` is ready to lead. */
export function answerEnvelope(
  server: Server,
  to: NodeId,
): Envelope & { readonly standsBack?: true } {
  const head = envelope(server, to);
  return server.standsBack ? { ...head, standsBack: true } : head;
}
