/** A deadline and a person's Ctrl-C in one: what every wait asks before it goes on. */
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError } from "./exit.ts";

const pollMs = 50;

export class Patience {
  readonly #deadlineMs: number;
  readonly #signal: AbortSignal;

  constructor(timeoutMs: number, signal: AbortSignal) {
    this.#deadlineMs = performance.now() + timeoutMs;
    this.#signal = signal;
  }

  get isOver(): boolean {
    return performance.now() > this.#deadlineMs;
  }

  /** Waits for the next look. Throws `interrupted` after Ctrl-C. */
  async pause(): Promise<void> {
    await sleep(pollMs, undefined, { signal: this.#signal }).catch(() => {
      throw new CommandError("interrupted", "Interrupted");
    });
  }

  /** Tries until it works. When time is up, throws what the last attempt threw; a `CommandError` at once. */
  async until<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof CommandError || this.isOver) throw error;
        await this.pause();
      }
    }
  }
}
