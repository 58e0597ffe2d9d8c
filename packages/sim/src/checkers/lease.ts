/**
 * Whether leases lived as long as they were promised, and not for ever.
 *
 * An acknowledged renewal happened somewhere between its call and its return, so that the client may
 * count on the time to live from its call. A server counts with its own clock, which may be wrong by
 * the drift bound; a fresh leader gives every lease its full time again. Pure.
 */
import { type Violation, violation } from "../oracles/violation.ts";

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
  /** Writes with it that were refused, as if it were not there. */
  readonly refusals: readonly LeaseCall[];
  /** When its removal was first applied anywhere; undefined while it lives. */
  readonly endedAtMs: number | undefined;
  /** What happened to keys attached to it, in order, at the time when it was first applied anywhere. */
  readonly keys: readonly LeasedKeyEvent[];
}

/** A key comes under a lease, or leaves it. */
export interface LeasedKeyEvent {
  readonly key: string;
  readonly atMs: number;
  /** `detached`: written without the lease or with another one, or deleted by a client. */
  readonly kind: "attached" | "detached" | "expired";
}

/** What the checker goes by. */
export interface LeaseBounds {
  /** No clock runs faster than this times, or slower than one part in this of, the world's; 1 or more. */
  readonly driftRatio: number;
  /** After it no fault hinders expiry. */
  readonly healedAtMs: number;
  readonly nowMs: number;
  /** How long an expiry may take once it is due: an election, a new leader's full time excluded. */
  readonly expiryMs: number;
  /** Leaders after the heal at most; each gives a lease its full time to live. */
  readonly leadersAfterHeal: number;
}

/** The first promise that a lease broke. */
export function checkLeases(
  leases: readonly LeaseHistory[],
  bounds: LeaseBounds,
): Violation | undefined {
  for (const lease of leases) {
    const found =
      checkKeys(lease) ??
      checkNotShort(lease, bounds) ??
      checkNotDenied(lease, bounds) ??
      checkNotLong(lease, bounds);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Keys go with their lease, not before, and none comes to it afterwards. */
function checkKeys({ lease, keys, endedAtMs }: LeaseHistory): Violation | undefined {
  const attached = new Set<string>();
  for (const { key, atMs, kind } of keys) {
    const facts = `${key} was ${kind} at ${atMs} ms, and lease ${lease} ended at ${endedAtMs ?? "no"} ms`;
    if (kind !== "attached") attached.delete(key);
    else if (endedAtMs !== undefined && atMs > endedAtMs)
      return violation("leaseResurrected", facts);
    else attached.add(key);
    if (kind === "expired" && (endedAtMs === undefined || atMs < endedAtMs)) {
      return violation("leaseTooShort", facts);
    }
  }
  const [left] = attached;
  if (endedAtMs === undefined || left === undefined) return undefined;
  return violation(
    "leaseTooLong",
    `${left} outlives lease ${lease}, which ended at ${endedAtMs} ms`,
  );
}

/** Every acknowledged grant or renewal is worth a time to live, by the slackest reading of all clocks. */
function checkNotShort(
  { lease, ttlMs, grant, keepalives, revokes, endedAtMs }: LeaseHistory,
  { driftRatio }: LeaseBounds,
): Violation | undefined {
  if (endedAtMs === undefined) return undefined;
  const renewals = [grant, ...keepalives].filter(({ isAcknowledged }) => isAcknowledged);
  for (const { calledAtMs, returnedAtMs } of renewals) {
    const facts = `lease ${lease} of ${ttlMs} ms ended at ${endedAtMs} ms, and was renewed between ${calledAtMs} and ${returnedAtMs} ms`;
    if (calledAtMs > endedAtMs) return violation("leaseResurrected", facts);
    const isRevoked = revokes.some((revoke) => revoke.calledAtMs <= endedAtMs);
    if (!isRevoked && endedAtMs < calledAtMs + ttlMs / driftRatio) {
      return violation("leaseTooShort", facts);
    }
  }
  return undefined;
}

/** Nobody is told that it is gone while it is there: who renews it in time, and who writes with it. */
function checkNotDenied(
  { lease, ttlMs, grant, keepalives, revokes, refusals, endedAtMs }: LeaseHistory,
  { driftRatio }: LeaseBounds,
): Violation | undefined {
  for (const { calledAtMs, returnedAtMs, isAcknowledged } of keepalives) {
    if (isAcknowledged || returnedAtMs === undefined) continue;
    if (revokes.some((revoke) => revoke.calledAtMs <= returnedAtMs)) continue;
    const isLive = [grant, ...keepalives].some(
      (renewal) =>
        renewal.isAcknowledged &&
        (renewal.returnedAtMs ?? calledAtMs) < calledAtMs &&
        returnedAtMs < renewal.calledAtMs + ttlMs / driftRatio,
    );
    if (isLive) {
      const facts = `lease ${lease} of ${ttlMs} ms was said to be gone between ${calledAtMs} and ${returnedAtMs} ms`;
      return violation("leaseTooShort", facts);
    }
  }
  const { returnedAtMs: grantedAtMs } = grant;
  if (!grant.isAcknowledged || grantedAtMs === undefined) return undefined;
  for (const { calledAtMs, returnedAtMs = Number.POSITIVE_INFINITY } of refusals) {
    if (calledAtMs <= grantedAtMs || (endedAtMs ?? Number.POSITIVE_INFINITY) <= returnedAtMs)
      continue;
    const facts = `a write with lease ${lease} was refused at ${returnedAtMs} ms, and that ended at ${endedAtMs ?? "no"} ms`;
    return violation("leaseTooShort", facts);
  }
  return undefined;
}

/** Once nothing hinders it any more, it goes. */
function checkNotLong(history: LeaseHistory, bounds: LeaseBounds): Violation | undefined {
  const { lease, ttlMs, endedAtMs } = history;
  const { nowMs } = bounds;
  const dueAtMs = leaseDueMs(history, bounds);
  if (dueAtMs === undefined || (endedAtMs ?? nowMs) <= dueAtMs) return undefined;
  return violation(
    "leaseTooLong",
    `lease ${lease} of ${ttlMs} ms ended at ${endedAtMs ?? "no"} ms, and was due by ${dueAtMs} ms (now ${nowMs})`,
  );
}

/** By when a lease has to be over; undefined when it may never have been. */
export function leaseDueMs(
  { ttlMs, grant, keepalives, keys }: LeaseHistory,
  { driftRatio, healedAtMs, expiryMs, leadersAfterHeal }: Omit<LeaseBounds, "nowMs">,
): number | undefined {
  if (!grant.isAcknowledged && keys.length === 0) return undefined;
  const renewals = [grant, ...keepalives].map((call) => call.returnedAtMs ?? call.calledAtMs);
  const lastAtMs = Math.max(healedAtMs, ...renewals);
  return lastAtMs + expiryMs + leadersAfterHeal * ttlMs * driftRatio;
}
