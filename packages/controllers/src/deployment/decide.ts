/**
 * What to do about one Deployment: the next step of its rollout, and its status.
 *
 * Source: Kubernetes pkg/controller/deployment/deployment_controller.go, syncDeployment. Pure; every
 * write wakes the Deployment again, so one step is decided at a time.
 */
import {
  controllerOf,
  type Deployment,
  deployments,
  type IntOrString,
  type Pod,
  parseTime,
  podIsAvailable,
  podIsFinished,
  podIsReady,
  type ReplicaSet,
  replicaSets,
  resolveIntOrPercent,
  type StringMap,
} from "@flotilla/objects";
import { findCondition } from "../conditions.ts";
import { type Action, type Decision, decision, type Sequence } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { podIsActive } from "../pod-state.ts";
import { sameJson } from "../same-json.ts";
import {
  byCreation,
  countOf,
  desiredReplicasAnnotation,
  findNewSet,
  maxReplicasAnnotation,
  newSetAnnotations,
  newSetOf,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from "./revision.ts";
import {
  decideNewSize,
  decideRecreateSizes,
  decideRollingSizes,
  decideScaledSizes,
  type Limits,
  type SetSize,
  type Sizes,
} from "./sizes.ts";
import {
  type Counts,
  type DeploymentStatus,
  isComplete,
  progressCheckAfterMs,
  statusOf,
} from "./status.ts";

/** ReplicaSets of one Deployment; more wait until old ones are cleaned up. */
const defaultRevisionHistoryLimit = 10;

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

/** Decides the next step for one Deployment. */
export function decideDeployment(world: DeploymentWorld): Decision {
  const { deployment, nowMs } = world;
  const view = viewOf(world);
  const path = pathOf(view);
  const plan = path === "deleting" ? nothing : planOf(view, path);
  if (plan.kind === "collision") return bumpCollisions(deployment);

  const status = statusOf({
    deployment,
    limits: view.limits,
    counts: view.counts,
    newSet: newSetNameOf(view, plan),
    isRollingOut: path === "rolling" || path === "recreate",
    replicaFailure: replicaFailureOf(world, view),
    nowMs,
  });
  const sequence: Action[] = [...plan.actions];
  if (!sameJson(deployment.status, status)) {
    const object: Deployment = { ...deployment, status };
    sequence.push({ kind: "updateStatus", resource: deployments, object });
  }
  sequence.push(...revisionPatch(deployment, plan.revision));
  const cleanUp = mayCleanUp(view, path, status, plan) ? cleanUpSets(view) : [];
  const sequences = sequence.length === 0 ? cleanUp : [sequence, ...cleanUp];
  return decision(sequences, progressCheckAfterMs(deployment, status, nowMs));
}

/** The world, sorted and counted. */
interface View {
  readonly deployment: Deployment;
  readonly takenNames: ReadonlySet<string>;
  readonly limits: Limits;
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
  readonly sizes: ReadonlyMap<ReplicaSet, SetSize>;
  readonly counts: Counts;
  readonly oldPodsRemain: boolean;
}

function viewOf(world: DeploymentWorld): View {
  const { deployment, takenNames } = world;
  const newSet = findNewSet(deployment, world.replicaSets);
  const oldSets = world.replicaSets.filter((set) => set !== newSet);
  const podsOf = (set: ReplicaSet) =>
    world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  const available = (pod: Pod) =>
    podIsAvailable(pod, deployment.spec.minReadySeconds ?? 0, world.nowMs);
  const sizes = new Map(
    world.replicaSets.map((set) => {
      const active = podsOf(set).filter(podIsActive);
      return [set, sizeOf(set, active.length, active.filter(available).length)] as const;
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
      available: active.filter(available).length,
      terminating: world.pods.filter((pod) => isBeingDeleted(pod) && !podIsFinished(pod)).length,
      wanted: world.replicaSets.reduce((total, set) => total + (set.spec.replicas ?? 1), 0),
    },
    // Recreate means that old and new never run together: a pod counts until it is gone.
    oldPodsRemain: oldSets.some((set) => podsOf(set).some((pod) => !podIsFinished(pod))),
  };
}

function sizeOf(set: ReplicaSet, active: number, available: number): SetSize {
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

type Path = "deleting" | "scaling" | "rolling" | "recreate";

function pathOf({ deployment, limits, sizes }: View): Path {
  if (isBeingDeleted(deployment)) return "deleting";
  if (deployment.spec.paused === true) return "scaling";
  const wasScaled = [...sizes.values()].some(
    ({ replicas, desiredRecorded }) =>
      replicas > 0 && desiredRecorded !== undefined && desiredRecorded !== limits.replicas,
  );
  if (wasScaled) return "scaling";
  return deployment.spec.strategy?.type === "Recreate" ? "recreate" : "rolling";
}

type Plan =
  | {
      readonly kind: "writes";
      readonly actions: readonly Action[];
      /** Of the present template, when it has a ReplicaSet. */
      readonly revision: string | undefined;
      readonly created: ReplicaSet | undefined;
    }
  /** Another object has the name that the new ReplicaSet should get. */
  | { readonly kind: "collision" };

const nothing: Plan = { kind: "writes", actions: [], revision: undefined, created: undefined };

function planOf(view: View, path: Path): Plan {
  const { newSet, oldSets, sizes } = view;
  const revision = Math.max(0, ...oldSets.map(revisionOf)) + 1;
  const isDue = path === "rolling" || (path === "recreate" && !view.oldPodsRemain);
  const oldIsGone = path === "rolling" || !oldSets.some((set) => (set.spec.replicas ?? 1) > 0);
  if (newSet === undefined && isDue && oldIsGone) return planNewSet(view, revision);

  const resized = sizesFor(view, path);
  const actions = [...sizes].flatMap(([set, size]) => {
    const annotations = set === newSet ? newSetAnnotations(view.deployment, set, revision) : {};
    return resizeActions(view, set, resized.get(size.name) ?? size.replicas, annotations);
  });
  const present = newSet && newSetAnnotations(view.deployment, newSet, revision);
  return { kind: "writes", actions, revision: present?.[revisionAnnotation], created: undefined };
}

function planNewSet(view: View, revision: number): Plan {
  const { deployment, limits, takenNames, oldSets, sizes } = view;
  const created = newSetOf(deployment, revision);
  if (takenNames.has(created.metadata.name)) return { kind: "collision" };
  const olds = oldSets.map((set) => sizes.get(set)).filter((size) => size !== undefined);
  const replicas = decideNewSize(limits, sizeOf(created, 0, 0), olds);
  const object: ReplicaSet = {
    ...created,
    metadata: {
      ...created.metadata,
      annotations: { ...created.metadata.annotations, ...sizeAnnotations(limits) },
    },
    spec: { ...created.spec, replicas },
  };
  const create: Action = { kind: "create", resource: replicaSets, object };
  const actions = replicas > 0 ? [create, scalingEvent(view, object, 0, replicas)] : [create];
  return { kind: "writes", actions, revision: String(revision), created: object };
}

function sizesFor(view: View, path: Path): Sizes {
  const { deployment, limits, newSet, oldSets, sizes } = view;
  const newSize = newSet && sizes.get(newSet);
  const olds = oldSets.map((set) => sizes.get(set)).filter((size) => size !== undefined);
  if (path === "scaling") {
    const rolling = deployment.spec.strategy?.type !== "Recreate";
    const statusReplicas = deployment.status?.replicas ?? 0;
    return decideScaledSizes(limits, newSize, olds, { rolling, statusReplicas });
  }
  if (path === "recreate") return decideRecreateSizes(limits, newSize, olds, view.oldPodsRemain);
  return newSize === undefined ? new Map() : decideRollingSizes(limits, newSize, olds);
}

function resizeActions(view: View, set: ReplicaSet, replicas: number, wanted: StringMap): Action[] {
  const before = set.spec.replicas ?? 1;
  const isNew = set === view.newSet;
  // What a set remembers of the scale is written with its size only: it tells a scaling from a rollout.
  const isSized = replicas !== before || isStaleAtSize(view, set);
  const scale = isSized ? sizeAnnotations(view.limits) : {};
  const annotations = { ...set.metadata.annotations, ...wanted, ...scale };
  const minReadySeconds = isNew
    ? (view.deployment.spec.minReadySeconds ?? 0)
    : (set.spec.minReadySeconds ?? 0);
  const object: ReplicaSet = {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas, minReadySeconds },
  };
  const isSame = sameJson(object, { ...set, spec: { ...set.spec, replicas: before } });
  if (isBeingDeleted(set) || isSame) return [];
  const update: Action = { kind: "update", resource: replicaSets, object };
  if (replicas === before) return [update];
  return [update, scalingEvent(view, set, before, replicas)];
}

/** The Deployment was scaled, and this set has the right size already: only its record is behind. */
function isStaleAtSize(view: View, set: ReplicaSet): boolean {
  const recorded = countOf(set, desiredReplicasAnnotation);
  return (
    (set.spec.replicas ?? 1) > 0 && recorded !== undefined && recorded !== view.limits.replicas
  );
}

function scalingEvent(view: View, set: ReplicaSet, from: number, to: number): Action {
  const verb = to > from ? "up" : "down";
  return {
    kind: "event",
    about: view.deployment,
    type: "Normal",
    reason: "ScalingReplicaSet",
    message: `Scaled ${verb} replica set ${set.metadata.name} from ${from} to ${to}`,
  };
}

function bumpCollisions(deployment: Deployment): Decision {
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  const object: Deployment = { ...deployment, status: { ...deployment.status, collisionCount } };
  return { sequences: [[{ kind: "updateStatus", resource: deployments, object }]] };
}

function revisionPatch(deployment: Deployment, revision: string | undefined): Action[] {
  const { namespace, name, annotations } = deployment.metadata;
  if (revision === undefined || annotations?.[revisionAnnotation] === revision) return [];
  const patch = { metadata: { annotations: { [revisionAnnotation]: revision } } };
  const target = namespace === undefined ? { name } : { namespace, name };
  return [{ kind: "patch", resource: deployments, name: target, patch }];
}

function newSetNameOf(
  view: View,
  plan: Extract<Plan, { kind: "writes" }>,
): { name: string; isCreatedNow: boolean } | undefined {
  if (plan.created !== undefined) return { name: plan.created.metadata.name, isCreatedNow: true };
  if (view.newSet === undefined) return undefined;
  return { name: view.newSet.metadata.name, isCreatedNow: false };
}

function replicaFailureOf(world: DeploymentWorld, view: View) {
  const sets = view.newSet === undefined ? view.oldSets : [view.newSet, ...view.oldSets];
  for (const set of sets) {
    const failure = findCondition(set.status?.conditions, "ReplicaFailure");
    if (failure !== undefined) return failure;
  }
  if (world.refusal === undefined) return undefined;
  return {
    type: "ReplicaFailure",
    status: "True",
    reason: "ReplicaSetCreateError",
    message: world.refusal,
  } as const;
}

function mayCleanUp(
  { deployment }: View,
  path: Path,
  status: DeploymentStatus,
  plan: Extract<Plan, { kind: "writes" }>,
): boolean {
  if (path === "deleting" || plan.actions.length > 0) return false;
  return path === "scaling" ? deployment.spec.paused === true : isComplete(deployment, status);
}

/** Old sets beyond the limit, oldest revision first; never one that has or should have pods. */
function cleanUpSets({ deployment, oldSets, sizes }: View): Sequence[] {
  const limit = deployment.spec.revisionHistoryLimit ?? defaultRevisionHistoryLimit;
  const alive = oldSets.filter((set) => !isBeingDeleted(set));
  const excess = alive
    .toSorted((left, right) => revisionOf(left) - revisionOf(right) || byCreation(left, right))
    .slice(0, Math.max(0, alive.length - limit));
  return excess
    .filter((set) => set.spec.replicas === 0 && sizes.get(set)?.active === 0)
    .map((object) => [{ kind: "delete", resource: replicaSets, object }]);
}
