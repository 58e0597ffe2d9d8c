/**
 * Virtual time: takes the earliest event, lets it happen, and tells whoever watches. Pure.
 *
 * There is nothing else: no promise, no callback of the host. A run is this one loop.
 */
import type { Prng } from "@flotilla/base";
import { streamOf } from "../streams.ts";
import { EventHeap, type EventTarget } from "./event-heap.ts";
import { TraceHash } from "./trace-hash.ts";

export class World {
  readonly seed: number;
  readonly hash: TraceHash = new TraceHash();
  /** Milliseconds since the run began; fractions are usual. */
  nowMs = 0;
  /** How many events have happened. */
  events = 0;
  readonly #heap: EventHeap = new EventHeap();
  readonly #ties: Prng;

  constructor(seed: number) {
    this.seed = seed;
    this.#ties = streamOf(seed, "ties");
  }

  /** Lets `kind` happen to `target` after `delayMs`, which may be 0: then later in this moment. */
  schedule(delayMs: number, kind: number, target: EventTarget, subject: unknown): void {
    this.#heap.push(this.nowMs + delayMs, this.#ties.next32(), kind, target, subject);
  }

  /** The same at a time that is not past. */
  scheduleAt(atMs: number, kind: number, target: EventTarget, subject: unknown): void {
    const time = Math.max(atMs, this.nowMs);
    this.#heap.push(time, this.#ties.next32(), kind, target, subject);
  }

  /**
   * Runs until `untilMs`, or until `after`, which is called with the kind and target of each event
   * that has happened, says that it is enough.
   */
  run(untilMs: number, after: (kind: number, target: EventTarget) => boolean): void {
    const heap = this.#heap;
    const hash = this.hash;
    while (heap.nextMs <= untilMs) {
      const slot = heap.pop();
      const kind = heap.kindOf(slot);
      const target = heap.targetOf(slot);
      this.nowMs = heap.timeOf(slot);
      this.events++;
      hash.mix(kind);
      hash.mix((this.nowMs * 1024) | 0);
      target.handle(kind, heap.subjectOf(slot));
      if (after(kind, target)) return;
    }
    this.nowMs = untilMs;
  }
}
