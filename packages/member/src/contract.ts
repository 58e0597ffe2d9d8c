/** The port through which the API floors use a member, in the same process. */
import type { Command, CommandResult, StoreReader } from "@flotilla/store";

export interface MemberStatus {
  readonly term: number;
  /** 0 when unknown. */
  readonly leaderId: bigint;
  readonly isLeader: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
}

export interface MemberInfo {
  readonly id: bigint;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly apiUrl: string;
  readonly isLearner: boolean;
}

/** Why a request did not get through; each has its text in the API's error table. */
export type Unavailable =
  | { readonly kind: "noLeader" }
  /** Not known whether it happened. */
  | { readonly kind: "timeout" }
  /** The limit of requests in flight is reached: nothing happened. */
  | { readonly kind: "tooManyRequests" }
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

/** Leadership of this member, as its own engine sees it. */
export interface Leadership {
  readonly isLeader: boolean;
  readonly term: number;
}

export interface Member {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  status(): MemberStatus;
  /** Sorted by id. */
  members(): readonly MemberInfo[];
  /** Local reads and watches. */
  readonly store: StoreReader;
  /**
   * Replicates a command from any member and resolves once it is applied here, exactly once even if
   * leaders die on the way. `onlyInTerm`: refused by the store with `fenced` in any other term.
   * Rejects only with AbortError.
   */
  propose(
    command: Command,
    options?: { readonly onlyInTerm?: number; readonly signal?: AbortSignal },
  ): Promise<ProposeOutcome>;
  /** After `ready`, local reads see every write that was acknowledged anywhere before the call. All calls of a turn share one round. */
  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome>;
  /** Renews a lease at the leader, from any member; no log write. */
  renewLease(id: bigint, signal?: AbortSignal): Promise<RenewOutcome>;
  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean; readonly signal?: AbortSignal },
  ): Promise<TimeToLiveOutcome>;
  /** Smallest time to live that a lease is given, in seconds. */
  readonly leaseTtlMinSeconds: number;
  /** Calls at once with the present state and then at each change. Returns the way to stop it. */
  onLeadership(listener: (leadership: Leadership) => void): () => void;
  /** Stops; a leader hands its leadership over first, which takes half a second at most. */
  stop(): Promise<void>;
}
