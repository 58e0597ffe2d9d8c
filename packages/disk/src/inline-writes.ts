/**
 * Which durable writes are made on the event loop, and which by the thread pool. Pure.
 *
 * The way through the pool and back wakes two threads, each of which may find its core taken. Where the
 * disk answers in a tenth of a millisecond that is most of what a small write costs on a busy machine:
 * beside other programs 100 clients got 19,500 puts a second acknowledged instead of 11,400, and on a
 * quiet one as many as before (docs/performance.md). While the loop writes it does nothing else, so only
 * a disk that has proven to be fast is waited for.
 */

/** Longer writes take the system longer than the pool costs. */
export const inlineBytesMax: number = 16 * 1024;
/** A longer average, and the pool writes: one write of 8 ms is enough for that. */
export const inlineMsMax = 0.5;
/** For how long it does, before the disk is tried again: at first, and at most. */
export const poolMsMin = 1_000;
export const poolMsMax = 60_000;
/** How much the last write counts in the average. */
const weight = 1 / 16;

export class InlineWrites {
  /** Moving average of what a write has taken. */
  #averageMs = 0;
  #poolMs = poolMsMin;
  /** The pool writes until then. */
  #poolUntilMs = Number.NEGATIVE_INFINITY;

  /** Whether a write of so many bytes is made on the event loop. */
  accepts(bytes: number, nowMs: number): boolean {
    return bytes <= inlineBytesMax && nowMs >= this.#poolUntilMs;
  }

  /** One was made, from `beganMs` to `endedMs`. Each time that the disk is found slow it is left alone for longer. */
  made(beganMs: number, endedMs: number): void {
    this.#averageMs += weight * (endedMs - beganMs - this.#averageMs);
    if (this.#averageMs <= inlineMsMax) return;
    const fastMs = beganMs - this.#poolUntilMs;
    this.#poolMs = fastMs > 2 * this.#poolMs ? poolMsMin : Math.min(2 * this.#poolMs, poolMsMax);
    this.#poolUntilMs = endedMs + this.#poolMs;
    this.#averageMs = 0;
  }
}
