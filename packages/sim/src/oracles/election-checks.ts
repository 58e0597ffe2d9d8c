/** Election Safety and Leader Completeness (Raft paper, figure 3), and by whom a leader was made. Pure. */
import type { Configuration, LogIndex, NodeId, Term } from "@flotilla/consensus";
import type { ClusterHistory } from "./cluster-history.ts";
import { isQuorum } from "./naive-quorum.ts";
import type { ServerRecord } from "./server-record.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** Terms of which votes are remembered: elections in older ones are over. */
export const voteTermsMax = 256;

/** Every vote that was ever durable and may be counted, for the last terms. */
export class VoteRegistry {
  /** By term and voter: its candidates; more than one only from a disk that has forgotten. */
  readonly #terms: Map<Term, Map<NodeId, NodeId[]>> = new Map();

  /** The first vote that `id` gave in `term`. */
  voteOf(id: NodeId, term: Term): NodeId | undefined {
    return this.#terms.get(term)?.get(id)?.[0];
  }

  hasVoted(id: NodeId, term: Term, candidate: NodeId): boolean {
    return this.#terms.get(term)?.get(id)?.includes(candidate) ?? false;
  }

  note(id: NodeId, term: Term, candidate: NodeId): void {
    let votes = this.#terms.get(term);
    if (votes === undefined) {
      votes = new Map();
      this.#terms.set(term, votes);
      if (this.#terms.size > voteTermsMax) this.#terms.delete(Math.min(...this.#terms.keys()));
    }
    const candidates = votes.get(id);
    if (candidates === undefined) votes.set(id, [candidate]);
    else if (!candidates.includes(candidate)) candidates.push(candidate);
  }
}

/** Judges a server that leads since this event. */
export function checkNewLeader(
  history: ClusterHistory,
  votes: VoteRegistry,
  record: ServerRecord,
): Violation | undefined {
  const { view, id } = record;
  const { term } = view;
  const other = history.leaders.get(term);
  if (other !== undefined) {
    return violation("electionSafety", `${id} leads term ${term}, which ${other} has led`);
  }
  history.leaders.set(term, id);
  return (
    checkMandate(votes, record) ??
    checkCompleteness(history, record) ??
    (view.durable.supersededBy > 0
      ? violation(
          "oldEpoch",
          `${id} leads term ${term} though epoch ${view.durable.supersededBy} left it behind`,
        )
      : undefined)
  );
}

/** A quorum's votes are on disk, its own if needed, and the leader is one that may lead. */
function checkMandate(votes: VoteRegistry, record: ServerRecord): Violation | undefined {
  const { id, view } = record;
  const { term } = view;
  const voted = (voter: NodeId): boolean => votes.hasVoted(voter, term, id);
  const candidates = [record.previous, record.configuration].filter(
    (configuration): configuration is Configuration => configuration !== undefined,
  );
  if (!candidates.some((configuration) => isQuorum(configuration, voted))) {
    const { voters, outgoing } = record.configuration ?? { voters: [], outgoing: [] };
    const of = [...voters, ...outgoing].map((voter) => `${voter.id}=${voter.votes}`).join(" ");
    const granted = [...voters, ...outgoing].filter((voter) => voted(voter.id));
    return violation(
      "electedOnQuorum",
      `${id} leads term ${term} by the durable votes of ${granted.map((voter) => voter.id).join(" ") || "nobody"}, out of ${of}`,
    );
  }
  if (![...candidates, ...notBuried(record)].some((configuration) => mayLead(configuration, id))) {
    return violation("electedOnQuorum", `${id} leads term ${term} and is no voter with data`);
  }
  return undefined;
}

/**
 * All that its log has since what it knows to be committed. Whoever alone holds the entry that takes
 * it out has to lead once more, or nobody could (trap T3).
 */
function notBuried({ configurations, view }: ServerRecord): readonly Configuration[] {
  const end = Number.POSITIVE_INFINITY;
  return configurations
    .filter((_, at) => (configurations[at + 1]?.index ?? end) > view.commitIndex)
    .map(({ configuration }) => configuration);
}

function mayLead({ voters, outgoing, witnesses }: Configuration, id: NodeId): boolean {
  const isVoter = [...voters, ...outgoing].some((voter) => voter.id === id);
  return isVoter && !(witnesses ?? []).includes(id);
}

/** All that was committed in earlier terms is in its log. A stale leader need not have what came after. */
function checkCompleteness(history: ClusterHistory, record: ServerRecord): Violation | undefined {
  const { id, log, view } = record;
  const index = history.lastCommittedBefore(view.term);
  if (index < log.baseIndex) return undefined;
  const term = log.termAt(index);
  if (term === history.termAt(index)) return undefined;
  return violation(
    "leaderCompleteness",
    `${id} leads term ${view.term} with ${term === undefined ? "nothing" : `(${index}, ${term})`} where (${index}, ${history.termAt(index)}) is committed; its log ends at ${log.lastIndex}`,
  );
}

/**
 * T16: a leader that was voted out, and knows it, hands over or steps down; it takes no proposals.
 * Called before the event's commits are noted, with the first index that changed.
 */
export function checkRetired(record: ServerRecord, first: LogIndex): Violation | undefined {
  const { id, view, log, commitIndex } = record;
  const inForce = record.configurations.at(-1);
  if (view.role !== "leader" || record.role !== "leader" || inForce === undefined) return undefined;
  if (inForce.index > commitIndex || mayLead(inForce.configuration, id)) return undefined;
  for (let index = first; index <= log.lastIndex; index++) {
    if (log.entryAt(index)?.kind !== "command") continue;
    return violation(
      "removedLeads",
      `${id} takes a proposal in at ${index}, and was voted out at ${inForce.index}, which is committed`,
    );
  }
  return undefined;
}

/** Within one start: the vote of a term stays, and a leader leads to the end of its term or steps down. */
export function checkVolatileVote(record: ServerRecord, view: ServerView): Violation | undefined {
  if (view.term !== record.term || record.vote === "" || view.vote === record.vote)
    return undefined;
  return violation(
    "oneVotePerTerm",
    `${view.id} votes for ${view.vote || "nobody"} in term ${view.term}, in which it had voted for ${record.vote}`,
  );
}
