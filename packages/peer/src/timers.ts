/** The timers of this process, where a test moves its own. */
import { type Timers, timersOf } from "@flotilla/base";

/** They do not keep the process alive: sockets do. */
export const nodeTimers: Timers = timersOf(globalThis);
