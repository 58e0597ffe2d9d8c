/** Notices that a peer is gone: after a silence it is asked by PING, and must answer in time. */
import type { Timers } from "./timers.ts";

/** What happens, and when. */
export interface SilenceOptions {
  readonly idleMs: number;
  readonly answerMs: number;
  /** Asks the peer for a sign of life. */
  ask(): void;
  /** It gave none. */
  onSilent(): void;
}

/** Watches one connection. A sign of life costs one assignment, not a timer. */
export class SilenceWatch {
  readonly #timers: Timers;
  readonly #options: SilenceOptions;
  #heard = false;
  #cancelTimer: (() => void) | undefined;

  constructor(timers: Timers, options: SilenceOptions) {
    this.#timers = timers;
    this.#options = options;
  }

  start(): void {
    this.#heard = false;
    this.#cancelTimer = this.#timers.after(this.#options.idleMs, () => {
      if (this.#heard) this.start();
      else this.#ask();
    });
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  /** Something came. */
  hear(): void {
    this.#heard = true;
  }

  #ask(): void {
    this.#options.ask();
    this.#cancelTimer = this.#timers.after(this.#options.answerMs, () => {
      if (this.#heard) this.start();
      else this.#options.onSilent();
    });
  }
}
