/**
 * What to do about one Deployment: the next step of its rollout, and its status.
 *
 * Source: Kubernetes pkg/controller/deployment/deployment_controller.go, syncDeployment. Pure; every
 * write wakes the Deployment again, so one step is decided at a time.
 */
import {
  type Deployment,
  deployments,
  type ReplicaSet,
  replicaSets,
  type StringMap,
} from "@flotilla/objects";
import { findCondition } from "../conditions.ts";
import { type Action, type Decision, decision, type Sequence } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { sameJson, sameStatus } from "../same-json.ts";
import {
  byCreation,
  countOf,
  desiredReplicasAnnotation,
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
  type Sizes,
} from "./sizes.ts";
import { type DeploymentStatus, isComplete, progressCheckAfterMs, statusOf } from "./status.ts";
import { type DeploymentWorld, type Path, pathOf, sizeOf, type View, viewOf } from "./view.ts";

/** Old ReplicaSets that are kept when the spec does not say how many. */
const defaultRevisionHistoryLimit = 10;
const createErrorReason = "ReplicaSetCreateError";

/** Decides the next step for one Deployment. */
export function decideDeployment(world: DeploymentWorld): Decision {
  const { deployment, nowMs } = world;
  const view = viewOf(world);
  const path = pathOf(view);
  const plan = path === "deleting" ? nothing : planOf(view, path);
  if (plan.kind === "collision") return bumpCollisions(deployment);

  // Why the set could not be created the last time; it may succeed now.
  const refusal = plan.created === undefined ? undefined : world.refusal;
  const status = statusOf({
    deployment,
    limits: view.limits,
    counts: view.counts,
    newSet: refusal === undefined ? newSetNameOf(view, plan) : undefined,
    isRollingOut: path === "rolling" || path === "recreate",
    replicaFailure: replicaFailureOf(view, refusal),
    nowMs,
  });
  const write = statusWrite(deployment, status, refusal);
  const patch = revisionPatch(deployment, plan.revision);
  // A refused creation ends its sequence: what tells of it must not wait behind it.
  const steps: Sequence[] =
    refusal === undefined
      ? [[...plan.actions, ...write, ...patch]]
      : [write, [...plan.actions, ...patch]];
  const cleanUp = mayCleanUp(view, path, status, plan) ? cleanUpSets(view) : [];
  const sequences = [...steps, ...cleanUp].filter((sequence) => sequence.length > 0);
  return decision(sequences, progressCheckAfterMs(deployment, status, nowMs));
}

function statusWrite(
  deployment: Deployment,
  status: DeploymentStatus,
  refusal: string | undefined,
): Action[] {
  if (sameStatus(deployment.status, status)) return [];
  const object: Deployment = { ...deployment, status };
  const write: Action = { kind: "updateStatus", resource: deployments, object };
  if (refusal === undefined) return [write];
  const message = `Failed to create new replica set: ${refusal}`;
  const reason = createErrorReason;
  return [write, { kind: "event", about: deployment, type: "Warning", reason, message }];
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
  // Left out by the API when it is 0.
  const readySecondsBefore = set.spec.minReadySeconds ?? 0;
  const minReadySeconds = isNew ? (view.deployment.spec.minReadySeconds ?? 0) : readySecondsBefore;
  const object: ReplicaSet = {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas, minReadySeconds },
  };
  const present = { ...set.spec, replicas: before, minReadySeconds: readySecondsBefore };
  const isSame = sameJson(object, { ...set, spec: present });
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

function replicaFailureOf(view: View, refusal: string | undefined) {
  const sets = view.newSet === undefined ? view.oldSets : [view.newSet, ...view.oldSets];
  for (const set of sets) {
    const failure = findCondition(set.status?.conditions, "ReplicaFailure");
    if (failure !== undefined) return failure;
  }
  if (refusal === undefined) return undefined;
  return {
    type: "ReplicaFailure",
    status: "True",
    reason: createErrorReason,
    message: refusal,
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
