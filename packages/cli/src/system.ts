/** The outside world for the pure floors: monotonic time, seeded chance, and a log on stderr. */
import { randomBytes } from "node:crypto";
import {
  type Clock,
  type LogFields,
  type Logger,
  Prng,
  type Random,
  type Timers,
  timersOf,
} from "@flotilla/base";

export const systemClock: Clock = { nowMs: () => performance.now() };

/** Seeded by the operating system; for jitter and load balancing, not for secrets. */
export function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}

/** They do not keep the process alive. */
export const systemTimers: Timers = timersOf(globalThis);

const levels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof levels)[number];

/** One JSON object a line on stderr, in the shape of etcd's zap logger: level, ts, msg, then the fields. */
export function jsonLogger(lowest: LogLevel): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (levels.indexOf(level) < levels.indexOf(lowest)) return;
    const line = { level, ts: new Date().toISOString(), msg: message, ...fields };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
