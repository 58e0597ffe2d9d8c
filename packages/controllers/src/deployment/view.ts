/**
 * One Deployment and what it controls, sorted into new and old, and counted.
 *
 * Source: Kubernetes pkg/controller/deployment. Pure.
 */
import {
  controllerOf,
  type Deployment,
  type IntOrString,
  type Pod,
  parseTime,
  podIsAvailable,
  podIsFinished,
  podIsReady,
  type ReplicaSet,
  resolveIntOrPercent,
} from "@flotilla/objects";
import { isBeingDeleted } from "../ownership.ts";
import { podIsActive } from "../pod-state.ts";
import {
  countOf,
  desiredReplicasAnnotation,
  findNewSet,
  maxReplicasAnnotation,
} from "./revision.ts";
import type { Limits, SetSize } from "./sizes.ts";
import type { Counts } from "./status.ts";

export interface DeploymentWorld {
  readonly deployment: Deployment;
  /** Those that the Deployment controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods that those control. */
  readonly pods: readonly Pod[];
  /** Names of all ReplicaSets of the namespace. */
  readonly takenNames: ReadonlySet<string>;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Why the last writes were refused. */
  readonly refusal: string | undefined;
}

/** The world, sorted and counted. */
export interface View {
  readonly deployment: Deployment;
  readonly takenNames: ReadonlySet<string>;
  readonly limits: Limits;
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
  readonly sizes: ReadonlyMap<ReplicaSet, SetSize>;
  readonly counts: Counts;
  readonly oldPodsRemain: boolean;
}

/** Sorts and counts. */
export function viewOf(world: DeploymentWorld): View {
  const { deployment, takenNames } = world;
  const newSet = findNewSet(deployment, world.replicaSets);
  const oldSets = world.replicaSets.filter((set) => set !== newSet);
  const podsOf = (set: ReplicaSet) =>
    world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  const sizes = new Map(
    world.replicaSets.map((set) => {
      const active = podsOf(set).filter(podIsActive);
      // An old set keeps the time that it was made with: nobody looks again at the end of another.
      const seconds = (set === newSet ? deployment : set).spec.minReadySeconds ?? 0;
      const available = active.filter((pod) => podIsAvailable(pod, seconds, world.nowMs));
      return [set, sizeOf(set, active.length, available.length)] as const;
    }),
  );
  const active = world.pods.filter(podIsActive);
  return {
    deployment,
    takenNames,
    limits: limitsOf(deployment),
    newSet,
    oldSets,
    sizes,
    counts: {
      replicas: active.length,
      updated: newSet === undefined ? 0 : (sizes.get(newSet)?.active ?? 0),
      ready: active.filter(podIsReady).length,
      available: [...sizes.values()].reduce((total, set) => total + set.available, 0),
      terminating: world.pods.filter((pod) => isBeingDeleted(pod) && !podIsFinished(pod)).length,
      wanted: world.replicaSets.reduce((total, set) => total + (set.spec.replicas ?? 1), 0),
    },
    // Recreate means that old and new never run together: a pod counts until it is gone.
    oldPodsRemain: oldSets.some((set) => podsOf(set).some((pod) => !podIsFinished(pod))),
  };
}

/** A ReplicaSet in numbers, with the pods that it has. */
export function sizeOf(set: ReplicaSet, active: number, available: number): SetSize {
  return {
    name: set.metadata.name,
    replicas: set.spec.replicas ?? 1,
    active,
    available,
    createdMs: parseTime(set.metadata.creationTimestamp ?? "") ?? 0,
    desiredRecorded: countOf(set, desiredReplicasAnnotation),
    maxRecorded: countOf(set, maxReplicasAnnotation),
  };
}

/** Resolves percentages; both limits 0 would never move, so one pod may then be unavailable. */
export function limitsOf(deployment: Deployment): Limits {
  const { replicas = 1, strategy } = deployment.spec;
  if (strategy?.type === "Recreate") return { replicas, maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const resolve = (value: IntOrString, direction: "up" | "down") =>
    resolveIntOrPercent(value, replicas, direction) ?? 0;
  const surge = resolve(maxSurge, "up");
  const unavailable = resolve(maxUnavailable, "down");
  const resolved = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { replicas, maxSurge: surge, maxUnavailable: Math.min(resolved, replicas) };
}

/** What there is to do: only report, follow a change of scale, or roll out. */
export type Path = "deleting" | "scaling" | "rolling" | "recreate";

/** Chooses the path. */
export function pathOf({ deployment, limits, sizes }: View): Path {
  if (isBeingDeleted(deployment)) return "deleting";
  if (deployment.spec.paused === true) return "scaling";
  const wasScaled = [...sizes.values()].some(
    ({ replicas, desiredRecorded }) =>
      replicas > 0 && desiredRecorded !== undefined && desiredRecorded !== limits.replicas,
  );
  if (wasScaled) return "scaling";
  return deployment.spec.strategy?.type === "Recreate" ? "recreate" : "rolling";
}
