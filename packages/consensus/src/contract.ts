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
}

export interface Voter {
  readonly id: NodeId;
  /** Weight of its vote, 1 or more. */
  readonly votes: number;
}

/** Who takes part. In force from the moment its entry is appended (Raft thesis section 4.1). */
export interface Configuration {
  readonly voters: readonly Voter[];
  /** Receive the log and do not count (Raft thesis section 4.2.1). */
  readonly learners: readonly NodeId[];
  /** The old voters while a change is in its joint phase (Raft paper section 6); empty otherwise. */
  readonly outgoing: readonly Voter[];
}

/** Names the state that a snapshot holds; the bytes themselves are the driver's business. */
export interface SnapshotMeta {
  /** Last entry that the snapshot includes. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
}

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; for a pre-vote the term that it would campaign in. */
  readonly term: Term;
}

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
    })
  | (Envelope & { readonly kind: "appendAccepted"; readonly matchIndex: LogIndex })
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
  | (Envelope & { readonly kind: "heartbeatResponse"; readonly readRound: number })
  /** The driver streams the bytes of the snapshot along with it. */
  | (Envelope & { readonly kind: "installSnapshot"; readonly snapshot: SnapshotMeta })
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
      readonly reason: "noLeader" | "transferring" | "tooManyUncommitted";
    };

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

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
  /** Only on the leader: what it knows about each other server. */
  readonly progress: ReadonlyMap<
    NodeId,
    {
      readonly matchIndex: LogIndex;
      readonly state: "probe" | "replicate" | "snapshot";
      readonly recentlyActive: boolean;
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
  readonly random: Random;
}

/**
 * One server's consensus engine. Single-threaded; no method is re-entrant, none does I/O.
 *
 * After any input, call {@link takeEffects} and execute what it returns.
 */
export interface Engine {
  /** Logical time passes; call it every tick interval. */
  tick(): void;
  /** A message from another server. Never throws on its content: what makes no sense is ignored. */
  step(message: Message): void;
  propose(data: readonly Uint8Array[]): ProposeOutcome;
  /** Starts a linearizable read (Raft thesis section 6.4); comes back in `reads` or `droppedReads`. */
  read(requestId: number): void;
  /** Hands leadership to `target`; nothing happens when this is not the leader or `target` no voter. */
  transferLeadership(target: NodeId): void;

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
   * applied. Keeps the entries after it.
   */
  compact(index: LogIndex): void;

  /** Everything to do since the last call; undefined when there is nothing. */
  takeEffects(): Effects | undefined;
  status(): EngineStatus;
}
