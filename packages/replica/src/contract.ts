/**
 * One member's replica: the loop around engine, log and store, and the port to where it runs.
 *
 * Everything here is synchronous or calls back: no promise, no timer, no socket. A member runs it in
 * a process, the simulator runs the same code in virtual time. Callbacks are never called before the
 * method that took them has returned.
 */
import type { Logger, Metrics } from "@flotilla/base";
import type {
  ChangeRefusal,
  Configuration,
  ConfigurationChange,
  Engine,
  EngineStatus,
  Message,
  NodeId,
} from "@flotilla/consensus";
import type { Command, CommandResult, Requester, Store } from "@flotilla/store";
import type { Wal } from "@flotilla/wal";

/**
 * What has probably cost a request its time: it began when the last leader was about to be lost, or the
 * leader, or for a leader a quorum, could not be reached all the while.
 */
export type TimeoutCause = "leaderFailed" | "connectionLost";

/** Why a request did not get through; each has its text in the API's error table. */
export type Unavailable =
  | { readonly kind: "noLeader" }
  /** Not known whether it happened. */
  | { readonly kind: "timeout"; readonly cause?: TimeoutCause }
  /** The limit of requests in flight is reached: nothing happened. */
  | { readonly kind: "tooManyRequests" }
  /** This server is a witness: it has nothing to read, and sees no result. Nothing happened. */
  | { readonly kind: "noData" }
  | { readonly kind: "stopped" };

export type ProposeOutcome =
  | { readonly kind: "applied"; readonly result: CommandResult }
  | Unavailable;
export type BarrierOutcome = { readonly kind: "ready" } | Unavailable;
export type RenewOutcome =
  | { readonly kind: "renewed"; readonly ttlSeconds: number }
  | { readonly kind: "leaseNotFound" }
  | Unavailable;
export type TimeToLiveOutcome =
  | {
      readonly kind: "live";
      readonly remainingSeconds: number;
      readonly grantedSeconds: number;
      readonly keys: readonly Uint8Array[];
    }
  | { readonly kind: "leaseNotFound" }
  | Unavailable;
/** `changed`: the new configuration is committed, and in force here if it has a place for this server. */
export type ChangeConfigurationOutcome =
  | { readonly kind: "changed"; readonly configuration: Configuration }
  | { readonly kind: "refused"; readonly reason: ChangeRefusal }
  | Unavailable;

/** `replaced`: the state is that of the leader at `index`, and what comes after it follows. */
export type ReplaceOutcome =
  | { readonly kind: "replaced"; readonly index: number }
  /** Nobody else votes and holds data: there is nowhere to have it from. Nothing happened. */
  | { readonly kind: "alone" }
  /** Another one is under way; or this server is a witness; or it stops. Nothing happened. */
  | { readonly kind: "tooManyRequests" | "noData" | "stopped" };

/** Gives a request up: its callback is not called any more. What it asked for may still happen. */
export type Cancel = () => void;

/** What became of a call to another member. */
export type CallOutcome =
  | { readonly kind: "answered"; readonly response: Uint8Array }
  /** Not known whether the peer has seen it. */
  | { readonly kind: "failed"; readonly reason: string };

/** A stream of bytes that is pulled, one piece at a time. */
export interface ByteSource {
  /** `piece` is undefined at the end. Not called again before it has answered, nor after the end. */
  next(done: (error: unknown, piece: Uint8Array | undefined) => void): void;
  /** Lets go of what the source holds on to; at any time, once. */
  close(): void;
}

/**
 * Where a received snapshot is put, piece by piece, before it replaces the state. One that is finished
 * without a piece stands for an empty state: that of a witness.
 */
export interface SnapshotSink {
  write(piece: Uint8Array, done: (error: unknown) => void): void;
  /** Durable under the snapshot's name when it is done: a restart finds it. */
  finish(done: (error: unknown) => void): void;
  abort(): void;
}

/** The state machine's storage, beyond what the store itself does to it. */
export interface StateStorage {
  readonly store: Store;
  /** Done once everything applied before the call is on stable storage. */
  checkpoint(done: (error: unknown) => void): void;
  /** The bytes of the state as it is at this moment, which is that of `store.appliedIndex`. */
  read(): ByteSource;
  /** Takes in a snapshot from a peer; one at a time. */
  receive(snapshot: { readonly index: number; readonly term: number }): SnapshotSink;
  /**
   * Replaces the state by a snapshot that was received, durably; `store` reads anew. Later ones that
   * were received stay.
   */
  install(
    snapshot: { readonly index: number; readonly term: number },
    done: (error: unknown) => void,
    /** Present when what it replaces is wrong, and may be of use to whoever looks for the reason. */
    options?: { readonly isWrong: true },
  ): void;
}

/** What a replica needs from where it runs. */
export interface ReplicaPorts {
  readonly engine: Engine;
  readonly wal: Wal;
  readonly state: StateStorage;
  readonly logger: Logger;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** Monotonic. */
  nowMs(): number;
  /** Runs `callback` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back in the next turn of the event loop, in the order of the calls. */
  nextTurn(callback: () => void): void;
  /** Calls back at the end of this one, before anything else happens. */
  endOfTurn(callback: () => void): void;
  /** The same for the store's work, which comes last: after what was asked for by then, and has been sent. */
  whenSent(callback: () => void): void;
  /** Sends or drops, never waits. */
  send(message: Message): void;
  /** The same for frames of snapshots, on a way of their own: they hold up no message. */
  sendBulk(to: NodeId, frame: Uint8Array): void;
  call(
    to: NodeId,
    request: Uint8Array,
    timeoutMs: number,
    done: (outcome: CallOutcome) => void,
  ): void;
  /** The engine has worked, and role, term, leader or configuration may be others than before. */
  onWorked(engine: Engine): void;
  /** Nothing goes on from here. Called once. */
  onFailure(error: unknown): void;
}

/** How much is applied, and may wait for that. Each at least 1. */
export interface ApplyLimits {
  /** Entries applied in one go. Default 1,000. */
  readonly sliceEntriesMax: number;
  /** Committed entries that wait; while there are so many, appends are taken for lost. Default 200,000. */
  readonly queueEntriesMax: number;
  /** Bytes of them. Default 64 MiB. */
  readonly queueBytesMax: number;
}

export interface ReplicaOptions {
  readonly id: NodeId;
  /** Names this start; never used before. */
  readonly session: bigint;
  /** Another such name, when the store has forgotten the last one. */
  newSession(): bigint;
  /** How long a request may take. */
  readonly requestMs: number;
  /** An election timeout. */
  readonly electionMs: number;
  /** Applied entries between two compactions of the log. */
  readonly snapshotEntries: number;
  /** Entries kept in memory behind a compaction, for followers that lag. */
  readonly catchUpEntries: number;
  /** What the log's last snapshot covers. */
  readonly snapshotIndex: number;
  /** In force at the entry that the store has applied; see `appliedConfiguration`. */
  readonly configuration: Configuration;
  readonly apply?: Partial<ApplyLimits>;
  /** What is applied in one go and takes longer than this is told to the log. Default 100. */
  readonly warnApplyMs?: number;
}

export interface ProposeOptions {
  /** When not 0: refused with `fenced` in any other term. */
  readonly onlyInTerm?: number;
  /** On whose behalf: the store judges by it whether the command is allowed. */
  readonly principal?: Requester | undefined;
}

export interface Replica {
  /** Logical time passes. Once, however late. */
  tick(): void;
  /** What a peer sent, in order of arrival. None of it is trusted. */
  receive(message: Message): void;
  receiveBulk(from: NodeId, frame: Uint8Array): void;
  /** `answer` is called once, or never when this replica stops. */
  receiveCall(from: NodeId, request: Uint8Array, answer: (response: Uint8Array) => void): void;
  /** Sends to `peer` fail. */
  unreachable(peer: NodeId): void;

  /** Replicates a command, exactly once, from any member; done once it is applied here. */
  propose(
    command: Command,
    options: ProposeOptions,
    done: (outcome: ProposeOutcome) => void,
  ): Cancel;
  /** After `ready`, local reads see every write that was acknowledged anywhere before the call. */
  readBarrier(done: (outcome: BarrierOutcome) => void): Cancel;
  /** Those of the local store: at a leader, the one that runs out first comes first. */
  leases(): readonly bigint[];
  renewLease(id: bigint, done: (outcome: RenewOutcome) => void): Cancel;
  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean },
    done: (outcome: TimeToLiveOutcome) => void,
  ): Cancel;
  /** Changes who takes part, from any member; done once the new configuration is committed. */
  change(
    changes: readonly ConfigurationChange[],
    done: (outcome: ChangeConfigurationOutcome) => void,
  ): Cancel;
  transferLeadership(to: NodeId): void;
  /**
   * Replaces the state by the leader's, for a server whose store is wrong or gone; log and votes stay.
   * Nothing is applied meanwhile, and a leader gives its leadership away.
   */
  replaceState(done: (outcome: ReplaceOutcome) => void): Cancel;
  /** From then until the state is replaced. */
  readonly isReplacingState: boolean;
  /** The leader's own view of the cluster, wherever it is; undefined when no leader answers. */
  leaderStatus(done: (status: EngineStatus | undefined) => void): Cancel;

  status(): EngineStatus;
  /** Takes no part any more; done when the disk has finished what it was given. */
  stop(done: () => void): void;
}
