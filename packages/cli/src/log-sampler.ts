/**
 * Which lines are written when one message comes again and again: in each second the first hundred, then
 * every hundredth. So a thousand slow calls are not made slower by telling about each. Pure.
 *
 * Source: etcd client/pkg/logutil/zap.go, and zap's sampler.
 */

/** Lines of one message that are all written in a second, and of how many one is after that. */
export const linesInitial = 100;
export const linesThereafter = 100;
const windowMs = 1000;

export class LogSampler {
  /** By message, in this second. */
  readonly #counts = new Map<string, number>();
  #endMs = Number.NEGATIVE_INFINITY;

  /** Counts a line, and says whether it is written. */
  admits(message: string, nowMs: number): boolean {
    if (nowMs >= this.#endMs) {
      this.#counts.clear();
      this.#endMs = nowMs + windowMs;
    }
    const count = (this.#counts.get(message) ?? 0) + 1;
    this.#counts.set(message, count);
    return count <= linesInitial || (count - linesInitial) % linesThereafter === 0;
  }
}
