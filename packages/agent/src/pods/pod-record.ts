/**
 * What the agent knows about one pod on its node, on disk: `<data dir>/pods/<uid>/pod.json`.
 *
 * Written before a process is started (the intent) and again when it runs, so that an agent that was
 * killed at any point finds everything it started. Holds the pod itself too: what crashes while the
 * API cannot be reached is restarted from it.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@flotilla/objects";
import { readJson, writeJson } from "../atomic-file.ts";
import type { ProcessIdentity } from "../runtimes/process-identity.ts";

/** What probes say about a running container. */
export interface ContainerHealth {
  /** The startup probe has succeeded, or there is none. */
  readonly isStarted: boolean;
  /** Started, and the readiness probe succeeds, or there is none. */
  readonly isReady: boolean;
}

/** How one start of a container ended. Times are wall-clock milliseconds. */
export interface PastRun {
  readonly id: string;
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

/** One container, through all its starts. */
export type ContainerState =
  /** Not started yet, or held up: `reason` and `message` as shown to the user. */
  | { readonly kind: "waiting"; readonly reason: string; readonly message?: string }
  /** The intent: the process may or may not exist. */
  | { readonly kind: "starting"; readonly id: string; readonly startedAtMs: number }
  | {
      readonly kind: "running";
      readonly id: string;
      readonly process: ProcessIdentity;
      readonly startedAtMs: number;
      readonly health: ContainerHealth;
    }
  | { readonly kind: "exited"; readonly run: PastRun };

/** Delays between restarts. */
export interface RestartDelay {
  /** 0 before the first restart. */
  readonly delayMs: number;
  /** Wall-clock time of the exit that set it. */
  readonly sinceMs: number;
}

export interface ContainerRecord {
  readonly state: ContainerState;
  /** The run before the present one. */
  readonly previous?: PastRun;
  /** Starts so far; also the number of the next log file. */
  readonly starts: number;
  readonly delay?: RestartDelay;
}

export interface PodRecord {
  readonly pod: Pod;
  readonly acceptedAtMs: number;
  /** Host port by container port, as text: also the value of the annotation. */
  readonly ports: Readonly<Record<string, number>>;
  /** Init containers too: names are unique within a pod. */
  readonly containers: Readonly<Record<string, ContainerRecord>>;
  /** Set once the pod has ended for good. */
  readonly finished?: "Succeeded" | "Failed";
}

/** A container that was never started. */
export const newContainer: ContainerRecord = {
  state: { kind: "waiting", reason: "ContainerCreating" },
  starts: 0,
};

/** The record of a pod that has just been accepted. */
export function newPodRecord(pod: Pod, nowMs: number): PodRecord {
  return { pod, acceptedAtMs: nowMs, ports: {}, containers: {} };
}

/** Records on disk, and the directories of pods. */
export class PodRecords {
  readonly #root: string;

  /** `root`: the directory that holds one directory per pod. */
  constructor(root: string) {
    this.#root = root;
  }

  directoryOf(uid: string): string {
    return join(this.#root, uid);
  }

  /** Every pod with a readable record. */
  async readAll(): Promise<PodRecord[]> {
    await mkdir(this.#root, { recursive: true });
    const uids = await readdir(this.#root);
    const found = await Promise.all(uids.map((uid) => readJson(this.#pathOf(uid))));
    return found.filter(isPodRecord);
  }

  async write(uid: string, record: PodRecord): Promise<void> {
    await mkdir(this.directoryOf(uid), { recursive: true });
    await writeJson(this.#pathOf(uid), record);
  }

  /** Removes the record, the logs and the volumes that end with the pod. */
  async remove(uid: string): Promise<void> {
    await rm(this.directoryOf(uid), { recursive: true, force: true });
  }

  #pathOf(uid: string): string {
    return join(this.directoryOf(uid), "pod.json");
  }
}

/** Only this package writes these files; the check is for what an older version may have left. */
function isPodRecord(value: unknown): value is PodRecord {
  if (typeof value !== "object" || value === null) return false;
  const { pod, ports, containers } = value as Partial<PodRecord>;
  return pod?.metadata?.uid !== undefined && ports !== undefined && containers !== undefined;
}
