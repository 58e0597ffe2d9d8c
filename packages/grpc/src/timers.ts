/** Time as a port, so that tests own it. */
import type { Clock } from "@flotilla/base";

/** Monotonic time, and calls in the future. */
export interface Timers extends Clock {
  /** Runs `callback` once after `delayMs`; the returned function prevents it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Longest delay of `setTimeout`; longer ones would fire at once. */
const delayMsMax = 2 ** 31 - 1;

/** The system's timers. They do not keep the process alive: sockets do. */
export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.ceil(delayMs), delayMsMax)).unref();
    return () => clearTimeout(timer);
  },
};
