/**
 * Whether a change of the voters leaves a cluster that works: etcd's `--strict-reconfig-check`, with
 * votes in place of heads. Pure.
 *
 * Source: etcd server/etcdserver/server.go (mayAddMember, mayRemoveMember, mayPromoteMember) and
 * api/membership/cluster.go (IsReadyTo...). Their rules for the single steps are one rule here, about
 * what comes out. Where etcd would refuse a learner while a voter is down it is let in: it has no vote.
 */
import type { Configuration, ConfigurationChange, NodeId } from "./types.ts";

/** Votes by member; only those who vote. */
export type Electorate = ReadonlyMap<NodeId, number>;

/** What is known about members besides their votes. */
export interface Presence {
  /** It has told its name, or answers. */
  isStarted(id: NodeId): boolean;
  /** It has answered the leader lately, or is the leader. */
  isActive(id: NodeId): boolean;
  /** It holds data, so that it can lead. */
  hasData(id: NodeId): boolean;
}

/**
 * - `notEnoughStarted`: members that were never started would be needed for a quorum.
 * - `unhealthy`: members that do not answer would be needed, be it only because the others are witnesses.
 */
export type QuorumVerdict = "safe" | "notEnoughStarted" | "unhealthy";

/** Judges the change from `now` to `after`. */
export function judgeQuorum(now: Electorate, after: Electorate, members: Presence): QuorumVerdict {
  if (sameVotes(now, after)) return "safe";
  // A single member cannot be made two otherwise: the second one starts after it was added.
  const isSecond = now.size === 1 && after.size === 2 && includesAll(after, now);
  if (isSecond) return "safe";
  if (!isMajority(after, (id) => members.isStarted(id))) return "notEnoughStarted";
  const canLead = [...after.keys()].some((id) => members.isActive(id) && members.hasData(id));
  return canLead && isMajority(after, (id) => members.isActive(id)) ? "safe" : "unhealthy";
}

/** Who votes in one half of a configuration. */
export function votesOf(voters: Configuration["voters"]): Electorate {
  return new Map(voters.map(({ id, votes }) => [id, votes]));
}

/** Who would vote after `changes`. What the engine refuses anyway changes nothing here. */
export function electorateAfter(
  configuration: Configuration,
  changes: readonly ConfigurationChange[],
): Electorate {
  const after = new Map(votesOf(configuration.voters));
  for (const change of changes) {
    if (change.kind === "add" || change.kind === "promote") {
      if (change.votes > 0) after.set(change.id, change.votes);
    } else if (change.kind === "votes") {
      if (after.has(change.id)) after.set(change.id, change.votes);
    } else if (change.kind === "remove" || change.kind === "demote") {
      after.delete(change.id);
    }
  }
  return after;
}

/** True when the same members have the same votes. */
export function sameVotes(left: Electorate, right: Electorate): boolean {
  return left.size === right.size && [...left].every(([id, votes]) => right.get(id) === votes);
}

function includesAll(whole: Electorate, part: Electorate): boolean {
  return [...part.keys()].every((id) => whole.has(id));
}

/** True when those for which `isIn` holds have more than half of the votes. */
export function isMajority(electorate: Electorate, isIn: (id: NodeId) => boolean): boolean {
  let total = 0;
  let votesIn = 0;
  for (const [id, votes] of electorate) {
    total += votes;
    if (isIn(id)) votesIn += votes;
  }
  return 2 * votesIn > total;
}
