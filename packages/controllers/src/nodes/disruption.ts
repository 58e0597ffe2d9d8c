/**
 * The brake: when too many nodes look dead at once, it is more likely that the leader is cut off (or a
 * switch is broken) than that they all died, and evicting their pods would only make it worse.
 *
 * Source: Kubernetes pkg/controller/nodelifecycle, zone disruption modes. The rule here:
 * - no healthy node is left: nothing is evicted; there is nowhere to go anyway;
 * - more than two nodes, and at least 55 % of all, are unhealthy: nothing is evicted;
 * - otherwise evictions run. So in a cluster of three one death heals, and so does a second one.
 * Taints, alerts and the withdrawal of endpoints are never held back. Pure.
 */

/** Share of unhealthy nodes from which evictions stop. */
export const unhealthyShareMax = 0.55;
/** Up to this number of unhealthy nodes the share does not matter. */
export const unhealthyCountFree = 2;

export type Disruption = "none" | "partial" | "full";

/** How much of the cluster is unhealthy. */
export function disruptionOf(counts: { healthy: number; unhealthy: number }): Disruption {
  const { healthy, unhealthy } = counts;
  if (unhealthy === 0) return "none";
  if (healthy === 0) return "full";
  const share = unhealthy / (healthy + unhealthy);
  return unhealthy > unhealthyCountFree && share >= unhealthyShareMax ? "partial" : "none";
}
