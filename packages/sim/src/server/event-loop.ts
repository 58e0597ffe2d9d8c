/**
 * The event loop of a simulated process, as Node has it: what was asked for the next turn runs
 * together, in order, and what was asked for the end of a turn before anything else happens.
 */

import type { SimulatedClock } from "../world/clock.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { World } from "../world/world.ts";

/** A callback that waits for its time. */
export class Timer {
  #callback: (() => void) | undefined;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  cancel(): void {
    this.#callback = undefined;
  }

  fire(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}

export class EventLoop {
  readonly #world: World;
  readonly #clock: SimulatedClock;
  readonly #target: EventTarget;
  readonly #turnMs: number;
  #nextTurn: (() => void)[] = [];
  #endOfTurn: (() => void)[] = [];

  /** Turns and timers happen to `target`, which gives them back to {@link turn} and {@link Timer}. */
  constructor(
    parts: { readonly world: World; readonly clock: SimulatedClock; readonly turnMs: number },
    target: EventTarget,
  ) {
    this.#world = parts.world;
    this.#clock = parts.clock;
    this.#turnMs = parts.turnMs;
    this.#target = target;
  }

  nextTurn(callback: () => void): void {
    if (this.#nextTurn.length === 0) {
      this.#world.schedule(this.#turnMs, eventKind.turn, this.#target, undefined);
    }
    this.#nextTurn.push(callback);
  }

  endOfTurn(callback: () => void): void {
    this.#endOfTurn.push(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = new Timer(callback);
    const worldMs = this.#clock.worldMs(Math.max(0, delayMs));
    this.#world.schedule(worldMs, eventKind.timer, this.#target, timer);
    return () => timer.cancel();
  }

  /** The next turn has come. */
  turn(): void {
    const callbacks = this.#nextTurn;
    this.#nextTurn = [];
    for (const callback of callbacks) {
      callback();
      this.drain();
    }
  }

  /** Runs what was asked for the end of this turn, and what that asks for in turn. */
  drain(): void {
    while (this.#endOfTurn.length > 0) {
      const callbacks = this.#endOfTurn;
      this.#endOfTurn = [];
      for (const callback of callbacks) callback();
    }
  }
}
