/** Time as the agent uses it; tests pass their own. */
import type { Clock } from "@flotilla/base";

/** Runs things later. */
export interface Timers {
  /** Calls `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Timers of this process. */
export const systemTimers: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The monotonic clock of this process. */
export const systemClock: Clock = { nowMs: () => performance.now() };

/** Resolves after `delayMs`, at once when the signal aborts. Never rejects. */
export function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = () => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = timers.after(delayMs, finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}
