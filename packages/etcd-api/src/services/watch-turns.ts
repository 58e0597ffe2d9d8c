/**
 * When the streams of watches work: one after the other, all of them together for a bounded time in
 * each turn of the event loop, however many there are. Everybody else has a turn in between.
 */
import type { Clock } from "@flotilla/base";
import { watchStretchMs } from "../limits.ts";

/** One that works in turns. */
export interface TurnTaker {
  /** Works until `endMs` at the latest, or a little longer; true when it wants to go on. */
  takeTurn(endMs: number): boolean;
}

export class WatchTurns {
  readonly #clock: Clock;
  /** In the order of their turns. */
  readonly #line = new Set<TurnTaker>();
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It has a turn soon, and then as many as it wants. */
  join(taker: TurnTaker): void {
    this.#line.add(taker);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#work());
  }

  #work(): void {
    const endMs = this.#clock.nowMs() + watchStretchMs;
    for (const taker of this.#line) {
      this.#line.delete(taker);
      if (taker.takeTurn(endMs)) this.#line.add(taker); // At the end of the line.
      if (this.#line.size > 0 && this.#clock.nowMs() >= endMs) {
        setImmediate(() => this.#work());
        return;
      }
    }
    this.#isScheduled = false;
  }
}
