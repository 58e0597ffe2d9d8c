/**
 * The four roles and the ways between them (Raft paper, figure 4, with the pre-candidate of the
 * thesis, section 9.6).
 */
import { assert, emptyBytes } from "@flotilla/base";
import type { NodeId, Term } from "../contract.ts";
import { Leadership } from "./leadership.ts";
import { dataBytes, type Server } from "./server.ts";

/** Follows `leader` (empty: nobody yet) in `term`, which must not be below the present one. */
export function becomeFollower(server: Server, term: Term, leader: NodeId): void {
  if (term !== server.term) server.enterTerm(term);
  leaveRole(server);
  server.role = "follower";
  server.leader = leader;
}

/** Asks whether a campaign could be won, without touching the term. */
export function becomePreCandidate(server: Server): void {
  leaveRole(server);
  server.role = "preCandidate";
}

/** Campaigns in a new term. Its own vote counts once it is durable. */
export function becomeCandidate(server: Server): void {
  assert(server.role !== "leader", "raft: a leader does not campaign");
  server.enterTerm(server.term + 1);
  server.giveVote(server.id);
  leaveRole(server);
  server.role = "candidate";
}

/** Leads the present term, and begins it with an entry of its own (Raft paper section 8). */
export function becomeLeader(server: Server): void {
  assert(server.role === "candidate", "raft: only a candidate becomes leader");
  leaveRole(server);
  const { log } = server;
  const leadership = new Leadership(server.limits);
  leadership.follow(server.roster, {
    self: server.id,
    index: server.configurations.index,
    nextIndex: log.lastIndex + 1,
    tick: server.tick,
  });
  leadership.uncommittedBytes = dataBytes(log.slice(server.commitIndex + 1, log.lastIndex));
  server.role = "leader";
  server.leader = server.id;
  server.leadership = leadership;
  const index = log.lastIndex + 1;
  server.write([{ index, term: server.term, kind: "noop", data: emptyBytes }]);
}

/** What every change of role ends: leadership, campaign, and the reads that relied on a leader. */
function leaveRole(server: Server): void {
  for (const request of server.leadership?.reads.abandon() ?? []) {
    // A follower whose read is lost gives up by itself; only our own driver waits for word.
    if (request.from === server.id) server.outbox.readDropped(request.requestId);
  }
  for (const requestId of server.forwardedReads.abandon()) server.outbox.readDropped(requestId);
  server.leadership = undefined;
  server.leader = "";
  server.votes.clear();
  server.resetElectionTimer();
}
