/**
 * Whether a cluster can still come to decisions without some of its servers. Naive, and on purpose
 * not the engine's own arithmetic. Pure.
 */
import type { Configuration, NodeId, Voter } from "@flotilla/consensus";

/** True when those that are not `gone` have a quorum in every half, and one with data among them. */
export function survivesWithout(configuration: Configuration, gone: ReadonlySet<NodeId>): boolean {
  const { voters, outgoing, witnesses = [], staticLeader } = configuration;
  if (voters.length === 0) return true; // A blank one says nothing.
  if (staticLeader !== undefined && gone.has(staticLeader)) return false;
  const hasData = voters.some(({ id }) => !gone.has(id) && !witnesses.includes(id));
  return hasData && isQuorate(voters, gone) && (outgoing.length === 0 || isQuorate(outgoing, gone));
}

function isQuorate(voters: readonly Voter[], gone: ReadonlySet<NodeId>): boolean {
  let alive = 0;
  let total = 0;
  for (const { id, votes } of voters) {
    total += votes;
    if (!gone.has(id)) alive += votes;
  }
  return 2 * alive > total;
}
