/**
 * What a configuration can lose: for operators, who want to know before they change it.
 *
 * A cluster works while a quorum of votes is alive, and among its voters one that can lead. Pure.
 */
import { configurationServers, isElectable } from "./configuration.ts";
import type { Configuration, NodeId, Voter } from "./contract.ts";
import { hasQuorum } from "./quorum.ts";

/** All votes of the configuration; of a joint one, of its new half. */
export function totalVotes(configuration: Configuration): number {
  return sumOf(configuration.voters);
}

/** Votes that make a majority of {@link totalVotes}. */
export function quorumVotes(configuration: Configuration): number {
  return Math.floor(totalVotes(configuration) / 2) + 1;
}

/** True when the servers for which `isAlive` holds can elect one of them, and commit. */
export function suffices(configuration: Configuration, isAlive: (id: NodeId) => boolean): boolean {
  const canLead = (id: NodeId): boolean => isAlive(id) && isElectable(configuration, id);
  return (
    hasQuorum(configuration, isAlive) && [...configurationServers(configuration)].some(canLead)
  );
}

/**
 * How many servers may fail, whichever they are, so that the rest suffices; -1 when not even all of
 * them do. The worst case is that of the heaviest voters, or that of all who can lead.
 */
export function tolerance(configuration: Configuration): number {
  const { voters, outgoing } = configuration;
  const leaders = [...configurationServers(configuration)].filter((id) =>
    isElectable(configuration, id),
  );
  const halves = outgoing.length === 0 ? [voters] : [voters, outgoing];
  return Math.min(leaders.length - 1, ...halves.map(toleranceOfHalf));
}

function toleranceOfHalf(voters: readonly Voter[]): number {
  const total = sumOf(voters);
  let left = total;
  let failed = -1;
  for (const { votes } of [...voters].sort((one, other) => other.votes - one.votes)) {
    if (2 * left <= total) break;
    left -= votes;
    failed++;
  }
  return failed;
}

function sumOf(voters: readonly Voter[]): number {
  return voters.reduce((sum, { votes }) => sum + votes, 0);
}
