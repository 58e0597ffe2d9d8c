/**
 * What to do about one ReplicaSet: pods to create or delete, and its status.
 *
 * Source: Kubernetes pkg/controller/replicaset. Pods that are being deleted or are finished do not
 * count, so a pod on an unreachable node is replaced as soon as it is marked. Pure, but for the names.
 */
import type { Random } from "@flotilla/base";
import {
  conditionOf,
  formatTime,
  type Pod,
  parseTime,
  podIsAvailable,
  podIsFinished,
  podIsReady,
  pods,
  type ReplicaSet,
  randomSuffix,
  replicaSets,
} from "@flotilla/objects";
import { findCondition, withCondition, withoutCondition } from "../conditions.ts";
import { type Action, type Decision, decision, earliest, type Sequence } from "../decision.ts";
import { controllerReference, isBeingDeleted } from "../ownership.ts";
import { podIsActive } from "../pod-state.ts";
import { sameStatus } from "../same-json.ts";
import { orderVictims } from "./victims.ts";

/** Pods created or deleted by one decision; the rest follows when these are seen. */
export const podBurstMax = 100;
/** Of a generated name, as in Kubernetes: with the suffix it still is a host name. */
const namePrefixLengthMax = 58;
const nameSuffixLength = 5;

export interface ReplicaSetWorld {
  readonly replicaSet: ReplicaSet;
  /** Pods that it controls. */
  readonly pods: readonly Pod[];
  /** Pods of the whole Deployment, or the same as `pods`. */
  readonly related: readonly Pod[];
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly random: Random;
  /** Why the last writes were refused. */
  readonly refusal: string | undefined;
}

/** Decides about one ReplicaSet. */
export function decideReplicaSet(world: ReplicaSetWorld): Decision {
  const { replicaSet } = world;
  const active = world.pods.filter(podIsActive);
  const missing = (replicaSet.spec.replicas ?? 1) - active.length;
  // The status first: it then tells of a refused creation, too.
  const sequences: Sequence[] = statusSequence(world, active, missing);
  if (isBeingDeleted(replicaSet)) return { sequences };
  if (missing > 0) {
    const count = Math.min(missing, podBurstMax);
    for (let made = 0; made < count; made++) sequences.push(creation(world));
  } else if (missing < 0) {
    const count = Math.min(-missing, podBurstMax);
    const victims = orderVictims(active, world.related).slice(0, count);
    sequences.push(...victims.map((pod) => deletion(replicaSet, pod)));
  }
  return decision(sequences, availableAfterMs(world, active));
}

function creation({ replicaSet, random }: ReplicaSetWorld): Sequence {
  const { metadata, spec } = replicaSet;
  const prefix = `${metadata.name}-`.slice(0, namePrefixLengthMax);
  const name = prefix + randomSuffix(random, nameSuffixLength);
  const { labels, annotations, finalizers } = spec.template.metadata ?? {};
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      generateName: prefix,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(replicaSets, replicaSet)],
    },
    spec: spec.template.spec,
  };
  return [
    { kind: "create", resource: pods, object: pod },
    event(replicaSet, "SuccessfulCreate", `Created pod: ${name}`),
  ];
}

function deletion(replicaSet: ReplicaSet, pod: Pod): Sequence {
  return [
    { kind: "delete", resource: pods, object: pod },
    event(replicaSet, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`),
  ];
}

function event(about: ReplicaSet, reason: string, message: string): Action {
  const type = reason.startsWith("Failed") ? "Warning" : "Normal";
  return { kind: "event", about, type, reason, message };
}

function statusSequence(
  world: ReplicaSetWorld,
  active: readonly Pod[],
  missing: number,
): Sequence[] {
  const { replicaSet, refusal } = world;
  const status = statusOf(world, active, missing);
  if (sameStatus(replicaSet.status, status)) return [];
  const object: ReplicaSet = { ...replicaSet, status };
  const write: Action = { kind: "updateStatus", resource: replicaSets, object };
  const isNewFailure =
    refusal !== undefined && !findCondition(replicaSet.status?.conditions, "ReplicaFailure");
  if (!isNewFailure || missing <= 0) return [[write]];
  return [[write, event(replicaSet, "FailedCreate", `Error creating: ${refusal}`)]];
}

function statusOf(
  { replicaSet, pods, nowMs, refusal }: ReplicaSetWorld,
  active: readonly Pod[],
  missing: number,
): NonNullable<ReplicaSet["status"]> {
  const { spec, metadata } = replicaSet;
  const labels = Object.entries(spec.template.metadata?.labels ?? {});
  const isFullyLabeled = (pod: Pod) =>
    labels.every(([name, value]) => pod.metadata.labels?.[name] === value);
  const minReadySeconds = spec.minReadySeconds ?? 0;
  const before = replicaSet.status?.conditions ?? [];
  const conditions =
    refusal === undefined || missing === 0
      ? withoutCondition(before, "ReplicaFailure")
      : withCondition(before, {
          type: "ReplicaFailure",
          status: "True",
          reason: missing > 0 ? "FailedCreate" : "FailedDelete",
          message: refusal,
          lastTransitionTime: formatTime(nowMs),
        });
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(isFullyLabeled).length,
    readyReplicas: active.filter(podIsReady).length,
    availableReplicas: active.filter((pod) => podIsAvailable(pod, minReadySeconds, nowMs)).length,
    terminatingReplicas: pods.filter((pod) => isBeingDeleted(pod) && !podIsFinished(pod)).length,
    observedGeneration: metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** When the next ready pod becomes available by the mere passing of time. */
function availableAfterMs(world: ReplicaSetWorld, active: readonly Pod[]): number | undefined {
  const minReadySeconds = world.replicaSet.spec.minReadySeconds ?? 0;
  let next: number | undefined;
  for (const pod of active) {
    if (!podIsReady(pod) || podIsAvailable(pod, minReadySeconds, world.nowMs)) continue;
    const readyMs = parseTime(conditionOf(pod, "Ready")?.lastTransitionTime) ?? world.nowMs;
    next = earliest(next, Math.max(0, readyMs + minReadySeconds * 1_000 - world.nowMs));
  }
  return next;
}
