/** Real time, where a test passes virtual time. */
import { type Timers, timersOf } from "@flotilla/base";

export const systemTimers: Timers = timersOf(globalThis);
