/**
 * The words under STATUS, READY and RESTARTS for a pod: computed from its containers.
 *
 * Source: kubernetes pkg/printers/internalversion (behaviour). Pure.
 */
import { conditionOf } from "../pods.ts";
import { humanDuration, parseTime } from "../time.ts";
import type { ContainerStatus, Pod } from "../types.ts";

/** What kubectl shows of a pod's containers. */
export interface PodSummary {
  /** "Running", "Init:0/1", "CrashLoopBackOff", "Completed", "Terminating" ... */
  readonly status: string;
  readonly readyContainers: number;
  readonly totalContainers: number;
  readonly restarts: number;
  /** When the last restart was; undefined when none is known. */
  readonly lastRestartMs: number | undefined;
}

/** Why a pod on a lost node is. */
const nodeLost = "NodeLost";

/** Sums up a pod. */
export function summarizePod(pod: Pod): PodSummary {
  const init = summarizeInit(pod);
  const isInitialized = conditionOf(pod, "Initialized")?.status === "True";
  const showsInit = init.reason !== undefined && !isInitialized;
  const main = showsInit ? undefined : summarizeMain(pod, init.reason ?? baseReason(pod));
  const restarting = showsInit
    ? init.all
    : [...init.sidecars, ...(pod.status?.containerStatuses ?? [])];
  return {
    status: terminating(pod) ?? main?.reason ?? init.reason ?? baseReason(pod),
    readyContainers: init.ready + (main?.ready ?? 0),
    totalContainers: (pod.spec.containers ?? []).length + sidecarNames(pod).size,
    restarts: restarting.reduce((sum, { restartCount }) => sum + restartCount, 0),
    lastRestartMs: lastRestartOf(restarting),
  };
}

/** "2 (5s ago)" */
export function restartsText({ restarts, lastRestartMs }: PodSummary, nowMs: number): string {
  if (restarts === 0 || lastRestartMs === undefined) return String(restarts);
  return `${restarts} (${humanDuration(nowMs - lastRestartMs)} ago)`;
}

function baseReason(pod: Pod): string {
  const gated = conditionOf(pod, "PodScheduled")?.reason === "SchedulingGated";
  if (gated) return "SchedulingGated";
  const reason = pod.status?.reason ?? "";
  return reason === "" ? (pod.status?.phase ?? "") : reason;
}

function terminating(pod: Pod): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  if (pod.status?.reason === nodeLost) return "Unknown";
  const phase = pod.status?.phase;
  return phase === "Succeeded" || phase === "Failed" ? undefined : "Terminating";
}

function sidecarNames(pod: Pod): ReadonlySet<string> {
  const sidecars = (pod.spec.initContainers ?? []).filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  );
  return new Set(sidecars.map(({ name }) => name));
}

interface InitSummary {
  /** Set while a container that must end first has not. */
  readonly reason: string | undefined;
  readonly ready: number;
  /** All looked at, up to the one that is not done. */
  readonly all: readonly ContainerStatus[];
  readonly sidecars: readonly ContainerStatus[];
}

function summarizeInit(pod: Pod): InitSummary {
  const sidecars = sidecarNames(pod);
  const all: ContainerStatus[] = [];
  let ready = 0;
  let reason: string | undefined;
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    all.push(status);
    if (status.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(status.name) && status.started === true) {
      if (status.ready) ready++;
      continue;
    }
    reason = initReason(status, index, pod.spec.initContainers?.length ?? 0);
    break;
  }
  return { reason, ready, all, sidecars: all.filter(({ name }) => sidecars.has(name)) };
}

function initReason({ state }: ContainerStatus, index: number, count: number): string {
  if (state?.terminated !== undefined) return `Init:${endReason(state.terminated)}`;
  const waiting = state?.waiting?.reason ?? "";
  if (waiting !== "" && waiting !== "PodInitializing") return `Init:${waiting}`;
  return `Init:${index}/${count}`;
}

function endReason(end: { reason?: string; signal?: number; exitCode: number }): string {
  if (end.reason !== undefined && end.reason !== "") return end.reason;
  return (end.signal ?? 0) === 0 ? `ExitCode:${end.exitCode}` : `Signal:${end.signal}`;
}

/** The first container with something to say wins, so that the last one is looked at first. */
function summarizeMain(pod: Pod, before: string): { reason: string; ready: number } {
  let reason = before;
  let errorReason = "";
  let running = 0;
  for (const { state, ready } of (pod.status?.containerStatuses ?? []).toReversed()) {
    const waiting = state?.waiting?.reason ?? "";
    if (waiting !== "") reason = waiting;
    else if (state?.terminated !== undefined) {
      reason = endReason(state.terminated);
      if (state.terminated.exitCode !== 0) errorReason = reason;
    } else if (ready && state?.running !== undefined) running++;
  }
  if (reason !== "Completed") return { reason, ready: running };
  // One container has ended well; the pod is what the others make of it.
  if (running > 0 && conditionOf(pod, "Ready")?.status === "True") reason = "Running";
  else if (errorReason !== "") reason = errorReason;
  else if (running > 0) reason = "NotReady";
  return { reason, ready: running };
}

function lastRestartOf(statuses: readonly ContainerStatus[]): number | undefined {
  const ends = statuses
    .map(({ lastState }) => parseTime(lastState?.terminated?.finishedAt))
    .filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.max(...ends);
}
