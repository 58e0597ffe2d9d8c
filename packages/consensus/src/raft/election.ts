/**
 * Elections: pre-vote, vote, and who may have which.
 *
 * Source: Raft paper section 5.2 and 5.4.1; thesis section 9.6 (pre-vote), 4.2.3 (leader
 * stickiness), 3.10 (transfer).
 *
 * A departure from etcd/raft: requests for votes leave only once the candidate's own log and vote
 * are durable. Otherwise a candidate could crash, forget entries that its request had boasted of,
 * campaign in the same term again, and count the votes given to its longer log.
 */
import { isDataVoter } from "../configuration.ts";
import type { NodeId } from "../contract.ts";
import { tallyVotes } from "../quorum.ts";
import type { DurableVote } from "./persistence.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import { envelope, type MessageOf, type Server } from "./server.ts";

/** Time passes on a server that does not lead. */
export function tickElection(server: Server): void {
  server.electionElapsed++;
  if (server.electionElapsed < server.electionTimeoutTicks) return;
  // A server may be the only voter by a log whose leader does not know that yet, and reads on.
  if (server.isPromotable && !server.owesLease) campaignSoftly(server);
  else {
    if (server.leader !== "") becomeFollower(server, server.term, ""); // It is gone.
    probeStaticLeader(server);
  }
}

/** Asks the voters whether they would vote for this server. */
function campaignSoftly(server: Server): void {
  becomePreCandidate(server);
  server.votes.set(server.id, true); // A pre-vote promises nothing, so nothing has to be durable.
  if (!concludePreVote(server)) requestPreVotes(server, otherVoters(server));
}

/**
 * The only server that may lead may be unable to: it has lost entries, or lacks those by which it may.
 * Somebody else has to find that out, and stand in: whom it would vote for, or who has to deny it.
 */
function probeStaticLeader(server: Server): void {
  const { configuration, exile, id } = server;
  const { staticLeader } = configuration;
  if (staticLeader === undefined || exile !== undefined || !isDataVoter(configuration, id)) return;
  server.resetElectionTimer();
  requestPreVotes(server, staticLeader === id ? otherVoters(server) : new Set([staticLeader]));
}

function requestPreVotes(server: Server, voters: ReadonlySet<NodeId>): void {
  const { lastIndex, lastTerm } = server.log;
  for (const to of voters) {
    const head = { ...envelope(server, to), term: server.term + 1 };
    server.outbox.send({ kind: "preVoteRequest", ...head, lastIndex, lastTerm });
  }
}

/** Asks the voters for their votes in a new term. */
function campaign(server: Server, transfer: boolean): void {
  becomeCandidate(server);
  const { lastIndex, lastTerm } = server.log;
  for (const to of otherVoters(server)) {
    server.outbox.sendAfterPersist({
      kind: "voteRequest",
      ...envelope(server, to),
      lastIndex,
      lastTerm,
      transfer,
    });
  }
}

function otherVoters(server: Server): ReadonlySet<NodeId> {
  const { voters, outgoing } = server.configuration;
  const ids = new Set([...voters, ...outgoing].map((voter) => voter.id));
  ids.delete(server.id);
  return ids;
}

/** Somebody asks whether this server would vote for it. Answering binds to nothing. */
export function onPreVoteRequest(server: Server, message: MessageOf<"preVoteRequest">): void {
  // In our own term it could only win if our vote is still to be had.
  const isFree = message.term > server.term ? !server.owesLease : mayVote(server, message.from);
  const isCurrent = isUpToDate(server, message);
  const isGiven = isFree && !server.hasLostEntries && isCurrent;
  // The static leader gives way only to those who have what it lacks.
  const granted = isGiven && !(isStaticLeader(server, server.id) && isAsLong(server, message));
  // The only server that is to lead cannot, as it lacks what is here: without another one that leads
  // it there, nobody ever would.
  if (!isCurrent && isStaticLeader(server, message.from)) server.standsIn = true;
  // A refusal tells our own term: a server with a higher term and a shorter log would otherwise
  // be asked, and refuse, for ever (etcd #8501).
  const term = granted ? message.term : server.term;
  const answer = { kind: "preVoteResponse", ...envelope(server, message.from), term } as const;
  server.outbox.sendAfterPersist({ ...answer, granted });
}

/** Somebody asks for this server's vote in the present term. */
export function onVoteRequest(server: Server, message: MessageOf<"voteRequest">): void {
  const isFree = mayVote(server, message.from) && (message.transfer || !server.owesLease);
  // With entries lost, even an old log may look like one that is up to date.
  const granted = isFree && !server.hasLostEntries && isUpToDate(server, message);
  if (granted) {
    server.giveVote(message.from);
    server.resetElectionTimer();
  }
  const answer = { kind: "voteResponse", ...envelope(server, message.from) } as const;
  server.outbox.sendAfterPersist({ ...answer, granted });
}

/** Even a learner votes: it may have been promoted without having seen that yet. */
function mayVote(server: Server, candidate: NodeId): boolean {
  return server.vote === candidate || (server.vote === "" && server.leader === "");
}

/** Raft paper section 5.4.1: a leader must hold everything that is committed. */
function isUpToDate(
  server: Server,
  candidate: { readonly lastIndex: number; readonly lastTerm: number },
): boolean {
  const { lastIndex, lastTerm } = server.log;
  if (candidate.lastTerm !== lastTerm) return candidate.lastTerm > lastTerm;
  return candidate.lastIndex >= lastIndex;
}

/** True when this log ends where that of `candidate` does. */
function isAsLong(
  { log }: Server,
  candidate: { readonly lastIndex: number; readonly lastTerm: number },
): boolean {
  return candidate.lastTerm === log.lastTerm && candidate.lastIndex === log.lastIndex;
}

function isStaticLeader(server: Server, id: NodeId): boolean {
  return server.configuration.staticLeader === id;
}

/** An answer to this server's pre-vote, or to its question to the static leader. */
export function onPreVoteResponse(server: Server, message: MessageOf<"preVoteResponse">): void {
  const { from, granted, term } = message;
  if (term !== (granted ? server.term + 1 : server.term)) return;
  const isWayGiven = granted && server.leader === "" && isStaticLeader(server, from);
  if (isWayGiven) server.standsIn = true;
  if (server.role !== "preCandidate") return;
  server.votes.set(from, granted);
  concludePreVote(server);
}

/** True when the pre-vote is over. */
function concludePreVote(server: Server): boolean {
  const outcome = tallyVotes(server.configuration, (id) => server.votes.get(id));
  if (outcome === "won") campaign(server, false);
  else if (outcome === "lost") becomeFollower(server, server.term, "");
  return outcome !== "pending";
}

/** An answer to this server's campaign. */
export function onVoteResponse(server: Server, message: MessageOf<"voteResponse">): void {
  if (server.role === "candidate") countVote(server, message.from, message.granted);
}

/** A vote is on disk. It counts if it is this server's own, in the campaign that goes on. */
export function onDurableVote(server: Server, durable: DurableVote): void {
  if (server.role !== "candidate" || durable.term !== server.term) return;
  if (durable.vote === server.id) countVote(server, server.id, true);
}

function countVote(server: Server, voter: NodeId, granted: boolean): void {
  // The first answer stands: a voter gives one vote, whatever is said later.
  if (!server.votes.has(voter)) server.votes.set(voter, granted);
  const outcome = tallyVotes(server.configuration, (id) => server.votes.get(id));
  if (outcome === "won") becomeLeader(server);
  else if (outcome === "lost") becomeFollower(server, server.term, "");
}

/** The leader wants this server to take over at once. */
export function onTimeoutNow(server: Server, message: MessageOf<"timeoutNow">): void {
  const isFromLeader = server.leader === "" || server.leader === message.from;
  if (server.role === "leader" || !isFromLeader || !server.isPromotable) return;
  campaign(server, true);
}
