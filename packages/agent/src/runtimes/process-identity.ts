/**
 * Recognising a process for ever: a pid comes back, a pid with its start time does not.
 *
 * Source: proc(5), /proc/<pid>/stat and /proc/<pid>/environ; Linux only.
 */
import { readdirSync, readFileSync } from "node:fs";

/** One process of one boot of this machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process (field 22 of stat). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id: ticks start again at each boot. */
  readonly bootId: string;
}

/** What /proc says about a process. */
export interface ProcessStat {
  readonly state: string;
  readonly processGroup: number;
  readonly startTicks: number;
}

/** Parses one line of /proc/<pid>/stat; the name in it may hold blanks and parentheses. */
export function parseStat(line: string): ProcessStat | undefined {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, , group] = fields;
  const processGroup = Number(group);
  const startTicks = Number(fields[19]);
  if (state === undefined || state === "") return undefined;
  if (!Number.isSafeInteger(processGroup) || !Number.isSafeInteger(startTicks)) return undefined;
  return { state, processGroup, startTicks };
}

/** The state of `pid`; undefined when there is no such process. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined; // Gone: between two reads is as good as before.
  }
}

/** The identity of the running process `pid`; undefined when it has ended (a zombie has). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  if (stat === undefined || hasEnded(stat)) return undefined;
  return { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** True while exactly this process runs. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = statOf(process.pid);
  if (stat === undefined || hasEnded(stat)) return false;
  return stat.startTicks === process.startTicks && process.bootId === bootId();
}

/** The environment variable `name` of every process that has it, by pid. Reads all of /proc: some milliseconds. */
export function environmentOfAll(name: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of allPids()) {
    const value = environmentOf(pid, name);
    if (value !== undefined) found.set(pid, value);
  }
  return found;
}

/** The variable `name` in the environment that `pid` was started with. */
export function environmentOf(pid: number, name: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    const entry = environment.split("\0").find((line) => line.startsWith(`${name}=`));
    return entry?.slice(name.length + 1);
  } catch {
    return undefined; // Gone, or of another user: not ours.
  }
}

function hasEnded(stat: ProcessStat): boolean {
  return stat.state === "Z" || stat.state === "X";
}

function allPids(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && pid > 0);
}

let knownBootId: string | undefined;

function bootId(): string {
  knownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return knownBootId;
}
