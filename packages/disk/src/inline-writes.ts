/**
 * Which durable writes are made on the event loop, and which by the thread pool. Pure.
 *
 * The way through the pool and back wakes two threads, each of which may find its core taken: beside
 * other programs a write of a tenth of a millisecond then takes one or two. Made on the loop it does not,
 * but meanwhile nothing else is done there. So the pool writes as long as it is fast, and when it is
 * not, the loop, if that is much faster: a disk that is slow itself is left to the pool.
 * Measured: docs/performance.md.
 */

/** Longer writes take the system longer than the pool costs. */
export const inlineBytesMax: number = 16 * 1024;
/** The loop writes while the pool takes longer than this on average, and not longer than that. */
export const poolSlowMs = 0.5;
export const poolSlowestMs = 5;
/** And as long as it takes no more than this part of what the pool takes. */
export const inlineShareMax = 0.5;
/** After this time the pool is measured anew. */
export const inlinePeriodMs = 10_000;
/** When the loop was too slow it is not tried again for so long: at first, and at most. */
export const pauseMsMin = 1_000;
export const pauseMsMax = 60_000;
/** How much the last write counts in an average, and how many make one. */
const weight = 1 / 16;
const writesMin = 16;

export class InlineWrites {
  #isInline = false;
  /** What a write has taken on average; by the pool over so many writes. */
  #poolMs = 0;
  #poolWrites = 0;
  #inlineMs = 0;
  /** When the loop has its next turn, or this one is over. */
  #turnMs = Number.NEGATIVE_INFINITY;
  #pauseMs = pauseMsMin;

  /** Whether a write of so many bytes is made on the event loop. */
  accepts(bytes: number): boolean {
    return this.#isInline && bytes <= inlineBytesMax;
  }

  /** The pool has made one of `bytes`, from `beganMs` to `endedMs`. */
  madeInPool(bytes: number, beganMs: number, endedMs: number): void {
    if (this.#isInline || bytes > inlineBytesMax) return;
    const share = Math.max(weight, 1 / ++this.#poolWrites);
    this.#poolMs += share * (endedMs - beganMs - this.#poolMs);
    const isSlow = this.#poolMs > poolSlowMs && this.#poolMs < poolSlowestMs;
    if (!isSlow || this.#poolWrites < writesMin || endedMs < this.#turnMs) return;
    this.#isInline = true;
    this.#inlineMs = inlineShareMax * this.#poolMs;
    this.#turnMs = endedMs + inlinePeriodMs;
  }

  /** The loop has made one. */
  madeInline(beganMs: number, endedMs: number): void {
    if (!this.#isInline) return; // Of several members in one process another has ended the turn.
    this.#inlineMs += weight * (endedMs - beganMs - this.#inlineMs);
    const isFast = this.#inlineMs <= inlineShareMax * this.#poolMs;
    if (isFast && endedMs < this.#turnMs) return;
    this.#isInline = false;
    this.#turnMs = isFast ? endedMs : endedMs + this.#pauseMs;
    this.#pauseMs = isFast ? pauseMsMin : Math.min(2 * this.#pauseMs, pauseMsMax);
    this.#poolMs = 0;
    this.#poolWrites = 0;
  }
}
