/**
 * Time that passes only while this process runs. Pure.
 *
 * A process that was stopped (a signal, a paused machine) finds hours gone by in which it heard
 * nobody: it must not hold that silence against others. Whoever asks the time here does so more often
 * than the longest step that counts in full; a longer one is one in which the process stood still.
 */
import type { Clock } from "@flotilla/base";

/** What one step counts at most, unless the clock was given another limit. */
export const awakeStepMsMax = 1_000;

export class AwakeClock implements Clock {
  readonly #clock: Clock;
  readonly #stepMsMax: number;
  #lastMs: number;
  #awakeMs = 0;

  constructor(clock: Clock, stepMsMax: number = awakeStepMsMax) {
    this.#clock = clock;
    this.#stepMsMax = stepMsMax;
    this.#lastMs = clock.nowMs();
  }

  nowMs(): number {
    const nowMs = this.#clock.nowMs();
    this.#awakeMs += Math.min(nowMs - this.#lastMs, this.#stepMsMax);
    this.#lastMs = nowMs;
    return this.#awakeMs;
  }
}
