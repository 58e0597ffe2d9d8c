/**
 * The ReplicaSet of a Deployment's template, and the annotations that carry its history.
 *
 * Source: Kubernetes pkg/controller/deployment/util/deployment_util.go; `kubectl rollout history` and
 * `undo` read these annotations. Pure.
 */
import {
  type Deployment,
  deployments,
  type Json,
  type PodTemplateSpec,
  type ReplicaSet,
  type StringMap,
  stableHash,
} from "@flotilla/objects";
import { controllerReference } from "../ownership.ts";
import { sameJson } from "../same-json.ts";
import type { Limits } from "./sizes.ts";

/** Label of a ReplicaSet, its selector and its pods: which template they are of. */
export const templateHashLabel = "pod-template-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";

/** Longest revision history of one ReplicaSet; the oldest numbers go first. */
export const revisionHistoryLengthMax = 2_000;

/** Annotations of a Deployment that its ReplicaSets do not get. */
const notCopied: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
]);

/** The set with the Deployment's present template, the oldest if there are several. */
export function findNewSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const template = withoutHash(deployment.spec.template);
  const same = replicaSets.filter((set) => sameJson(withoutHash(set.spec.template), template));
  return same.toSorted(byCreation)[0];
}

/** Older first; then by name. */
export function byCreation(left: ReplicaSet, right: ReplicaSet): number {
  const [before, after] = [left, right].map(
    ({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`,
  ) as [string, string];
  return before < after ? -1 : before > after ? 1 : 0;
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [templateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The ReplicaSet to create for the present template, without pods. */
export function newSetOf(deployment: Deployment, revision: number): ReplicaSet {
  const { spec, metadata, status } = deployment;
  // The count of collisions makes another hash of the same template.
  const hash = stableHash({
    template: spec.template as unknown as Json,
    collisions: status?.collisionCount ?? 0,
  });
  const labels = { ...spec.template.metadata?.labels, [templateHashLabel]: hash };
  const matchLabels = { ...spec.selector.matchLabels, [templateHashLabel]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: { ...copied(deployment), [revisionAnnotation]: String(revision) },
      ownerReferences: [controllerReference(deployments, deployment)],
    },
    spec: {
      replicas: 0,
      minReadySeconds: spec.minReadySeconds ?? 0,
      selector: { ...spec.selector, matchLabels },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

/** The annotations that the set of the present template should have. */
export function newSetAnnotations(
  deployment: Deployment,
  newSet: ReplicaSet,
  revision: number,
): StringMap {
  const before = newSet.metadata.annotations ?? {};
  const annotations = { ...before, ...copied(deployment) };
  const current = before[revisionAnnotation];
  if (current !== undefined && Number(current) >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  // It was used before: a rollback. Its earlier numbers are kept.
  if (current !== undefined) {
    annotations[revisionHistoryAnnotation] = historyWith(
      before[revisionHistoryAnnotation],
      current,
    );
  }
  return annotations;
}

function historyWith(history: string | undefined, revision: string): string {
  const revisions = history ? [...history.split(","), revision] : [revision];
  while (revisions.length > 1 && revisions.join(",").length > revisionHistoryLengthMax) {
    revisions.shift();
  }
  return revisions.join(",");
}

function copied(deployment: Deployment): StringMap {
  const annotations = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(annotations.filter(([name]) => !notCopied.has(name)));
}

/** What a set remembers of the scale at which it was sized. */
export function sizeAnnotations(limits: Limits): StringMap {
  return {
    [desiredReplicasAnnotation]: String(limits.replicas),
    [maxReplicasAnnotation]: String(limits.replicas + limits.maxSurge),
  };
}

/** A set's revision; 0 when it has none, or not a number. */
export function revisionOf(set: ReplicaSet): number {
  return countOf(set, revisionAnnotation) ?? 0;
}

/** A whole number >= 0 in an annotation: people can write anything there. */
export function countOf(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
