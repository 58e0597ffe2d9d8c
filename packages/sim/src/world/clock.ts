/**
 * A server's monotonic clock: it may run fast or slow, and leap ahead, but never goes back.
 *
 * Timers run on it, too: they take as long as the clock says.
 */
import { assert } from "@flotilla/base";
import type { World } from "./world.ts";

export class SimulatedClock {
  readonly #world: World;
  #rate = 1;
  /** Local time at {@link #sinceMs} of the world's. */
  #baseMs: number;
  #sinceMs: number;

  /** `startMs`: what it shows at first; every machine counts from another moment. */
  constructor(world: World, startMs: number) {
    this.#world = world;
    this.#baseMs = startMs;
    this.#sinceMs = world.nowMs;
  }

  nowMs(): number {
    return this.#baseMs + (this.#world.nowMs - this.#sinceMs) * this.#rate;
  }

  /** How long `delayMs` of this clock take in the world, at the present rate. */
  worldMs(delayMs: number): number {
    return delayMs / this.#rate;
  }

  /** From now on a second of the world is `rate` seconds here. */
  setRate(rate: number): void {
    assert(rate > 0, "clock: time goes on");
    this.#baseMs = this.nowMs();
    this.#sinceMs = this.#world.nowMs;
    this.#rate = rate;
  }

  /** Leaps ahead, as when a machine was stopped and the clock was not. Timers do not notice. */
  leap(byMs: number): void {
    assert(byMs >= 0, "clock: it never goes back");
    this.#baseMs += byMs;
  }
}
