/**
 * A leader's lease: the time during which nobody else can have been elected, as a quorum has promised
 * not to vote (Raft thesis section 6.4.1).
 *
 * ```
 *   heartbeat 7 leaves     a quorum has answered it          start + leaseMs
 *   start ---------------------|=============== held ===============|
 * ```
 *
 * It starts when the heartbeat leaves, not when the answers arrive: a follower's promise starts in
 * between. What is measured is monotonic time, at the moment of the read. Bookkeeping; the promise
 * itself is `Server.owesLease`.
 */

interface Broadcast {
  readonly round: number;
  readonly sentMs: number;
}

/** Broadcasts that may be without an answer at a time; later ones then start no lease. */
const broadcastsMax = 64;

/** The lease of one leadership. */
export class Lease {
  readonly #leaseMs: number;
  /** Sent and not yet confirmed, in order; the first one may be. */
  #broadcasts: Broadcast[] = [];
  /** The round that was broadcast since the last time that was told. */
  #unsentRound = 0;
  #startMs = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** A numbered heartbeat is on its way to everybody; it leaves at the next {@link leave}. */
  broadcast(round: number): void {
    this.#unsentRound = round;
  }

  /** Whatever was broadcast leaves, not before `nowMs`. */
  leave(nowMs: number | undefined): void {
    const round = this.#unsentRound;
    this.#unsentRound = 0;
    if (round === 0 || nowMs === undefined || this.#broadcasts.length >= broadcastsMax) return;
    this.#broadcasts.push({ round, sentMs: nowMs });
  }

  /** A quorum has answered round `round`, or a later one. */
  confirm(round: number): void {
    const open = this.#broadcasts.findIndex((broadcast) => broadcast.round > round);
    const confirmed = this.#broadcasts.splice(0, open === -1 ? this.#broadcasts.length : open);
    const last = confirmed.at(-1);
    if (last !== undefined) this.#startMs = Math.max(this.#startMs, last.sentMs);
  }

  /** Somebody was told to campaign at once, which no promise keeps voters from. */
  end(): void {
    this.#isOver = true;
  }

  isHeld(nowMs: number | undefined): boolean {
    return !this.#isOver && nowMs !== undefined && nowMs < this.#startMs + this.#leaseMs;
  }
}
