/** Enough room: requests against what is allocatable, and the number of pods. Pure. */
import type { Pod } from "@flotilla/objects";
import type { NodeView } from "../node-view.ts";
import { assumedOf, requestsOf } from "../resources.ts";

/** Sums of fractions are not exact: half a milli-unit is no shortage. */
const tolerance = 0.0005;

/** Everything that is short on the node, in Kubernetes' words. */
export function filterFit(pod: Pod, view: NodeView): string[] {
  const reasons: string[] = [];
  if (view.pods.length + 1 > (view.allocatable.get("pods") ?? 0)) reasons.push("Too many pods");
  for (const [name, amount] of requestsOf(pod)) {
    const free = (view.allocatable.get(name) ?? 0) - (view.requested.get(name) ?? 0);
    if (amount > 0 && amount > free + tolerance) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

/** 0-100: the share of cpu and memory that would be left. */
export function scoreLeastAllocated(pod: Pod, view: NodeView): number {
  const shares = [...assumedOf(requestsOf(pod))].map(([name, amount]) => {
    const allocatable = view.allocatable.get(name) ?? 0;
    if (allocatable <= 0) return 0;
    const used = (view.assumed.get(name) ?? 0) + amount;
    return Math.max(0, (allocatable - used) / allocatable);
  });
  return (100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length;
}
