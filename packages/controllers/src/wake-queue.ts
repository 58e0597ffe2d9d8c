/**
 * Keys to look at: deduplicated, one look at a time per key, with back-off and delays.
 *
 * Source of the pattern: client-go util/workqueue. A key that is woken while it is being looked at is
 * looked at once more afterwards, however often it was woken.
 */
import type { Timers } from "@flotilla/base";

/** Wait after a key's first failure; doubles with each further one. */
export const backoffMsMin = 5;
/** Longest wait after a failure. */
export const backoffMsMax = 5_000;
/** Keys of one controller that are looked at at the same time. */
export const keysInFlightMax = 8;

/** How a look at a key ended. */
export type Look =
  | { readonly kind: "done"; readonly requeueAfterMs?: number }
  | { readonly kind: "retry" }
  | { readonly kind: "stop" };

interface Entry {
  state: "idle" | "queued" | "running" | "runningAndWoken";
  failures: number;
  /** A pending delayed wake. */
  cancelTimer: (() => void) | undefined;
}

/** See the head of this file. `look` must not throw. */
export class WakeQueue {
  readonly #timers: Timers;
  readonly #look: (key: string) => Promise<Look>;
  readonly #entries = new Map<string, Entry>();
  #queue: string[] = [];
  #running = 0;
  #stopped = false;

  constructor(timers: Timers, look: (key: string) => Promise<Look>) {
    this.#timers = timers;
    this.#look = look;
  }

  /** Looks at `key` soon. */
  wake(key: string): void {
    if (this.#stopped) return;
    const entry = this.#entryOf(key);
    if (entry.state === "running") entry.state = "runningAndWoken";
    if (entry.state !== "idle") return;
    entry.state = "queued";
    this.#queue.push(key);
    this.#pump();
  }

  /** Forgets everything; looks that are under way end unheard. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    for (const entry of this.#entries.values()) entry.cancelTimer?.();
    this.#entries.clear();
  }

  #pump(): void {
    while (!this.#stopped && this.#running < keysInFlightMax) {
      const key = this.#queue.shift();
      if (key === undefined) return;
      void this.#run(key, this.#entryOf(key));
    }
  }

  async #run(key: string, entry: Entry): Promise<void> {
    entry.state = "running";
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    this.#running++;
    const look = await this.#look(key);
    this.#running--;
    if (this.#stopped) return;
    this.#settle(key, entry, look);
    this.#pump();
  }

  #settle(key: string, entry: Entry, look: Look): void {
    const woken = entry.state === "runningAndWoken";
    entry.state = "idle";
    entry.failures = look.kind === "retry" ? entry.failures + 1 : 0;
    if (look.kind === "retry") this.#wakeAfter(key, entry, backoffMs(entry.failures));
    else if (look.kind === "stop") this.stop();
    else if (woken) this.wake(key);
    else if (look.requeueAfterMs !== undefined) this.#wakeAfter(key, entry, look.requeueAfterMs);
    else this.#entries.delete(key);
  }

  #wakeAfter(key: string, entry: Entry, delayMs: number): void {
    entry.cancelTimer = this.#timers.after(delayMs, () => {
      entry.cancelTimer = undefined;
      this.wake(key);
    });
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { state: "idle", failures: 0, cancelTimer: undefined };
    this.#entries.set(key, entry);
    return entry;
  }
}

/** The wait after the `failures`-th failure in a row. */
export function backoffMs(failures: number): number {
  return Math.min(backoffMsMin * 2 ** Math.min(failures - 1, 30), backoffMsMax);
}
