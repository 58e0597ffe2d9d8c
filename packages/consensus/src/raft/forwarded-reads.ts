/**
 * The reads that a follower has handed to the leader.
 *
 * On the wire they carry numbers of our own, which start at random for each start of the engine: a
 * late answer to a request from before a restart can then not be taken for the answer to a new one.
 */
import type { Random } from "@flotilla/base";

interface Forwarded {
  readonly requestId: number;
  readonly sinceTick: number;
}

/** Wire numbers stay exact: 32 random bits, shifted by 2^20, leave room for 2^52 reads. */
const firstNumberScale = 2 ** 20;

/** Reads that wait for the leader's answer, oldest first. */
export class ForwardedReads {
  readonly #byNumber = new Map<number, Forwarded>();
  readonly #pendingMax: number;
  #nextNumber: number;

  constructor(random: Random, pendingMax: number) {
    this.#nextNumber = random.next32() * firstNumberScale;
    this.#pendingMax = pendingMax;
  }

  /** The number under which to ask the leader; undefined when too many reads wait. */
  add(requestId: number, tick: number): number | undefined {
    if (this.#byNumber.size >= this.#pendingMax) return undefined;
    const number = this.#nextNumber++;
    this.#byNumber.set(number, { requestId, sinceTick: tick });
    return number;
  }

  /** The read that was asked for under `number`, if it still waits; it does not any more. */
  answer(number: number): number | undefined {
    const forwarded = this.#byNumber.get(number);
    this.#byNumber.delete(number);
    return forwarded?.requestId;
  }

  /** Gives up the reads that have waited since before `tick`; the question or the answer was lost. */
  expire(tick: number): number[] {
    const expired: number[] = [];
    for (const [number, forwarded] of this.#byNumber) {
      if (forwarded.sinceTick >= tick) break; // A Map keeps the order of insertion.
      this.#byNumber.delete(number);
      expired.push(forwarded.requestId);
    }
    return expired;
  }

  /** Gives up all of them. */
  abandon(): number[] {
    return this.expire(Number.POSITIVE_INFINITY);
  }
}
