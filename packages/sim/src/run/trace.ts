/** What happened in a run, for people: the last lines of it, or all. */

/** One line. */
export interface TraceLine {
  readonly atMs: number;
  /** The number of the event. */
  readonly event: number;
  /** Empty for what happens to the world. */
  readonly server: string;
  readonly what: string;
}

export class Trace {
  readonly #linesMax: number;
  #lines: TraceLine[] = [];

  /** Keeps the last `linesMax` lines, about. */
  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  add(line: TraceLine): void {
    this.#lines.push(line);
    if (this.#lines.length < 2 * this.#linesMax) return;
    this.#lines = this.#lines.slice(-this.#linesMax);
  }

  get lines(): readonly TraceLine[] {
    return this.#lines.slice(-this.#linesMax);
  }
}
