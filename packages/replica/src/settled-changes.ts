/**
 * Changes of the configuration that are made, and wait until this server has applied them: whoever
 * asked finds them here then. Pure.
 */
import type { LogIndex } from "@flotilla/consensus";
import type { Cancel } from "./contract.ts";

interface Waiting {
  readonly index: LogIndex;
  /** A server that has lost its place may never get as far. */
  readonly deadlineMs: number;
  readonly done: () => void;
}

export class SettledChanges {
  readonly #waiting = new Set<Waiting>();
  #appliedIndex: LogIndex;

  constructor(appliedIndex: LogIndex) {
    this.#appliedIndex = appliedIndex;
  }

  /** Calls back once `index` is applied, or its time is over; which may be at once. */
  wait(waiting: Waiting): Cancel {
    if (waiting.index <= this.#appliedIndex) waiting.done();
    else this.#waiting.add(waiting);
    return () => void this.#waiting.delete(waiting);
  }

  applied(index: LogIndex): void {
    this.#appliedIndex = index;
    for (const waiting of this.#waiting) if (waiting.index <= index) this.#settle(waiting);
  }

  tick(nowMs: number): void {
    for (const waiting of this.#waiting) if (waiting.deadlineMs <= nowMs) this.#settle(waiting);
  }

  /** What is made stays made. */
  stop(): void {
    for (const waiting of this.#waiting) this.#settle(waiting);
  }

  #settle(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.done();
  }
}
