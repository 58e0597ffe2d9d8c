/**
 * Seeded pseudo-random numbers: the only randomness that the pure floors may use.
 *
 * sfc32 (Chris Doty-Humphrey, PractRand), 32-bit integer arithmetic only, so that a seed gives the
 * same numbers on every JavaScript engine. Not for secrets.
 */
import { assert } from "./assert.ts";

/** A deterministic generator; two with the same seed give the same sequence. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is any safe integer. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), () => `prng: seed must be a safe integer, got ${seed}`);
    this.#a = 0x9e3779b9;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = seed | 0;
    for (let round = 0; round < 12; round++) this.next32(); // Mixes the seed into all of the state.
  }

  /** Uniform in [0, 2^32). */
  next32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** Uniform in [0, 1), with 32 bits of resolution. */
  fraction(): number {
    return this.next32() / 0x1_0000_0000;
  }

  /** Uniform integer in [0, limit); `limit` in [1, 2^32]. */
  below(limit: number): number {
    assert(
      Number.isSafeInteger(limit) && limit >= 1,
      () => `prng: limit must be >= 1, got ${limit}`,
    );
    return Math.floor(this.fraction() * limit);
  }

  /** Uniform integer in [low, high], both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with the given probability in [0, 1]. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One element, uniformly; the array must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A new generator whose numbers do not depend on how many this one gives from now on. */
  split(): Prng {
    return new Prng(this.next32() * 0x20_0000 + (this.next32() >>> 11));
  }
}
