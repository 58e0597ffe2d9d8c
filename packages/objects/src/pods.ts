/** What several parts ask about a pod or an owner. Source: kubernetes pkg/api/v1/pod. Pure. */
import { parseTime } from "./time.ts";
import type { Condition, KubeObject, OwnerReference, Pod } from "./types.ts";

/** The condition of a type, if the object has it. */
export function conditionOf(
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** True when the pod says it can serve: condition Ready is True. */
export function podIsReady(pod: Pod): boolean {
  return conditionOf(pod, "Ready")?.status === "True";
}

/** True when the pod has been ready for at least `minReadySeconds`. */
export function podIsAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = conditionOf(pod, "Ready");
  if (ready?.status !== "True") return false;
  if (minReadySeconds === 0) return true;
  const since = parseTime(ready.lastTransitionTime);
  return since !== undefined && since + minReadySeconds * 1000 <= nowMs;
}

/** True when nothing of the pod will run again: it succeeded or failed. */
export function podIsFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** The owner that manages the object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
