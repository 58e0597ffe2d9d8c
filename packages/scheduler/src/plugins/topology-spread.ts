/**
 * Spreading pods over topology domains: hosts, racks, zones.
 *
 * Source: Kubernetes pkg/scheduler/framework/plugins/podtopologyspread. Departure: a node that is
 * unreachable or not ready is no domain, so that a dead node, with its 0 pods, does not keep the
 * replacement of what it ran from starting elsewhere. Pods that are being deleted do not count. Pure.
 */
import { type Node, type Pod, selects, type TopologySpreadConstraint } from "@flotilla/objects";
import type { NodeView } from "../node-view.ts";
import { matchesNode } from "./node-affinity.ts";

const healthTaints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const reason = "node(s) didn't match pod topology spread constraints";

/** One constraint with the pods counted per domain. */
interface Spread {
  readonly constraint: TopologySpreadConstraint;
  /** Matching pods by value of the topology key. */
  readonly counts: ReadonlyMap<string, number>;
  readonly countMin: number;
  /** 1 when the pod itself will count. */
  readonly self: number;
}

/** Counts each constraint of the pod that has the given effect. */
export function spreadsOf(
  pod: Pod,
  views: readonly NodeView[],
  effect: TopologySpreadConstraint["whenUnsatisfiable"],
): Spread[] {
  const constraints = pod.spec.topologySpreadConstraints ?? [];
  return constraints
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === effect)
    .map((constraint) => spreadOf(pod, views, constraint));
}

function spreadOf(
  pod: Pod,
  views: readonly NodeView[],
  constraint: TopologySpreadConstraint,
): Spread {
  const { topologyKey, labelSelector } = constraint;
  const counts = new Map<string, number>();
  for (const { node, pods } of views) {
    const domain = node.metadata.labels?.[topologyKey];
    if (domain === undefined || !matchesNode(pod, node) || isUnhealthy(node)) continue;
    const matching = pods.filter(
      ({ metadata }) =>
        metadata.namespace === pod.metadata.namespace &&
        metadata.deletionTimestamp === undefined &&
        selects(labelSelector, metadata.labels),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + matching.length);
  }
  return {
    constraint,
    counts,
    countMin: counts.size === 0 ? 0 : Math.min(...counts.values()),
    self: selects(labelSelector, pod.metadata.labels) ? 1 : 0,
  };
}

/** A reason when the pod on this node would make a spread more uneven than its `maxSkew`. */
export function filterSpreads(spreads: readonly Spread[], node: Node): string[] {
  for (const { constraint, counts, countMin, self } of spreads) {
    const domain = node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined) return [`${reason} (missing required label)`];
    if ((counts.get(domain) ?? 0) + self - countMin > constraint.maxSkew) return [reason];
  }
  return [];
}

/** How crowded the node's domains are already; fewer is better. */
export function countSpreads(spreads: readonly Spread[], node: Node): number {
  let total = 0;
  for (const { constraint, counts } of spreads) {
    const domain = node.metadata.labels?.[constraint.topologyKey];
    // Not in any domain: as crowded as the most crowded one.
    const crowd = domain === undefined ? Math.max(0, ...counts.values()) : counts.get(domain);
    total += crowd ?? 0;
  }
  return total;
}

function isUnhealthy({ spec }: Node): boolean {
  return spec?.taints?.some(({ key }) => healthTaints.includes(key)) ?? false;
}
