/** Taints and cordons: where a pod may not or would rather not be. Pure. */
import { type Node, type Pod, type Taint, tolerates } from "@flotilla/objects";

const unschedulable: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** A cordoned node takes no new pods, except those that tolerate that. */
export function filterUnschedulable(pod: Pod, { spec }: Node): string[] {
  if (spec?.unschedulable !== true || tolerates(unschedulable, pod.spec.tolerations)) return [];
  return ["node(s) were unschedulable"];
}

/** The first taint that keeps the pod away. */
export function filterTaints(pod: Pod, { spec }: Node): string[] {
  const taint = spec?.taints?.find(
    (each) => each.effect !== "PreferNoSchedule" && !tolerates(each, pod.spec.tolerations),
  );
  if (taint === undefined) return [];
  return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
}

/** How many taints ask the pod to go elsewhere if it can; fewer is better. */
export function countAvoidedTaints(pod: Pod, { spec }: Node): number {
  const avoided = spec?.taints?.filter(
    (taint) => taint.effect === "PreferNoSchedule" && !tolerates(taint, pod.spec.tolerations),
  );
  return avoided?.length ?? 0;
}
