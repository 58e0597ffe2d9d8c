/**
 * Store leases for events: they live for an hour and go away by themselves.
 *
 * One lease is shared by all events of a minute, so that a storm of events costs no lease each.
 * Source of the life time: kube-apiserver --event-ttl.
 */
import type { Random } from "@flotilla/base";
import { FencedError } from "../errors.ts";
import { eventTtlSeconds } from "../limits.ts";
import type { Storage, WriteOptions } from "../storage.ts";

const bucketMs = 60_000;

export class EventLeases {
  readonly #storage: Storage;
  readonly #random: Random;
  #bucket = -1;
  #lease: Promise<bigint> | undefined;

  constructor(storage: Storage, random: Random) {
    this.#storage = storage;
    this.#random = random;
  }

  /** A lease that outlives an event written now by its hour. */
  at(wallClockMs: number): Promise<bigint> {
    const bucket = Math.floor(wallClockMs / bucketMs);
    if (this.#lease !== undefined && this.#bucket === bucket) return this.#lease;
    // Many wait for it: it is nobody's own, so it ends neither with one's request nor with one's term.
    const lease = grantLease(this.#storage, this.#random, eventTtlSeconds + bucketMs / 1000, {});
    this.#bucket = bucket;
    this.#lease = lease;
    // The next event asks anew.
    lease.catch(() => this.forget());
    return lease;
  }

  /** The lease turned out to be gone. */
  forget(): void {
    this.#lease = undefined;
  }
}

/** Grants a lease under a random id and returns the id. */
export async function grantLease(
  storage: Storage,
  random: Random,
  ttlSeconds: number,
  options: WriteOptions,
): Promise<bigint> {
  for (;;) {
    const high = BigInt(random.next32() & 0x7fff_ffff);
    const id = (high << 32n) | BigInt(random.next32());
    if (id === 0n) continue; // The store chooses an id itself when given 0.
    const outcome = await storage.grantLease(id, ttlSeconds, options);
    if (outcome === "fenced") throw new FencedError();
    if (outcome === "granted") return id;
  }
}
