/** What all parts of a soak write down: the order of moments, counts, and promises that were broken. */
import { isEtcdError } from "@flotilla/client/etcd";
import type { Moment } from "@flotilla/sim";

/** Broken promises that are kept in full. */
const problemsMax = 20;

export class Ledger {
  readonly problems: string[] = [];
  readonly counts: Record<string, number> = {};
  /** What ended operations otherwise than by an answer, by code. */
  readonly failures: Record<string, number> = {};
  /** When members were disturbed, and when they were whole again. */
  readonly disturbances: number[] = [];
  #sequence = 0;
  #serial = 0;
  readonly #beganMs = performance.now();

  /** Later than every moment before. */
  moment(): Moment {
    return { atMs: Math.round(this.nowMs), sequence: ++this.#sequence };
  }

  get nowMs(): number {
    return performance.now() - this.#beganMs;
  }

  /** Never the same twice. */
  serial(): string {
    return `s${++this.#serial}`;
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Notes how an operation failed; true when it is certain that nothing has happened. */
  failed(error: unknown): boolean {
    const code = isEtcdError(error) ? error.code : String(error);
    this.failures[code] = (this.failures[code] ?? 0) + 1;
    return isEtcdError(error, "unavailable") || isEtcdError(error, "tooManyRequests");
  }

  broken(problem: string): void {
    this.count("problems");
    if (this.problems.length < problemsMax) this.problems.push(problem);
  }
}
