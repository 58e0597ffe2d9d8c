/**
 * When leases run out: kept by the leader, in its own monotonic time. Pure.
 *
 * Source: etcd server/lease/lessor.go. Time is no part of the replicated state: a fresh leader
 * gives every lease its full time again, and only what it proposes, a revocation, is in the log.
 */
import { assert } from "@flotilla/base";
import type { GrantedLease } from "./leases.ts";

/** A revocation that was handed out is handed out again after this time, if the lease is still there. */
export const revokeRetryMs = 3000;

/** Places of revoked leases that the queue may hold, besides as many as there are leases. */
const queueSlack = 1000;

interface Lease {
  readonly ttlMs: number;
  /** Monotonic; meaningful while promoted. */
  deadlineMs: number;
}

/** An entry of the queue; its deadline may be older than the lease's own, never younger. */
interface Due {
  readonly id: bigint;
  /** Tells a lease from an earlier one of the same id. */
  readonly lease: Lease;
  readonly atMs: number;
}

/**
 * Feed it every lease that is granted or revoked, on followers too; ask it for expired ones on the
 * leader. All times are milliseconds of the caller's monotonic clock.
 */
export class LeaseExpiry {
  #leases = new Map<bigint, Lease>();
  readonly #queue = new DueQueue();
  #promoted = false;

  /** `leases`: those that the store holds. */
  constructor(leases: readonly GrantedLease[] = []) {
    this.reset(leases);
  }

  get count(): number {
    return this.#leases.size;
  }

  /** Starts over with the leases of a store that was replaced, at `nowMs` if promoted. */
  reset(leases: readonly GrantedLease[], nowMs = 0): void {
    this.#leases = new Map();
    this.#queue.clear();
    for (const { id, ttlSeconds } of leases) this.granted(id, ttlSeconds, nowMs);
  }

  /** This member leads: every lease gets its full time again, and `extraMs` for the election. */
  promote(nowMs: number, extraMs = 0): void {
    this.#promoted = true;
    this.#queue.clear();
    for (const [id, lease] of this.#leases)
      this.#schedule(id, lease, nowMs + lease.ttlMs + extraMs);
  }

  /** It leads no more: nothing expires here. */
  demote(): void {
    this.#promoted = false;
    this.#queue.clear();
  }

  granted(id: bigint, ttlSeconds: number, nowMs: number): void {
    const lease: Lease = { ttlMs: ttlSeconds * 1000, deadlineMs: 0 };
    this.#leases.set(id, lease);
    if (this.#promoted) this.#schedule(id, lease, nowMs + lease.ttlMs);
  }

  revoked(id: bigint): void {
    this.#leases.delete(id); // Its place in the queue is dropped when its turn comes, or before.
  }

  /** The time it was granted anew, in seconds; undefined when unknown, expired, or not promoted. */
  renew(id: bigint, nowMs: number): number | undefined {
    const lease = this.#leases.get(id);
    // One that has run out may be on its way to be revoked: it does not come back.
    if (lease === undefined || !this.#promoted || lease.deadlineMs <= nowMs) return undefined;
    lease.deadlineMs = nowMs + lease.ttlMs;
    return lease.ttlMs / 1000;
  }

  /** The time it was granted, in seconds; undefined when unknown. */
  grantedSeconds(id: bigint): number | undefined {
    const lease = this.#leases.get(id);
    return lease && lease.ttlMs / 1000;
  }

  /** Whole seconds left, 0 when it has run out; undefined when unknown or not promoted. */
  remainingSeconds(id: bigint, nowMs: number): number | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined || !this.#promoted) return undefined;
    return Math.max(0, Math.floor((lease.deadlineMs - nowMs) / 1000));
  }

  /** All leases, the one that runs out first before the others; undefined when not promoted. */
  byDeadline(): readonly bigint[] | undefined {
    if (!this.#promoted) return undefined;
    const leases = [...this.#leases].sort(
      ([, left], [, right]) => left.deadlineMs - right.deadlineMs,
    );
    return leases.map(([id]) => id);
  }

  /**
   * At most `limit` leases that have run out, longest ago first. Each is given out once, and again
   * after {@link revokeRetryMs} while it is not {@link revoked}.
   */
  expired(nowMs: number, limit: number): readonly bigint[] {
    const expired: bigint[] = [];
    while (expired.length < limit) {
      const due = this.#queue.popUntil(nowMs);
      if (due === undefined) break;
      const { id, lease } = due;
      if (this.#leases.get(id) !== lease) continue;
      if (lease.deadlineMs > nowMs) {
        this.#queue.push({ id, lease, atMs: lease.deadlineMs }); // It was renewed meanwhile.
        continue;
      }
      expired.push(id);
      this.#queue.push({ id, lease, atMs: nowMs + revokeRetryMs });
    }
    return expired;
  }

  #schedule(id: bigint, lease: Lease, deadlineMs: number): void {
    assert(Number.isFinite(deadlineMs), "leases: a deadline is a time");
    lease.deadlineMs = deadlineMs;
    this.#queue.push({ id, lease, atMs: deadlineMs });
    // Leases with long times that are revoked at once would otherwise pile up until those are over.
    if (this.#queue.size > 2 * this.#leases.size + queueSlack) {
      this.#queue.retain((due) => this.#leases.get(due.id) === due.lease);
    }
  }
}

/** A binary heap, earliest first. */
class DueQueue {
  #heap: Due[] = [];

  get size(): number {
    return this.#heap.length;
  }

  retain(isKept: (due: Due) => boolean): void {
    const kept = this.#heap.filter(isKept);
    this.#heap = [];
    for (const due of kept) this.push(due);
  }

  clear(): void {
    this.#heap = [];
  }

  push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Due).atMs <= due.atMs) break;
      heap[at] = heap[parent] as Due;
      at = parent;
    }
    heap[at] = due;
  }

  /** Removes the earliest entry if its time is `nowMs` or before. */
  popUntil(nowMs: number): Due | undefined {
    const [first] = this.#heap;
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = this.#heap.pop() as Due;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(due: Due): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.atMs < (heap[child] as Due).atMs) child++;
      if ((heap[child] as Due).atMs >= due.atMs) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = due;
  }
}
