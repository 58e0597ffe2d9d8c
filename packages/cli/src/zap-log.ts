/**
 * The log of a process, in the shape of etcd's zap logger: one line each, as JSON with level, ts, caller
 * and msg before the fields, or for people. Written at once, so that the last words are not lost.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import type { LogFields, Logger } from "@flotilla/base";
import { journalPrefixes } from "./journal.ts";
import { LogSampler } from "./log-sampler.ts";

const levels = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"] as const;
export type LogLevel = (typeof levels)[number];

export interface LogOptions {
  /** Lowest level that is written. */
  readonly level: LogLevel;
  /** Default `json`. */
  readonly format?: "json" | "console";
  /**
   * `default` and `stderr`, `stdout`, or paths of files; `systemd/journal` is stderr with priorities,
   * for whoever knows that this is where it leads. Default stderr.
   */
  readonly outputs?: readonly string[];
}

export interface ProcessLog extends Logger {
  /** The last line of a process that cannot go on. */
  fatal(message: string, fields?: LogFields): void;
  /** Opens files anew, after they were moved away. */
  reopen(): void;
}

const fileMode = 0o600;

/** Opens it. Throws the system's error for a file that cannot be opened. */
export function openLog({ level: lowest, format = "json", outputs = [] }: LogOptions): ProcessLog {
  let targets = openTargets(outputs);
  const encode = format === "json" ? jsonLine : consoleLine;
  const write = (level: LogLevel) => {
    if (levels.indexOf(level) < levels.indexOf(lowest)) return () => {};
    const sampler = new LogSampler();
    const log = (message: string, fields?: LogFields): void => {
      if (!sampler.admits(message, performance.now())) return;
      const line = encode({ level, ts: timestamp(), caller: callerOf(log), msg: message }, fields);
      for (const target of targets) writeLine(target, line, level);
    };
    return log;
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    reopen() {
      const before = targets;
      targets = openTargets(outputs);
      for (const target of before) if (typeof target === "number" && target > 2) closeSync(target);
    },
  };
}

interface Head {
  readonly level: LogLevel;
  readonly ts: string;
  readonly caller: string;
  readonly msg: string;
}

function jsonLine(head: Head, fields: LogFields = {}): string {
  return `${JSON.stringify({ ...head, ...fields })}\n`;
}

function consoleLine({ level, ts, caller, msg }: Head, fields: LogFields = {}): string {
  const rest = Object.keys(fields).length === 0 ? [] : [JSON.stringify(fields)];
  return `${[ts, level, caller, msg, ...rest].join("\t")}\n`;
}

/** Microseconds, as etcd's. */
function timestamp(): string {
  const nowMs = performance.timeOrigin + performance.now();
  const micros = Math.floor((nowMs % 1) * 1000);
  return `${new Date(nowMs).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}

/** `package/file.js:line` of who called `log`. */
function callerOf(log: object): string {
  const trace = { stack: "" };
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(trace, log as () => void);
  Error.stackTraceLimit = stackTraceLimit;
  const match = /([^/]+)\/dist\/src\/([^:]+:\d+)/.exec(trace.stack);
  return match === null ? "" : `${match[1]}/${match[2]}`;
}

/** An open file, or the journal. */
type Target = number | "journal";

function openTargets(outputs: readonly string[]): readonly Target[] {
  const targets = outputs.map((output): Target => {
    if (output === "stdout") return 1;
    if (output === "default" || output === "stderr") return 2;
    return output === "systemd/journal" ? "journal" : openSync(output, "a", fileMode);
  });
  return targets.length === 0 ? [2] : [...new Set(targets)];
}

/** A log that cannot be written must not end what it tells about. */
function writeLine(target: Target, line: string, level: LogLevel): void {
  try {
    if (target === "journal") process.stderr.write(journalPrefixes[level] + line);
    else if (target === 1) process.stdout.write(line);
    else if (target === 2) process.stderr.write(line);
    else writeSync(target, line);
  } catch {
    // A full disk, or nobody who reads.
  }
}
