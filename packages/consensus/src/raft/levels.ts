/** How far the leader's log reached in the past ticks: what a server that keeps up holds by now. */
import type { LogIndex } from "../contract.ts";

/** The last index of the log at each of the last ticks. */
export class Levels {
  readonly #ticksMax: number;
  readonly #lastIndexes: LogIndex[] = [];

  constructor(ticksMax: number) {
    this.#ticksMax = ticksMax;
  }

  /** A tick passes. */
  note(lastIndex: LogIndex): void {
    this.#lastIndexes.push(lastIndex);
    if (this.#lastIndexes.length > this.#ticksMax) this.#lastIndexes.shift();
  }

  /** The last index `ticks` ago; 0 when that was before this leadership. */
  ago(ticks: number): LogIndex {
    return this.#lastIndexes.at(-ticks) ?? 0;
  }
}
