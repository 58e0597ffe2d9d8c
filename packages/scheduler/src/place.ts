/**
 * Where one pod goes: filter what cannot be, score what can, pick the best.
 *
 * Source: Kubernetes pkg/scheduler/schedule_one.go and the default weights of its plugins. Pure.
 */
import type { Random } from "@flotilla/base";
import type { Pod, Service } from "@flotilla/objects";
import type { NodeView } from "./node-view.ts";
import { filterFit, scoreLeastAllocated } from "./plugins/fit.ts";
import { filterHostPorts } from "./plugins/host-ports.ts";
import { filterNodeAffinity, weighPreferences } from "./plugins/node-affinity.ts";
import { countSiblings } from "./plugins/siblings.ts";
import { countAvoidedTaints, filterTaints, filterUnschedulable } from "./plugins/taints.ts";
import { countSpreads, filterSpreads, spreadsOf } from "./plugins/topology-spread.ts";

export interface Placement {
  readonly pod: Pod;
  readonly views: readonly NodeView[];
  /** Of the pod's namespace or of all. */
  readonly services: readonly Service[];
}

export type Filtered = {
  readonly feasible: readonly NodeView[];
  /** How many nodes are out, by reason. */
  readonly reasons: ReadonlyMap<string, number>;
};

/** Nodes on which the pod can run, and why the others are out: the first filter that says no. */
export function filterNodes({ pod, views }: Placement): Filtered {
  const spreads = spreadsOf(pod, views, "DoNotSchedule");
  const filters: readonly ((view: NodeView) => string[])[] = [
    ({ node }) => filterUnschedulable(pod, node),
    ({ node }) => filterTaints(pod, node),
    ({ node }) => filterNodeAffinity(pod, node),
    (view) => filterHostPorts(pod, view),
    (view) => filterFit(pod, view),
    ({ node }) => filterSpreads(spreads, node),
  ];
  const feasible: NodeView[] = [];
  const reasons = new Map<string, number>();
  for (const view of views) {
    const against = firstReasons(filters, view);
    if (against.length === 0) feasible.push(view);
    for (const reason of against) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return { feasible, reasons };
}

function firstReasons(
  filters: readonly ((view: NodeView) => string[])[],
  view: NodeView,
): string[] {
  for (const filter of filters) {
    const reasons = filter(view);
    if (reasons.length > 0) return reasons;
  }
  return [];
}

export interface Scored {
  readonly view: NodeView;
  /** More is better. */
  readonly score: number;
}

/** Scores feasible nodes: each aspect spans 0-100, times its weight. */
export function scoreNodes(
  { pod, views, services }: Placement,
  feasible: readonly NodeView[],
): Scored[] {
  const spreads = spreadsOf(pod, views, "ScheduleAnyway");
  const aspects: readonly { weight: number; scores: readonly number[] }[] = [
    { weight: 3, scores: fewest(feasible.map(({ node }) => countAvoidedTaints(pod, node))) },
    { weight: 2, scores: most(feasible.map(({ node }) => weighPreferences(pod, node))) },
    { weight: 2, scores: fewest(feasible.map(({ node }) => countSpreads(spreads, node))) },
    { weight: 2, scores: fewest(feasible.map((view) => countSiblings(pod, view, services))) },
    { weight: 1, scores: feasible.map((view) => scoreLeastAllocated(pod, view)) },
  ];
  return feasible.map((view, at) => ({
    view,
    score: aspects.reduce((sum, { weight, scores }) => sum + weight * (scores[at] ?? 0), 0),
  }));
}

/** Stretches counts to 0-100, so that the difference of one pod decides. */
function most(counts: readonly number[]): number[] {
  const low = Math.min(...counts);
  const span = Math.max(...counts) - low;
  return counts.map((count) => (span === 0 ? 0 : (100 * (count - low)) / span));
}

function fewest(counts: readonly number[]): number[] {
  return most(counts.map((count) => -count));
}

/** Scores closer than this are a tie. */
const tieTolerance = 0.001;

/** The best node; among equals one by chance. Undefined when there is none. */
export function pickNode(scored: readonly Scored[], random: Random): NodeView | undefined {
  const best = Math.max(...scored.map(({ score }) => score));
  const equals = scored.filter(({ score }) => score >= best - tieTolerance);
  return equals.length === 0 ? undefined : equals[random.below(equals.length)]?.view;
}

/** Kubernetes' sentence: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
export function unschedulableMessage(
  nodeCount: number,
  reasons: ReadonlyMap<string, number>,
): string {
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodeCount} nodes are available: ${counted.join(", ")}.`;
}
