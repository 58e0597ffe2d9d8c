/** Time as a port, so that tests own it. */
import { type Timers as BaseTimers, type Clock, timersOf } from "@flotilla/base";

/** Monotonic time, and calls in the future. */
export interface Timers extends Clock, BaseTimers {}

/** The system's timers. They do not keep the process alive: sockets do. */
export const systemTimers: Timers = { nowMs: () => performance.now(), ...timersOf(globalThis) };
