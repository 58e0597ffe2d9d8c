/**
 * Quorum mathematics, for every engine: weighted majorities, of one set of voters or of two.
 *
 * While `outgoing` is not empty the configuration is joint: every question is answered "yes" only
 * if both halves say so (Raft paper section 6). A half is satisfied by more than half of its votes,
 * never by exactly half. A configuration without voters satisfies nothing.
 *
 * Pure. The tests compare it with a naive twin; a faster version has to pass them (openraft #1802
 * lost its sort invariant and committed without a quorum).
 */
import type { Configuration, LogIndex, NodeId, Voter } from "./contract.ts";

/** `lost`: not even all the votes still out could win it. */
export type VoteOutcome = "won" | "lost" | "pending";

/**
 * The highest index that a quorum holds, given what each voter holds. O(voters^2): they are few.
 *
 * Works for any counter that only grows: log indexes, and the rounds of reads.
 */
export function committedIndex(
  configuration: Configuration,
  matchOf: (id: NodeId) => LogIndex,
): LogIndex {
  const incoming = heldByMajority(configuration.voters, matchOf);
  if (configuration.outgoing.length === 0) return incoming;
  return Math.min(incoming, heldByMajority(configuration.outgoing, matchOf));
}

function heldByMajority(voters: readonly Voter[], matchOf: (id: NodeId) => LogIndex): LogIndex {
  const matches = voters.map((voter) => matchOf(voter.id));
  const total = totalVotes(voters);
  let best = 0;
  for (const candidate of matches) {
    if (candidate <= best) continue;
    let votes = 0;
    voters.forEach((voter, at) => {
      if ((matches[at] as LogIndex) >= candidate) votes += voter.votes;
    });
    if (2 * votes > total) best = candidate;
  }
  return best;
}

/** The state of an election; `voteOf` is undefined for a voter that has not answered. */
export function tallyVotes(
  configuration: Configuration,
  voteOf: (id: NodeId) => boolean | undefined,
): VoteOutcome {
  const incoming = tallyHalf(configuration.voters, voteOf);
  if (configuration.outgoing.length === 0) return incoming;
  const outgoing = tallyHalf(configuration.outgoing, voteOf);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}

function tallyHalf(
  voters: readonly Voter[],
  voteOf: (id: NodeId) => boolean | undefined,
): VoteOutcome {
  const total = totalVotes(voters);
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = voteOf(voter.id);
    if (vote === true) granted += voter.votes;
    else if (vote === false) refused += voter.votes;
  }
  if (2 * granted > total) return "won";
  return 2 * (total - refused) > total ? "pending" : "lost";
}

/** True when the servers for which `isIn` holds are a quorum by themselves. */
export function hasQuorum(configuration: Configuration, isIn: (id: NodeId) => boolean): boolean {
  return tallyVotes(configuration, isIn) === "won";
}

function totalVotes(voters: readonly Voter[]): number {
  let total = 0;
  for (const voter of voters) total += voter.votes;
  return total;
}
