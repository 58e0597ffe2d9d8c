/** The outside world for the pure floors: monotonic time and seeded chance. */
import { randomBytes } from "node:crypto";
import { type Clock, Prng, type Random, type Timers, timersOf } from "@flotilla/base";

export const systemClock: Clock = { nowMs: () => performance.now() };

/** Seeded by the operating system; for jitter and load balancing, not for secrets. */
export function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}

/** They do not keep the process alive. */
export const systemTimers: Timers = timersOf(globalThis);
