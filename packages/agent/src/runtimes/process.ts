/**
 * Containers as plain processes of this machine: `image: host`.
 *
 * Each is the leader of its own session and process group, with its output going to a file, so that
 * nothing ties it to the agent's life. Its environment names the agent's data directory and its own
 * start, by which it is found again when the record of it was lost.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants as osConstants } from "node:os";
import type { Logger, Timers } from "@flotilla/base";
import { reasonOf } from "../errors.ts";
import { logCheckMs, openLog, rotateLog } from "./log-files.ts";
import {
  environmentOf,
  environmentOfAll,
  identify,
  isAlive,
  type ProcessIdentity,
  statOf,
} from "./process-identity.ts";
import type { CommandOutcome, Exit, Launch, LaunchOutcome, Runtime } from "./runtime.ts";

/** The only image there is: the machine itself. */
export const hostImage = "host";
/** Marks every process that an agent started: `<agent id>/<pod uid>/<container>/<attempt>`. */
export const markerVariable = "FLOTILLA_CONTAINER";
/** How often processes that are not our children are looked at. */
export const adoptedPollMs = 100;
/** Exit code of what ended unseen. */
export const unknownExitCode = 255;

export interface ProcessRuntimeDeps {
  /** Unlike any other agent's on this machine: tells its processes from theirs. */
  readonly agentId: string;
  readonly timers: Timers;
  readonly logger: Logger;
}

interface Watched {
  readonly id: string;
  readonly process: ProcessIdentity;
  readonly logPath: string;
  readonly onExit: (exit: Exit) => void;
  /** False: nobody tells us when it ends, so it is polled. */
  readonly isChild: boolean;
}

/** See the file's header. */
export class ProcessRuntime implements Runtime {
  readonly scheme = "process";
  readonly #deps: ProcessRuntimeDeps;
  readonly #watched = new Map<number, Watched>();
  #cancelPoll: (() => void) | undefined;
  #cancelLogs: (() => void) | undefined;
  #closed = false;

  constructor(deps: ProcessRuntimeDeps) {
    this.#deps = deps;
  }

  imageProblem(image: string): string | undefined {
    if (image === hostImage) return undefined;
    return `Cannot run image "${image}": this runtime runs only image: ${hostImage}`;
  }

  async launch(launch: Launch, onExit: (exit: Exit) => void): Promise<LaunchOutcome> {
    const log = await openLog(launch.logPath);
    try {
      const child = this.#spawn(launch, ["ignore", log.fd, log.fd], {
        [markerVariable]: this.#markerOf(launch.id),
      });
      const started = await spawned(child);
      if (started.kind === "failed") return started;
      const process = identify(started.pid) ?? endedAlready(started.pid);
      this.#watch({ id: launch.id, process, logPath: launch.logPath, onExit, isChild: true });
      // Nothing was missed: an exit is told in a later turn of the event loop than the spawn.
      child.once("exit", (code, signal) => this.#ended(process, exitOf(code, signal)));
      child.unref();
      return { kind: "started", process };
    } catch (error) {
      return { kind: "failed", message: reasonOf(error) };
    } finally {
      await log.close();
    }
  }

  adopt(
    id: string,
    known: ProcessIdentity | undefined,
    logPath: string,
    onExit: (exit: Exit) => void,
  ): ProcessIdentity | undefined {
    const process = known === undefined ? this.#find(id) : known;
    // The mark as well as the time: ticks are coarse, and the record is only a file.
    if (process === undefined || !isAlive(process)) return undefined;
    if (environmentOf(process.pid, markerVariable) !== this.#markerOf(id)) return undefined;
    this.#watch({ id, process, logPath, onExit, isChild: false });
    this.#schedulePoll();
    return process;
  }

  signal(process: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): void {
    if (isAlive(process)) signalGroup(process.pid, signal);
  }

  async run(
    launch: Omit<Launch, "id" | "logPath">,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CommandOutcome> {
    const child = this.#spawn(launch, "ignore", {});
    return await new Promise((resolve) => {
      const finish = (outcome: CommandOutcome) => {
        cancel();
        signal.removeEventListener("abort", abort);
        if (outcome.kind === "timedOut" && child.pid !== undefined) {
          signalGroup(child.pid, "SIGKILL");
        }
        resolve(outcome);
      };
      const abort = () => finish({ kind: "timedOut" });
      const cancel = this.#deps.timers.after(timeoutMs, abort);
      signal.addEventListener("abort", abort, { once: true });
      child.once("error", (error) => finish({ kind: "failed", message: error.message }));
      child.once("exit", (code, name) => {
        finish({ kind: "exited", exitCode: exitOf(code, name).exitCode });
      });
    });
  }

  sweep(isKnown: (id: string) => boolean): number {
    const prefix = `${this.#deps.agentId}/`;
    const killed = new Set<string>();
    for (const [pid, marker] of environmentOfAll(markerVariable)) {
      if (!marker.startsWith(prefix)) continue;
      const id = marker.slice(prefix.length);
      if (isKnown(id)) continue;
      killed.add(id);
      signalProcess(pid, "SIGKILL");
    }
    for (const id of killed) this.#deps.logger.warn("killed a process without a record", { id });
    return killed.size;
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
    this.#cancelLogs?.();
    this.#watched.clear();
  }

  #spawn(
    launch: Omit<Launch, "id" | "logPath">,
    stdio: "ignore" | ["ignore", number, number],
    marker: Record<string, string>,
  ): ChildProcess {
    const [program, ...args] = launch.command;
    return spawn(program ?? "", args, {
      cwd: launch.directory,
      env: { ...launch.environment, ...marker },
      detached: true,
      stdio,
    });
  }

  #markerOf(id: string): string {
    return `${this.#deps.agentId}/${id}`;
  }

  /** The group leader that carries `id`; its descendants carry it too. */
  #find(id: string): ProcessIdentity | undefined {
    const marker = this.#markerOf(id);
    for (const [pid, value] of environmentOfAll(markerVariable)) {
      if (value === marker && statOf(pid)?.processGroup === pid) return identify(pid);
    }
    return undefined;
  }

  #watch(watched: Watched): void {
    this.#watched.set(watched.process.pid, watched);
    this.#cancelLogs ??= this.#deps.timers.after(logCheckMs, () => this.#checkLogs());
  }

  #schedulePoll(): void {
    if (this.#closed || this.#cancelPoll !== undefined) return;
    this.#cancelPoll = this.#deps.timers.after(adoptedPollMs, () => {
      this.#cancelPoll = undefined;
      const adopted = [...this.#watched.values()].filter((watched) => !watched.isChild);
      for (const { process } of adopted) {
        if (isAlive(process)) continue;
        this.#ended(process, { exitCode: unknownExitCode, reason: "Unknown" });
      }
      if (adopted.length > 0) this.#schedulePoll();
    });
  }

  #ended(process: ProcessIdentity, exit: Exit): void {
    const watched = this.#watched.get(process.pid);
    if (watched === undefined || watched.process.startTicks !== process.startTicks) return;
    this.#watched.delete(process.pid);
    this.#killRest(watched.id);
    watched.onExit(exit);
  }

  /** A container ends with its first process; what that one started must not keep its ports. */
  #killRest(id: string): void {
    const marker = this.#markerOf(id);
    for (const [pid, value] of environmentOfAll(markerVariable)) {
      if (value === marker) signalProcess(pid, "SIGKILL");
    }
  }

  #checkLogs(): void {
    this.#cancelLogs = undefined;
    if (this.#closed || this.#watched.size === 0) return;
    const paths = [...this.#watched.values()].map(({ logPath }) => logPath);
    void Promise.allSettled(paths.map((path) => rotateLog(path))).then(() => {
      if (this.#closed) return;
      this.#cancelLogs ??= this.#deps.timers.after(logCheckMs, () => this.#checkLogs());
    });
  }
}

type Spawned =
  | { readonly kind: "started"; readonly pid: number }
  | { readonly kind: "failed"; readonly message: string };

/** Waits until the program runs in the child, or cannot. */
function spawned(child: ChildProcess): Promise<Spawned> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ kind: "failed", message: error.message }));
    child.once("spawn", () => resolve({ kind: "started", pid: child.pid ?? 0 }));
  });
}

/** It ended before /proc was read: no process has start time -1, so it is never taken for another. */
function endedAlready(pid: number): ProcessIdentity {
  return { pid, startTicks: -1, bootId: "" };
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): Exit {
  if (code === 0) return { exitCode: 0, reason: "Completed" };
  if (code !== null) return { exitCode: code, reason: "Error" };
  const number = signal === null ? 0 : osConstants.signals[signal];
  return { exitCode: 128 + number, reason: "Error" };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  signalProcess(-leader, signal);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended in the meantime: that is what was wanted.
  }
}
