/** Time as the agent uses it; tests pass their own. */
import { type Clock, type Timers, timersOf } from "@flotilla/base";

/** Timers of this process; they keep it alive. */
export const systemTimers: Timers = timersOf(globalThis, { keepAlive: true });

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
