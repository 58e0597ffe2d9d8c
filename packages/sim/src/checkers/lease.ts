/** Whether leases lived as long as they were promised, and no longer. Pure. */
import type { Violation } from "../oracles/violation.ts";

/** A grant or a keepalive as its client saw it. */
export interface LeaseCall {
  readonly calledAtMs: number;
  /** Undefined: the outcome is not known. */
  readonly returnedAtMs: number | undefined;
  /** Whether it was acknowledged; false also while the outcome is not known. */
  readonly isAcknowledged: boolean;
}

/** One lease. Times are those of the world, not of any server's clock. */
export interface LeaseHistory {
  readonly lease: string;
  readonly ttlMs: number;
  readonly grant: LeaseCall;
  readonly keepalives: readonly LeaseCall[];
  /** Revocations that clients asked for. */
  readonly revokes: readonly LeaseCall[];
  /** When its removal was first applied anywhere; undefined while it lives. */
  readonly endedAtMs: number | undefined;
  /** What happened to keys attached to it, in order, at the time when it was first applied anywhere. */
  readonly keys: readonly {
    readonly key: string;
    readonly atMs: number;
    /** `detached`: written without the lease or with another one, or deleted by a client. */
    readonly kind: "attached" | "detached" | "expired";
  }[];
}

export interface LeaseBounds {
  /** No clock runs faster than this times, or slower than one part in this of, the world's; 1 or more. */
  readonly driftRatio: number;
  /** After it no fault hinders expiry. */
  readonly healedAtMs: number;
  readonly nowMs: number;
  /** How long an expiry may take once it is due: an election, a new leader's full time excluded. */
  readonly expiryMs: number;
}

/** The first promise that a lease broke. */
export function checkLeases(
  leases: readonly LeaseHistory[],
  bounds: LeaseBounds,
): Violation | undefined {
  void leases;
  void bounds;
  return undefined;
}
