/**
 * Quorums, counted in the plainest way. Shares no code with the engine's quorum module: it is what
 * that one is judged by. Pure.
 */
import type { Configuration, NodeId, Voter } from "@flotilla/consensus";

/** Servers up to which every subset is tried: 1,024 of them. */
export const subsetServersMax = 10;

/** True when `id` has a place in either half, with votes or without. */
export function isNamed({ voters, outgoing, learners }: Configuration, id: NodeId): boolean {
  const isIt = (voter: Voter): boolean => voter.id === id;
  return voters.some(isIt) || outgoing.some(isIt) || learners.includes(id);
}

/** True when the servers for which `isIn` holds have more than half of the votes of each half. */
export function isQuorum(configuration: Configuration, isIn: (id: NodeId) => boolean): boolean {
  if (configuration.voters.length === 0) return false;
  if (!hasMajority(configuration.voters, isIn)) return false;
  return configuration.outgoing.length === 0 || hasMajority(configuration.outgoing, isIn);
}

function hasMajority(voters: readonly Voter[], isIn: (id: NodeId) => boolean): boolean {
  let all = 0;
  let yes = 0;
  for (const { id, votes } of voters) {
    all += votes;
    if (isIn(id)) yes += votes;
  }
  return yes > all - yes;
}

/**
 * A quorum of `first` without any server in common with one of `second`; undefined when there is
 * none, or when there are more than {@link subsetServersMax} servers to choose from.
 */
export function disjointQuorum(
  first: Configuration,
  second: Configuration,
): readonly NodeId[] | undefined {
  const servers = votersOf(first, second);
  if (servers.length > subsetServersMax) return undefined;
  for (let subset = 0; subset < 1 << servers.length; subset++) {
    const isIn = (id: NodeId): boolean => (subset & (1 << servers.indexOf(id))) !== 0;
    if (isQuorum(first, isIn) && isQuorum(second, (id) => !isIn(id))) {
      return servers.filter(isIn);
    }
  }
  return undefined;
}

function votersOf(...configurations: readonly Configuration[]): readonly NodeId[] {
  const ids = new Set<NodeId>();
  for (const { voters, outgoing } of configurations) {
    for (const { id } of voters) ids.add(id);
    for (const { id } of outgoing) ids.add(id);
  }
  return [...ids];
}
