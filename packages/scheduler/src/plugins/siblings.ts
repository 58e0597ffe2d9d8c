/**
 * The default spread: pods that do the same work go to different nodes, without being told.
 *
 * Siblings have the same controller; pods without one are siblings when the same Service selects
 * them. Source: Kubernetes' default constraints of PodTopologySpread, for host names. Pure.
 */
import { controllerOf, type Pod, type Service, type StringMap } from "@flotilla/objects";
import type { NodeView } from "../node-view.ts";

/** How many siblings of `pod` the node has; fewer is better. */
export function countSiblings(pod: Pod, view: NodeView, services: readonly Service[]): number {
  return view.pods.filter((other) => areSiblings(pod, other, services)).length;
}

function areSiblings(pod: Pod, other: Pod, services: readonly Service[]): boolean {
  if (pod.metadata.namespace !== other.metadata.namespace) return false;
  if (other.metadata.deletionTimestamp !== undefined) return false;
  const controller = controllerOf(pod);
  if (controller !== undefined) return controllerOf(other)?.uid === controller.uid;
  return services.some(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace &&
      selectedBy(spec.selector, pod) &&
      selectedBy(spec.selector, other),
  );
}

function selectedBy(selector: StringMap | undefined, { metadata }: Pod): boolean {
  const entries = Object.entries(selector ?? {});
  return entries.length > 0 && entries.every(([name, value]) => metadata.labels?.[name] === value);
}
