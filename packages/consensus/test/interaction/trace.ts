/** The output of a script as it grows: lines, each below what has caused it. */

const indentation = "    ";

export class Trace {
  #lines: string[] = [];
  #depth = 0;
  #isQuiet = false;

  say(line: string): void {
    if (!this.#isQuiet) this.#lines.push(indentation.repeat(this.#depth) + line);
  }

  /** What `act` says stands below `line`. */
  below(line: string, act: () => void): void {
    this.say(line);
    this.#depth++;
    act();
    this.#depth--;
  }

  /** What `act` says is left out. */
  quietly(act: () => void): void {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    act();
    this.#isQuiet = wasQuiet;
  }

  /** All lines since the last call. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}
