/**
 * The status of a pod as its node sees it, and how it is merged into what the API has.
 *
 * Source: Kubernetes pkg/kubelet/status and pkg/kubelet/kubelet_pods.go: phases, conditions with
 * their reasons, container statuses. Pure.
 */
import type {
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
} from "@flotilla/objects";
import { formatTime } from "@flotilla/objects";
import { decidePod, recordOf } from "./decide.ts";
import type { ContainerRecord, PastRun, PodRecord } from "./pod-record.ts";
import { delayLeftMs } from "./restart-delay.ts";

/** Annotation that says which host port stands for which container port: `{"8080": 41873}`. */
export const portsAnnotation = "flotilla.dev/ports";

export interface StatusInput {
  readonly record: PodRecord;
  readonly address: string;
  /** The runtime's, for container ids. */
  readonly scheme: string;
  /** Wall-clock time. */
  readonly nowMs: number;
}

/** The status, with condition times taken from `present` where nothing changed. */
export function podStatusOf(input: StatusInput, present: PodStatus | undefined): PodStatus {
  const { record, address } = input;
  const { spec } = record.pod;
  const { isInitialized } = decidePod(record, input.nowMs);
  const main = spec.containers.map((container) => containerStatusOf(container, input));
  const init = (spec.initContainers ?? []).map((container) => initStatusOf(container, input));
  return {
    ...present,
    phase: phaseOf(record, isInitialized),
    conditions: conditionsOf(input, main, isInitialized, present?.conditions ?? []),
    hostIP: address,
    hostIPs: [{ ip: address }],
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: formatTime(record.acceptedAtMs),
    containerStatuses: main,
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
  };
}

/** The pod with its status and its ports as they are now; the rest as in `present`. */
export function withStatus(present: Pod, input: StatusInput): Pod {
  const { ports } = input.record;
  const annotations = { ...present.metadata.annotations };
  if (Object.keys(ports).length > 0) annotations[portsAnnotation] = JSON.stringify(ports);
  const metadata = { ...present.metadata };
  if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
  return { ...present, metadata, status: podStatusOf(input, present.status) };
}

function phaseOf(record: PodRecord, isInitialized: boolean): NonNullable<PodStatus["phase"]> {
  if (record.finished !== undefined) return record.finished;
  if (!isInitialized) return "Pending";
  const wasStarted = record.pod.spec.containers.every((container) => {
    const { state, previous } = recordOf(record, container);
    return state.kind === "running" || state.kind === "exited" || previous !== undefined;
  });
  return wasStarted ? "Running" : "Pending";
}

function conditionsOf(
  { record, nowMs }: StatusInput,
  main: readonly ContainerStatus[],
  isInitialized: boolean,
  present: readonly Condition[],
): Condition[] {
  const unready = main.filter(({ ready }) => !ready).map(({ name }) => name);
  const isReady = record.finished === undefined && unready.length === 0;
  const notReady =
    record.finished === "Succeeded"
      ? { reason: "PodCompleted" }
      : record.finished === "Failed"
        ? { reason: "PodFailed" }
        : {
            reason: "ContainersNotReady",
            message: `containers with unready status: [${unready.join(" ")}]`,
          };
  const notInitialized = {
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incompleteInit(record).join(" ")}]`,
  };
  const wanted = [
    { type: "Initialized", ...(isInitialized ? isTrue : { ...isFalse, ...notInitialized }) },
    { type: "Ready", ...(isReady ? isTrue : { ...isFalse, ...notReady }) },
    { type: "ContainersReady", ...(isReady ? isTrue : { ...isFalse, ...notReady }) },
    { type: "PodScheduled", ...isTrue },
  ];
  const others = present.filter(({ type }) => !wanted.some((condition) => condition.type === type));
  return [...others, ...wanted.map((condition) => withTime(condition, present, nowMs))];
}

const isTrue = { status: "True" } as const;
const isFalse = { status: "False" } as const;

function withTime(wanted: Condition, present: readonly Condition[], nowMs: number): Condition {
  const before = present.find(({ type }) => type === wanted.type);
  const since = before?.status === wanted.status ? before.lastTransitionTime : undefined;
  return { ...wanted, lastTransitionTime: since ?? formatTime(nowMs) };
}

function incompleteInit(record: PodRecord): string[] {
  return (record.pod.spec.initContainers ?? [])
    .filter((container) => !hasSucceeded(recordOf(record, container)))
    .map(({ name }) => name);
}

function hasSucceeded({ state }: ContainerRecord): boolean {
  return state.kind === "exited" && state.run.exitCode === 0;
}

function containerStatusOf(container: Container, input: StatusInput): ContainerStatus {
  const own = recordOf(input.record, container);
  const health = own.state.kind === "running" ? own.state.health : undefined;
  const id = idOf(own);
  const lastState = lastStateOf(own, input);
  return {
    name: container.name,
    state: stateOf(container, own, input),
    ...(lastState === undefined ? {} : { lastState }),
    ready: health?.isReady ?? false,
    started: health?.isStarted ?? false,
    restartCount: Math.max(0, own.starts - 1),
    image: container.image,
    imageID: container.image,
    ...(id === undefined ? {} : { containerID: `${input.scheme}://${id}` }),
  };
}

/** An init container is ready when it has done its work. */
function initStatusOf(container: Container, input: StatusInput): ContainerStatus {
  const status = containerStatusOf(container, input);
  return { ...status, ready: hasSucceeded(recordOf(input.record, container)), started: false };
}

function stateOf(
  container: Container,
  own: ContainerRecord,
  { record, scheme, nowMs }: StatusInput,
): ContainerState {
  const { state } = own;
  if (state.kind === "running") return { running: { startedAt: formatTime(state.startedAtMs) } };
  if (state.kind === "exited") {
    const leftMs = record.finished === undefined ? delayLeftMs(own.delay, nowMs) : 0;
    if (leftMs > 0) return { waiting: backOffOf(container, own, record.pod) };
    return { terminated: terminatedOf(state.run, scheme) };
  }
  if (state.kind === "starting") return { waiting: { reason: "ContainerCreating" } };
  const { reason, message } = state;
  return { waiting: message === undefined ? { reason } : { reason, message } };
}

/** Shown instead of `state` while the next start is held back: what happened is in `lastState` then. */
function lastStateOf(own: ContainerRecord, input: StatusInput): ContainerState | undefined {
  const isHeldBack =
    own.state.kind === "exited" &&
    input.record.finished === undefined &&
    delayLeftMs(own.delay, input.nowMs) > 0;
  const run = isHeldBack && own.state.kind === "exited" ? own.state.run : own.previous;
  return run === undefined ? undefined : { terminated: terminatedOf(run, input.scheme) };
}

/** Reason and message of a container whose restart is held back. */
export function backOffOf(
  container: Container,
  own: ContainerRecord,
  pod: Pod,
): { reason: string; message: string } {
  const delay = `${Math.round((own.delay?.delayMs ?? 0) / 1000)}s`;
  const { name, namespace = "default", uid = "" } = pod.metadata;
  return {
    reason: "CrashLoopBackOff",
    message: `back-off ${delay} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`,
  };
}

function terminatedOf(run: PastRun, scheme: string): NonNullable<ContainerState["terminated"]> {
  return {
    exitCode: run.exitCode,
    reason: run.reason,
    ...(run.message === undefined ? {} : { message: run.message }),
    startedAt: formatTime(run.startedAtMs),
    finishedAt: formatTime(run.finishedAtMs),
    containerID: `${scheme}://${run.id}`,
  };
}

function idOf({ state, previous }: ContainerRecord): string | undefined {
  if (state.kind === "running" || state.kind === "starting") return state.id;
  if (state.kind === "exited") return state.run.id;
  return previous?.id;
}
