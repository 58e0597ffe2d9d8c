/**
 * A Deployment's status: the counts and conditions that `kubectl rollout status` waits for.
 *
 * Source: Kubernetes pkg/controller/deployment/{sync,progress}.go; reasons and messages are its own.
 * Pure.
 */
import { type Condition, type Deployment, formatTime, parseTime } from "@flotilla/objects";
import { findCondition, replaceCondition, withCondition, withoutCondition } from "../conditions.ts";
import type { Limits } from "./sizes.ts";

export type DeploymentStatus = NonNullable<Deployment["status"]>;

/** What is there, summed over all ReplicaSets of the Deployment. */
export interface Counts {
  /** Pods that are not being deleted. */
  readonly replicas: number;
  /** Those of the present template. */
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly terminating: number;
  /** Pods that the ReplicaSets' specs ask for. */
  readonly wanted: number;
}

export interface StatusRequest {
  readonly deployment: Deployment;
  readonly limits: Limits;
  readonly counts: Counts;
  /** Name of the present template's ReplicaSet, and how it came to be; undefined while there is none. */
  readonly newSet: { readonly name: string; readonly isCreatedNow: boolean } | undefined;
  /** False while paused or being scaled: then progress is not judged. */
  readonly isRollingOut: boolean;
  /** Condition ReplicaFailure of one of the ReplicaSets, if any has one. */
  readonly replicaFailure: Condition | undefined;
  readonly nowMs: number;
}

/** The status to write. */
export function statusOf(request: StatusRequest): DeploymentStatus {
  const { deployment, counts } = request;
  const { collisionCount } = deployment.status ?? {};
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: counts.replicas,
    updatedReplicas: counts.updated,
    readyReplicas: counts.ready,
    availableReplicas: counts.available,
    unavailableReplicas: Math.max(0, counts.wanted - counts.available),
    terminatingReplicas: counts.terminating,
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
  let conditions = withPause(request, deployment.status?.conditions ?? []);
  conditions = withNewSet(request, conditions);
  conditions = withCondition(conditions, availability(request));
  if (request.isRollingOut) conditions = withProgress(request, status, conditions);
  return { ...status, conditions };
}

/** Complete: all desired pods are of the present template and available, and no others are there. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = deployment.spec.replicas ?? 1;
  return (
    status.updatedReplicas === desired &&
    status.replicas === desired &&
    status.availableReplicas === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** When the lack of progress must be judged; undefined when there is nothing to wait for. */
export function progressCheckAfterMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const progressing = findCondition(status.conditions, "Progressing");
  const deadlineMs = progressDeadlineMs(deployment);
  if (deadlineMs === undefined || progressing?.lastUpdateTime === undefined) return undefined;
  if (progressing.reason === "ProgressDeadlineExceeded" || deployment.spec.paused === true) {
    return undefined;
  }
  if (isComplete(deployment, status)) return undefined;
  const updatedMs = parseTime(progressing.lastUpdateTime) ?? nowMs;
  // A second more: time stamps are whole seconds.
  return Math.max(0, updatedMs + deadlineMs - nowMs) + 1_000;
}

function withPause(request: StatusRequest, conditions: readonly Condition[]): Condition[] {
  const reason = findCondition(conditions, "Progressing")?.reason;
  const hasDeadline = progressDeadlineMs(request.deployment) !== undefined;
  // A reported lack of progress is not covered up by a pause.
  if (!hasDeadline || reason === "ProgressDeadlineExceeded") return [...conditions];
  const isPaused = request.deployment.spec.paused === true;
  if (isPaused === (reason === "DeploymentPaused")) return [...conditions];
  const verb = isPaused ? "paused" : "resumed";
  return withCondition(
    conditions,
    progressing(request, {
      status: "Unknown",
      reason: isPaused ? "DeploymentPaused" : "DeploymentResumed",
      message: `Deployment is ${verb}`,
    }),
  );
}

function withNewSet(request: StatusRequest, conditions: Condition[]): Condition[] {
  const { deployment, newSet } = request;
  if (newSet === undefined || progressDeadlineMs(deployment) === undefined) return conditions;
  if (newSet.isCreatedNow) {
    const reason = "NewReplicaSetCreated";
    const message = `Created new replica set "${newSet.name}"`;
    return withCondition(conditions, progressing(request, { status: "True", reason, message }));
  }
  if (findCondition(conditions, "Progressing") !== undefined) return conditions;
  const reason = "FoundNewReplicaSet";
  const message = `Found new replica set "${newSet.name}"`;
  return withCondition(conditions, progressing(request, { status: "True", reason, message }));
}

function availability({ limits, counts, nowMs }: StatusRequest): Condition {
  const isAvailable = counts.available >= limits.replicas - limits.maxUnavailable;
  const now = formatTime(nowMs);
  return {
    type: "Available",
    status: isAvailable ? "True" : "False",
    lastUpdateTime: now,
    lastTransitionTime: now,
    reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: isAvailable
      ? "Deployment has minimum availability."
      : "Deployment does not have minimum availability.",
  };
}

function withProgress(
  request: StatusRequest,
  status: DeploymentStatus,
  conditions: Condition[],
): Condition[] {
  const { deployment, replicaFailure } = request;
  const now = formatTime(request.nowMs);
  const judged =
    progressDeadlineMs(deployment) === undefined
      ? withoutCondition(conditions, "Progressing")
      : judgeProgress(request, status, conditions);
  return replicaFailure === undefined
    ? withoutCondition(judged, "ReplicaFailure")
    : withCondition(judged, { lastTransitionTime: now, ...replicaFailure, lastUpdateTime: now });
}

function judgeProgress(
  request: StatusRequest,
  status: DeploymentStatus,
  conditions: Condition[],
): Condition[] {
  const { deployment, newSet } = request;
  const current = findCondition(conditions, "Progressing");
  // The last rollout is over; pods that come and go since are not a rollout.
  const isOver = current?.reason === "NewReplicaSetAvailable";
  if (isOver && status.replicas === status.updatedReplicas) return conditions;

  const who =
    newSet === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${newSet.name}"`;
  if (isComplete(deployment, status)) {
    const reason = "NewReplicaSetAvailable";
    const message = `${who} has successfully progressed.`;
    return withCondition(conditions, progressing(request, { status: "True", reason, message }));
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    const message = `${who} is progressing.`;
    const next = progressing(request, { status: "True", reason: "ReplicaSetUpdated", message });
    return replaceCondition(conditions, next);
  }
  if (hasTimedOut(request, current)) {
    const reason = "ProgressDeadlineExceeded";
    const message = `${who} has timed out progressing.`;
    return withCondition(conditions, progressing(request, { status: "False", reason, message }));
  }
  return conditions;
}

/** New pods appeared or became ready or available, or old ones went. */
function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(request: StatusRequest, current: Condition | undefined): boolean {
  const deadlineMs = progressDeadlineMs(request.deployment);
  if (current === undefined || deadlineMs === undefined) return false;
  if (current.reason === "NewReplicaSetAvailable") return false;
  if (current.reason === "ProgressDeadlineExceeded") return true;
  const updatedMs = parseTime(current.lastUpdateTime ?? "") ?? request.nowMs;
  return updatedMs + deadlineMs < request.nowMs;
}

/** Go's largest int32 stands for "no deadline". */
const noDeadlineSeconds = 2_147_483_647;

function progressDeadlineMs({ spec }: Deployment): number | undefined {
  const seconds = spec.progressDeadlineSeconds;
  return seconds === undefined || seconds === noDeadlineSeconds ? undefined : seconds * 1_000;
}

function progressing(
  { nowMs }: StatusRequest,
  condition: Pick<Condition, "status" | "reason" | "message">,
): Condition {
  const now = formatTime(nowMs);
  return { type: "Progressing", ...condition, lastUpdateTime: now, lastTransitionTime: now };
}
