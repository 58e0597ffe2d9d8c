/** Starts, signals and waits for the processes of a local cluster. Linux and macOS. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makeDirectories } from "../make-directories.ts";

const program = fileURLToPath(new URL("../../../bin/flotilla.js", import.meta.url));

/** Name of the file in a data directory that a process logs to. */
export const logFileName = "flotilla.log";

/**
 * Starts `flotilla ARGS` in a session of its own, so that it outlives this process and its terminal.
 * stdout and stderr go to `<dataDir>/flotilla.log`. Returns its pid.
 */
export function startDetached(args: readonly string[], dataDir: string, cwd: string): number {
  makeDirectories(dataDir);
  const log = openSync(join(dataDir, logFileName), "a");
  try {
    const child = spawn(process.execPath, [program, ...args], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd,
    });
    child.unref();
    return child.pid ?? 0;
  } finally {
    closeSync(log);
  }
}

/** True while a process with this pid runs that was started by {@link startDetached} for `dataDir`. */
export function isRunning(pid: number, dataDir: string): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false; // ESRCH: gone.
  }
  try {
    // A pid is used again after a while: only its command line tells whether it is still ours.
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (!commandLine.includes(dataDir)) return false;
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" && process.platform !== "linux";
  }
}

/** Sends a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Waits until none of them runs; returns those that still do after `timeoutMs`. */
export async function waitForExit<T extends { pid: number; dataDir: string }>(
  processes: readonly T[],
  timeoutMs: number,
): Promise<T[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = processes.filter(({ pid, dataDir }) => isRunning(pid, dataDir));
    if (left.length === 0 || performance.now() >= deadline) return left;
    await sleep(30);
  }
}
