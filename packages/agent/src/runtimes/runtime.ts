/**
 * The port between pods and what runs them. `runtimes/process.ts` is the implementation on plain
 * processes.
 *
 * A runtime starts and signals; it decides nothing. When and how often to restart, what to keep and
 * what to stop is decided in pods/.
 */
import type { ProcessIdentity } from "./process-identity.ts";

/** One start of one container. */
export interface Launch {
  /** `<pod uid>/<container>/<attempt>`: names this start for ever; found again after a crash. */
  readonly id: string;
  /** Program and arguments; no shell. Never empty. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The agent's own directory when left out. */
  readonly directory: string | undefined;
  /** Receives stdout and stderr. */
  readonly logPath: string;
}

export type LaunchOutcome =
  | { readonly kind: "started"; readonly process: ProcessIdentity }
  /** Nothing runs: no such program, no such directory, no permission. */
  | { readonly kind: "failed"; readonly message: string };

/** How a container ended. */
export interface Exit {
  /** 128 + signal when a signal ended it; 255 when it is not known. */
  readonly exitCode: number;
  /**
   * "StartError": it never ran. "Unknown": it was not our child any more when it ended, so nobody
   * told its code.
   */
  readonly reason: "Completed" | "Error" | "StartError" | "Unknown";
  readonly message?: string;
}

/** Ends of a command that was run inside a container: its code, or that it took too long. */
export type CommandOutcome =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "timedOut" }
  | { readonly kind: "failed"; readonly message: string };

/** Starts, finds again, signals. */
export interface Runtime {
  /** Fit for `containerID` and `imageID`: "process://...". */
  readonly scheme: string;
  /** Why this runtime cannot run `image`; undefined when it can. */
  imageProblem(image: string): string | undefined;
  /** Starts a container; `onExit` is called once, also when it ends at once. */
  launch(launch: Launch, onExit: (exit: Exit) => void): Promise<LaunchOutcome>;
  /**
   * Takes over what an earlier agent started: `known` from its record, or, when that agent died
   * between start and record, whatever carries `id`. undefined: it runs no more.
   */
  adopt(
    id: string,
    known: ProcessIdentity | undefined,
    logPath: string,
    onExit: (exit: Exit) => void,
  ): ProcessIdentity | undefined;
  /** Signals the whole process group of a container; nothing when it has ended. */
  signal(process: ProcessIdentity, signal: "SIGTERM" | "SIGKILL"): void;
  /** Runs a command beside the container, as an exec probe does; its group is killed after `timeoutMs`. */
  run(
    launch: Omit<Launch, "id" | "logPath">,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CommandOutcome>;
  /** Kills what this agent started and nobody knows any more. Returns how many containers that were. */
  sweep(isKnown: (id: string) => boolean): number;
  /** Stops watching; what runs goes on. */
  close(): void;
}
