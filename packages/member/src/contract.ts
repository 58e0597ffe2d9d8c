/** The port through which the API floors use a member, in the same process. */
import type { ConfigurationChange, EngineStatus, Isolation } from "@flotilla/consensus";
import type {
  BarrierOutcome,
  ChangeConfigurationOutcome as ChangeMembersOutcome,
  ProposeOptions,
  ProposeOutcome,
  RenewOutcome,
  ReplaceOutcome,
  TimeToLiveOutcome,
} from "@flotilla/replica";
import type { Command, StoreReader } from "@flotilla/store";

export type {
  BarrierOutcome,
  ChangeConfigurationOutcome as ChangeMembersOutcome,
  ProposeOptions,
  ProposeOutcome,
  RenewOutcome,
  ReplaceOutcome,
  TimeoutCause,
  TimeToLiveOutcome,
  Unavailable,
} from "@flotilla/replica";

export interface MemberStatus {
  readonly term: number;
  /** 0 when unknown. */
  readonly leaderId: bigint;
  readonly isLeader: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Present while this member takes no part, and why. */
  readonly isolation?: Isolation;
  /** The only member that may lead; absent while every voter with data may. */
  readonly staticLeader?: bigint;
}

export interface MemberInfo {
  readonly id: bigint;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly apiUrl: string;
  readonly isLearner: boolean;
  /** Weight of its vote; 0 for a learner. */
  readonly votes: number;
  /** Votes and holds no data. */
  readonly isWitness: boolean;
  /** Place among those who should lead: 1 is wanted most, 0 is not in the list. */
  readonly preferredRank: number;
}

/** Leadership of this member, as its own engine sees it. */
export interface Leadership {
  readonly isLeader: boolean;
  readonly term: number;
}

/** The hash of a member's history, or why there is none. `storeRevision`: how far its store is. */
export type StateHash =
  | {
      readonly kind: "hash";
      readonly hash: number;
      /** Hashes are comparable only when these two are the same. */
      readonly compactRevision: number;
      readonly revision: number;
      readonly storeRevision: number;
    }
  | { readonly kind: "compacted" | "futureRevision"; readonly storeRevision: number }
  /** It makes others already. */
  | { readonly kind: "busy" }
  | { readonly kind: "unreachable"; readonly reason: string };

/** A copy of the store at one moment. */
export interface StateSnapshot {
  readonly revision: number;
  /** What it may come to: bytes that the store uses on disk. */
  readonly bytesEstimate: number;
  /**
   * To be iterated once, to its end or until it is given up: it holds space on the disk until then.
   * `restoreMember` reads it.
   */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface Member {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  /** Of `status()`, and asked for with every answer: it costs nothing. */
  readonly term: number;
  status(): MemberStatus;
  /** Sorted by id. */
  members(): readonly MemberInfo[];
  /** Local reads and watches. */
  readonly store: StoreReader;
  /**
   * Replicates a command from any member and resolves once it is applied here, exactly once even if
   * leaders die on the way. `onlyInTerm`: refused by the store with `fenced` in any other term.
   * `principal`: refused by the store when it may not do that. Rejects only with AbortError.
   */
  propose(
    command: Command,
    options?: ProposeOptions & { readonly signal?: AbortSignal },
  ): Promise<ProposeOutcome>;
  /** After `ready`, local reads see every write that was acknowledged anywhere before the call. All calls of a turn share one round. */
  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome>;
  /** Those of the local store: at a leader, the one that runs out first comes first, as in etcd. */
  leases(): readonly bigint[];
  /** Renews a lease at the leader, from any member; no log write. */
  renewLease(id: bigint, signal?: AbortSignal): Promise<RenewOutcome>;
  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean; readonly signal?: AbortSignal },
  ): Promise<TimeToLiveOutcome>;
  /**
   * Changes who takes part, all steps at once, from any member; resolves once the new configuration is
   * committed, and in force here if it has a place for this member. Members are named as the engine
   * names them: `nodeIdOf`. A voter that is added has to be started before the change can end when a
   * quorum needs it: add it as a learner first.
   */
  changeMembers(
    changes: readonly ConfigurationChange[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<ChangeMembersOutcome>;
  /** The leader's own view of the cluster, wherever it is; undefined when no leader answers. */
  clusterStatus(signal?: AbortSignal): Promise<EngineStatus | undefined>;
  /** The store as it is at this moment. Each call is one more reader: bound their number. */
  snapshot(): StateSnapshot;
  /**
   * The hash of what a member holds, this one or another: up to `revision`, 0 being all of it. Rejects
   * only with AbortError, and when this member's store cannot be read.
   */
  stateHash(
    id: bigint,
    options: { readonly revision: number; readonly signal?: AbortSignal },
  ): Promise<StateHash>;
  /**
   * Replaces what this member holds by what the leader holds, for one whose data is wrong: its log and
   * its vote stay, and the old files are set aside. It gives its leadership away first. Rejects only with
   * AbortError, after which everything is as it was, or the new state is on its way into place.
   */
  replaceState(signal?: AbortSignal): Promise<ReplaceOutcome>;
  /** Hands leadership to another member; nothing happens when this one does not lead. */
  transferLeadership(to: bigint): void;
  /** Smallest time to live that a lease is given, in seconds. */
  readonly leaseTtlMinSeconds: number;
  /** Calls at once with the present state and then at each change. Returns the way to stop it. */
  onLeadership(listener: (leadership: Leadership) => void): () => void;
  /** Stops; a leader hands its leadership over first, which takes half a second at most. */
  stop(): Promise<void>;
}
