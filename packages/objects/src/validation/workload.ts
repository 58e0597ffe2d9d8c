/** Deployments and replica sets. Source: kubernetes pkg/apis/apps/validation. Pure. */
import { resolveIntOrPercent } from "../int-or-percent.ts";
import { selects } from "../selectors/label-selector.ts";
import type { Deployment, Json, LabelSelector, PodTemplateSpec, ReplicaSet } from "../types.ts";
import { type FieldCause, forbidden, invalid, notSupported, required } from "./field-cause.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { immutable, validateLabels } from "./metadata.ts";
import { nonNegative, validateShare } from "./numbers.ts";
import { validatePodSpec } from "./pod.ts";

interface Workload {
  readonly replicas?: number;
  readonly minReadySeconds?: number;
  readonly selector?: LabelSelector;
  readonly template?: PodTemplateSpec;
}

function validateWorkload(spec: Workload): FieldCause[] {
  return [
    ...nonNegative("spec.replicas", spec.replicas),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateSelector(spec.selector),
    ...validateTemplate(spec),
  ];
}

function validateSelector(selector: LabelSelector | undefined): FieldCause[] {
  const field = "spec.selector";
  if (selector === undefined) return [required(field)];
  const causes = validateLabelSelector(selector, field);
  if (causes.length > 0) {
    return [...causes, invalid(field, selector as unknown as Json, "invalid label selector")];
  }
  const labels = Object.keys(selector.matchLabels ?? {}).length;
  if (labels + (selector.matchExpressions?.length ?? 0) > 0) return [];
  return [invalid(field, {}, "empty selector is invalid for deployment")];
}

function validateTemplate({ selector, template }: Workload): FieldCause[] {
  const field = "spec.template";
  const causes: FieldCause[] = [];
  const labels = template?.metadata?.labels;
  const isValid = selector === undefined || validateLabelSelector(selector, "").length === 0;
  if (isValid && !selects(selector, labels)) {
    const detail = "`selector` does not match template `labels`";
    causes.push(invalid(`${field}.metadata.labels`, labels, detail));
  }
  if (template === undefined) return [...causes, required(`${field}.spec.containers`)];
  causes.push(...validateLabels(labels, `${field}.metadata.labels`));
  causes.push(...validatePodSpec(template.spec, `${field}.spec`));
  const { restartPolicy = "Always", activeDeadlineSeconds } = template.spec;
  // What ends is replaced, so an end of its own makes no sense.
  if (restartPolicy !== "Always") {
    causes.push(notSupported(`${field}.spec.restartPolicy`, restartPolicy, ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
    causes.push(forbidden(`${field}.spec.activeDeadlineSeconds`, detail));
  }
  return causes;
}

/** A deployment, new or changed. */
export function validateDeployment(deployment: Deployment, old?: Deployment): FieldCause[] {
  const { spec } = deployment;
  return [
    ...validateWorkload(spec),
    ...validateStrategy(spec.strategy ?? {}, spec.replicas ?? 0),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...validateDeadline(spec),
    ...(old === undefined ? [] : immutableSelector(spec, old.spec)),
    ...validateDeploymentStatus(deployment.status ?? {}),
  ];
}

function validateStrategy(
  { type, rollingUpdate }: NonNullable<Deployment["spec"]["strategy"]>,
  replicas: number,
): FieldCause[] {
  const field = "spec.strategy.rollingUpdate";
  if (type === "Recreate") {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate === undefined ? [] : [forbidden(field, detail)];
  }
  if (rollingUpdate === undefined) return [];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const causes = [
    ...validateShare(`${field}.maxUnavailable`, maxUnavailable, true),
    ...validateShare(`${field}.maxSurge`, maxSurge, false),
  ];
  const isNone = (value: string | number | undefined): boolean =>
    value !== undefined && resolveIntOrPercent(value, 100, "up") === 0;
  if (causes.length === 0 && isNone(maxUnavailable) && isNone(maxSurge) && replicas >= 0) {
    const detail = "may not be 0 when `maxSurge` is 0";
    causes.push(invalid(`${field}.maxUnavailable`, maxUnavailable, detail));
  }
  return causes;
}

function validateDeadline(spec: Deployment["spec"]): FieldCause[] {
  const field = "spec.progressDeadlineSeconds";
  const { progressDeadlineSeconds, minReadySeconds = 0 } = spec;
  const causes = nonNegative(field, progressDeadlineSeconds);
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    const detail = "must be greater than minReadySeconds";
    causes.push(invalid(field, progressDeadlineSeconds, detail));
  }
  return causes;
}

function immutableSelector(spec: Workload, old: Workload): FieldCause[] {
  const [now, before] = [spec.selector, old.selector] as unknown as [Json, Json];
  return immutable("spec.selector", now, before);
}

/** A replica set, new or changed. */
export function validateReplicaSet(replicaSet: ReplicaSet, old?: ReplicaSet): FieldCause[] {
  return [
    ...validateWorkload(replicaSet.spec),
    ...(old === undefined ? [] : immutableSelector(replicaSet.spec, old.spec)),
    ...validateReplicaSetStatus(replicaSet.status ?? { replicas: 0 }),
  ];
}

type Counts = Readonly<Record<string, number | undefined>>;

function validateDeploymentStatus(status: NonNullable<Deployment["status"]>): FieldCause[] {
  const names = ["updatedReplicas", "readyReplicas", "availableReplicas"];
  return validateCounts(status as unknown as Counts, names);
}

function validateReplicaSetStatus(status: NonNullable<ReplicaSet["status"]>): FieldCause[] {
  const names = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
  return validateCounts(status as unknown as Counts, names);
}

/** No part is more than the whole, and what is available is ready. */
function validateCounts(status: Counts, names: readonly string[]): FieldCause[] {
  const count = (name: string): number => status[name] ?? 0;
  const causes = ["replicas", ...names, "observedGeneration"].flatMap((name) =>
    nonNegative(`status.${name}`, status[name]),
  );
  for (const name of names) {
    if (count(name) > count("replicas")) {
      causes.push(invalid(`status.${name}`, count(name), "cannot be greater than status.replicas"));
    }
  }
  if (count("availableReplicas") > count("readyReplicas")) {
    const detail = "cannot be greater than readyReplicas";
    causes.push(invalid("status.availableReplicas", count("availableReplicas"), detail));
  }
  return causes;
}
