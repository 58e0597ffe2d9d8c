/**
 * The engine contract: what every consensus engine takes in and gives out.
 *
 * An engine is a pure state machine. It never acts: inputs are method calls, and everything that
 * has to happen outside is collected as {@link Effects}. The driver executes them and reports each
 * completion back as an input. Source of the shape: etcd/raft's AsyncStorageWrites, openraft's
 * Command values.
 */
import type { Random } from "@flotilla/base";

/** Names one server, for ever: an id is used once. 1 to 64 characters, opaque to the engine. */
export type NodeId = string;
/** Raft paper, figure 2: counts elections; starts at 0 before the first. */
export type Term = number;
/** Position in the log; the first entry has index 1. */
export type LogIndex = number;

/** One log entry. `data` is opaque to the engine unless `kind` is `config`. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  /** `noop`: appended by a fresh leader (Raft paper section 8). `config`: an encoded {@link Configuration}. */
  readonly kind: "command" | "noop" | "config";
  readonly data: Uint8Array;
}

/** What must survive a restart besides the entries (Raft paper figure 2, "persistent state"). */
export interface HardState {
  readonly term: Term;
  /** Whom this server voted for in `term`; empty when nobody. */
  readonly vote: NodeId;
  /** Known committed; a hint that speeds up a restart. */
  readonly commit: LogIndex;
  /**
   * The epoch that this server was told to have been left behind by; absent when it was not. Never
   * taken back: such a server takes part in nothing until its disk is wiped.
   */
  readonly supersededBy?: number;
  /**
   * The highest epoch that this server was told while it was blank; absent is 0. A new server replays
   * configurations of earlier epochs, and must not be taken for one that was left behind.
   */
  readonly epoch?: number;
  /**
   * Entries up to here were acknowledged and are lost: while present, this server neither votes nor
   * campaigns, see {@link Isolation}.
   */
  readonly lostUntil?: LogIndex;
  /**
   * A leader has sent entries without their data, as to a witness. Never taken back: by places and terms
   * this log cannot be told from a whole one, and must not pass for that under a leader that does not
   * know of the change that made this server a witness.
   */
  readonly lacksData?: true;
}

export interface Voter {
  readonly id: NodeId;
  /** Weight of its vote, 1 or more. */
  readonly votes: number;
}

/** What is known about a server beyond its vote. */
export interface ServerRecord {
  readonly id: NodeId;
  /**
   * The number that the server drew when its disk was new; 0 until the leader has heard it. Another
   * number under the same id is a server that has lost its disk, and with it its promises (T18).
   */
  readonly incarnation: number;
  /** Where it is reached; opaque to the engine. */
  readonly urls: readonly string[];
}

/**
 * Who takes part. In force from the moment its entry is appended (Raft thesis section 4.1).
 *
 * Absent optional fields mean: none, empty, 0.
 */
export interface Configuration {
  readonly voters: readonly Voter[];
  /** Receive the log and do not count (Raft thesis section 4.2.1). */
  readonly learners: readonly NodeId[];
  /** The old voters while a change is in its joint phase (Raft paper section 6); empty otherwise. */
  readonly outgoing: readonly Voter[];
  /**
   * Voters that hold no data: they get every entry's place and term without its bytes (those of
   * `config` entries excepted), vote by them, and never lead. Each is a voter, old or new.
   */
  readonly witnesses?: readonly NodeId[];
  /** Who should lead, most wanted first; a leader that is wanted less hands over, now and then. */
  readonly preferred?: readonly NodeId[];
  /** The only server that may campaign; everybody else only votes. Absent: all voters may. */
  readonly staticLeader?: NodeId;
  /** Counts forced recoveries. Servers of another epoch do not belong here any more. */
  readonly epoch?: number;
  readonly servers?: readonly ServerRecord[];
  /**
   * The last servers that were removed, or left behind by a forced recovery, newest last: told so when
   * they call, and never added again. At most `removedMax`.
   */
  readonly removed?: readonly NodeId[];
}

/** One step of a change of the configuration; several make one joint change. */
export type ConfigurationChange =
  /** A new server. With `votes` 0 it learns; a voter that has no data yet delays commits. */
  | {
      readonly kind: "add";
      readonly id: NodeId;
      readonly votes: number;
      readonly witness?: boolean;
      readonly urls?: readonly string[];
    }
  | { readonly kind: "remove"; readonly id: NodeId }
  /** A learner that has caught up becomes a voter. */
  | { readonly kind: "promote"; readonly id: NodeId; readonly votes: number }
  /** A voter becomes a learner. */
  | { readonly kind: "demote"; readonly id: NodeId }
  | { readonly kind: "votes"; readonly id: NodeId; readonly votes: number }
  /** Replaces the list; empty ends all preference. */
  | { readonly kind: "prefer"; readonly ids: readonly NodeId[] }
  /** Undefined ends it. */
  | { readonly kind: "staticLeader"; readonly id: NodeId | undefined }
  | { readonly kind: "urls"; readonly id: NodeId; readonly urls: readonly string[] };

/** Why a change of the configuration is not made. */
export type ChangeRefusal =
  | "notLeader"
  /** No entry of this leader's own term is committed yet (the bug of single-server changes, T1). */
  | "notReady"
  /** Another change is under way. */
  | "changePending"
  | "transferring"
  /** `add`: in the configuration already. */
  | "serverExists"
  /** `add`: an id is used once, and this one was removed. */
  | "serverRemoved"
  | "unknownServer"
  /** `promote`: no learner. `demote`, `votes`: no voter. */
  | "wrongRole"
  /** `promote`, `staticLeader`: it lacks more than `promotionLagEntriesMax` entries, or has not answered lately. */
  | "learnerBehind"
  /** Nobody with data would be left to vote. */
  | "noDataVoter"
  /** Beyond `serversMax`, `votesMax`, or otherwise no sound configuration. */
  | "unsound"
  /** It would change nothing. */
  | "unchanged";

export type ChangeOutcome =
  /** The joint configuration is at `index`; the leader leaves it by itself once that is committed. */
  | { readonly kind: "appended"; readonly term: Term; readonly index: LogIndex }
  | { readonly kind: "refused"; readonly reason: ChangeRefusal };

/** Names the state that a snapshot holds; the bytes themselves are the driver's business. */
export interface SnapshotMeta {
  /** Last entry that the snapshot includes. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
}

/** What every message begins with. */
export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; for a pre-vote the term that it would campaign in. */
  readonly term: Term;
  /** That of the sender's configuration; absent is 0. */
  readonly epoch?: number;
  /** The sender's, see {@link ServerRecord}; absent is 0, not known. */
  readonly incarnation?: number;
}

/**
 * - `superseded`: the cluster was recovered by force; `epoch` of the message is the new one.
 * - `removed`: a change of the configuration took the receiver out.
 * - `lostDisk`: the receiver's id was used by another incarnation.
 */
export type RefusalReason = "superseded" | "removed" | "lostDisk";

/** Raft's messages, one kind per row of the paper's figures plus pre-vote, reads and forwarding. */
export type Message =
  | (Envelope & {
      readonly kind: "preVoteRequest";
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
    })
  | (Envelope & { readonly kind: "preVoteResponse"; readonly granted: boolean })
  | (Envelope & {
      readonly kind: "voteRequest";
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
      /** Sent on a leader's own request (leadership transfer): leader stickiness does not apply. */
      readonly transfer: boolean;
    })
  | (Envelope & { readonly kind: "voteResponse"; readonly granted: boolean })
  | (Envelope & {
      readonly kind: "appendRequest";
      readonly prevIndex: LogIndex;
      readonly prevTerm: Term;
      readonly entries: readonly Entry[];
      readonly commit: LogIndex;
      /** The receiver is a witness: entries come without their data. */
      readonly lacksData?: true;
    })
  | (Envelope & {
      readonly kind: "appendAccepted";
      readonly matchIndex: LogIndex;
      /** See {@link Engine.standBack}. */
      readonly standsBack?: true;
    })
  | (Envelope & {
      readonly kind: "appendRejected";
      /** `prevIndex` of the request that is refused. */
      readonly rejectedIndex: LogIndex;
      /** The highest index at which the logs could still match, and the follower's term there. */
      readonly hintIndex: LogIndex;
      readonly hintTerm: Term;
    })
  | (Envelope & {
      readonly kind: "heartbeat";
      /** At most what the receiver is known to hold. */
      readonly commit: LogIndex;
      /** The leader's own counter of read rounds (see {@link Engine.read}); never the caller's. */
      readonly readRound: number;
    })
  | (Envelope & {
      readonly kind: "heartbeatResponse";
      readonly readRound: number;
      /** See {@link Engine.standBack}. */
      readonly standsBack?: true;
    })
  /** The driver streams the bytes of the snapshot along with it; to a witness there are none. */
  | (Envelope & {
      readonly kind: "installSnapshot";
      readonly snapshot: SnapshotMeta;
      readonly lacksData?: true;
    })
  /**
   * The sender had acknowledged entries after `lastIndex` in this term and does not hold them: the
   * leader has to begin anew with it.
   */
  | (Envelope & { readonly kind: "dataLost"; readonly lastIndex: LogIndex })
  /** The receiver does not belong here, and why; its term means nothing. */
  | (Envelope & {
      readonly kind: "refused";
      readonly reason: RefusalReason;
      /** That of the message that is refused, so that nobody else takes it for his; absent is 0. */
      readonly refusedIncarnation?: number;
    })
  | (Envelope & { readonly kind: "timeoutNow" })
  /** A follower hands proposals to the leader. */
  | (Envelope & { readonly kind: "forwardedProposals"; readonly data: readonly Uint8Array[] })
  /** A follower asks the leader for a read index; `requestId` is the follower's. */
  | (Envelope & { readonly kind: "readRequest"; readonly requestId: number })
  | (Envelope & {
      readonly kind: "readResponse";
      readonly requestId: number;
      readonly index: LogIndex;
    });

/**
 * Names one batch of persistence. Carries the term and last index it was made in, so that a late
 * completion cannot be mistaken for one of a rewritten tail.
 */
export interface PersistToken {
  readonly sequence: number;
  readonly term: Term;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

/** To be made durable as one unit, in the order given by `token.sequence`. */
export interface Persist {
  readonly token: PersistToken;
  /** Present when it changed. */
  readonly hardState: HardState | undefined;
  /** In index order; replaces everything at or after the first one's index. May be empty. */
  readonly entries: readonly Entry[];
  /** A snapshot that was accepted: install the bytes that were streamed, then report `snapshotInstalled`. */
  readonly snapshot: SnapshotMeta | undefined;
  /** False when only `hardState.commit` changed: it may wait for the next write. */
  readonly mustSync: boolean;
}

/** A read may be served from local state once `index` is applied. */
export interface ReadReady {
  readonly requestId: number;
  readonly index: LogIndex;
}

/** Everything that the driver has to do, collected since the last {@link Engine.takeEffects}. */
export interface Effects {
  readonly persist: Persist | undefined;
  /** Send at once, in order; they may leave before `persist` is durable. */
  readonly messages: readonly Message[];
  /** Send in order, once `persist` of this and of every earlier batch is durable. */
  readonly messagesAfterPersist: readonly Message[];
  /** Committed, and durable here: apply in order, then report `applied`. Each entry is released once. */
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadReady[];
  /** Reads that cannot be answered (leader lost, or too many): ask again. */
  readonly droppedReads: readonly number[];
}

/** What became of a proposal at once; whether it commits is seen in `committed`. */
export type ProposeOutcome =
  | { readonly kind: "appended"; readonly term: Term; readonly firstIndex: LogIndex }
  /** Handed to the leader by message; it can be lost without notice. */
  | { readonly kind: "forwarded"; readonly leader: NodeId }
  | {
      readonly kind: "dropped";
      readonly reason: "noLeader" | "transferring" | "tooManyUncommitted" | "isolated";
    };

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** Why a server takes no part: an operator has to look. */
export type Isolation =
  /** For good. `by` is who said so: this server itself when its log did, empty when not known any more. */
  | { readonly kind: RefusalReason; readonly by: NodeId }
  /** For good: `by` takes it for a server with data, and its disk is that of a witness. */
  | { readonly kind: "lacksData"; readonly by: NodeId }
  /**
   * Entries that this server had acknowledged are not on its disk. Neither votes nor campaigns until
   * it holds all that is committed up to `until` again.
   */
  | { readonly kind: "lostEntries"; readonly until: LogIndex };

export interface EngineStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  /** Empty when unknown. */
  readonly leader: NodeId;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly configuration: Configuration;
  /**
   * Present once a message contradicted what is committed here, with the first index concerned: one
   * of the two servers has lost data that it had acknowledged. An operator has to look.
   */
  readonly diverged?: LogIndex;
  readonly isolation?: Isolation;
  /** Where the configuration in force stands in the log, and whether that is committed. */
  readonly configurationIndex: LogIndex;
  readonly isConfigurationCommitted: boolean;
  /** To whom leadership is being handed; empty when to nobody. */
  readonly transferTarget: NodeId;
  /** Only on the leader: what it knows about each other server. */
  readonly progress: ReadonlyMap<
    NodeId,
    {
      readonly matchIndex: LogIndex;
      readonly state: "probe" | "replicate" | "snapshot";
      /** Heard of within the last election timeout. */
      readonly recentlyActive: boolean;
      /** It had acknowledged more than it holds, and is being given it again. */
      readonly hasLostEntries?: true;
      /** It is not to lead while another one can, see {@link Engine.standBack}. */
      readonly standsBack?: true;
    }
  >;
}

/** What an engine is started from: all that the disk gave back. */
export interface EngineState {
  readonly hardState: HardState;
  /** The last snapshot; index 0, term 0 and the bootstrap configuration when there was none. */
  readonly snapshot: SnapshotMeta;
  /** Contiguous, from `snapshot.index + 1`. */
  readonly entries: readonly Entry[];
  /** Already in the state machine, from its own durable record; at least `snapshot.index`. */
  readonly appliedIndex: LogIndex;
}

export interface EngineOptions {
  readonly id: NodeId;
  /** Ticks without hearing a leader before a pre-vote; the timeout is drawn from [n, 2n-1]. Default 10. */
  readonly electionTicks?: number;
  /** Ticks between heartbeats; below `electionTicks`. Default 1. */
  readonly heartbeatTicks?: number;
  /** Appends in flight to one follower. Default 256. */
  readonly inflightMessagesMax?: number;
  /** Entry bytes in one append; one entry always fits. Default 1 MiB. */
  readonly appendBytesMax?: number;
  /** Entry bytes in flight to one follower. Default 16 MiB. */
  readonly inflightBytesMax?: number;
  /** Bytes of entries that are appended and not committed, before proposals are dropped. Default 64 MiB. */
  readonly uncommittedBytesMax?: number;
  /** Reads that wait for a round. Default 10,000. */
  readonly pendingReadsMax?: number;
  /** What this server drew when its disk was new, 1 to 2^53-1. Default 0: not told, not checked. */
  readonly incarnation?: number;
  /**
   * Serve reads without a round while a quorum has lately promised not to vote (thesis section 6.4.1).
   * Off by default: it trusts clocks. `durationMs` counts from the sending of a heartbeat and must be
   * below (electionTicks - 1) ticks, divided by the largest ratio of two clocks' rates. All servers of
   * a cluster set it or none: one that does refuses votes for an election timeout after its start.
   */
  readonly leaseReads?: { readonly durationMs: number };
  /** Ticks between two attempts to hand over to a preferred leader. Default 10 election timeouts. */
  readonly preferTicks?: number;
  /** Entries that a learner may lack when it is promoted. Default 1,000. */
  readonly promotionLagEntriesMax?: number;
  readonly random: Random;
}

/**
 * One server's consensus engine. Single-threaded; no method is re-entrant, none does I/O.
 *
 * After any input, call {@link takeEffects} and execute what it returns.
 */
export interface Engine {
  /** What changes rarely and is asked for often; {@link status} copies everything. */
  readonly role: Role;
  readonly term: Term;
  /** Empty when unknown. */
  readonly leader: NodeId;
  /** In force. The same object until it changes. */
  readonly configuration: Configuration;

  /** Logical time passes; call it every tick interval. */
  tick(): void;
  /** A message from another server. Never throws on its content: what makes no sense is ignored. */
  step(message: Message): void;
  propose(data: readonly Uint8Array[]): ProposeOutcome;
  /** Starts a linearizable read (Raft thesis section 6.4); comes back in `reads` or `droppedReads`. */
  read(requestId: number): void;
  /** Hands leadership to `target`; nothing happens when this is not the leader or `target` no voter. */
  transferLeadership(target: NodeId): void;
  /**
   * This server is not to lead while another one can, or may again: its state machine is wrong, say. It
   * tells whoever leads, is handed leadership by nobody's preference, and hands on what falls to it. It
   * votes, and campaigns where nobody leads, as ever; and `transferLeadership` to it goes its way, since
   * whoever names a target means it.
   */
  standBack(isBack: boolean): void;
  /** Changes who takes part, by joint consensus, all steps at once. Only a leader can. */
  change(changes: readonly ConfigurationChange[]): ChangeOutcome;

  /** Completion: the batch is durable. */
  persisted(token: PersistToken): void;
  /** Completion: the state machine holds everything up to `index`. */
  applied(index: LogIndex): void;
  /** Completion: the state machine was replaced by this snapshot, durably. */
  snapshotInstalled(snapshot: SnapshotMeta): void;
  /** Completion: the bytes of a snapshot arrived at `to`, or did not. */
  snapshotSent(to: NodeId, delivered: boolean): void;
  /** Sends to `to` fail: probe it instead of streaming to it. */
  unreachable(to: NodeId): void;
  /**
   * Drops log entries up to `index`, which a snapshot of the state machine covers and which is
   * applied. Keeps the entries after it; a leader also keeps some before it, while a server that was
   * sent a snapshot catches up.
   */
  compact(index: LogIndex): void;

  /**
   * Everything to do since the last call; undefined when there is nothing. `nowMs` is monotonic time,
   * taken right before the call; only lease reads look at it, and without it there are none.
   */
  takeEffects(nowMs?: number): Effects | undefined;
  status(): EngineStatus;
}
