/**
 * What every message passes first: does it make sense, and what does its term mean?
 *
 * Source: Raft paper, figure 2, "Rules for Servers"; thesis sections 4.2.3 and 9.6; etcd/raft Step.
 */
import type { Entry, Message, SnapshotMeta } from "../contract.ts";
import { becomeFollower } from "./roles.ts";
import { envelope, type Server } from "./server.ts";

/** False for a message that no correct server sends; whoever reads on may rely on its shape. */
export function isPlausible(message: Message): boolean {
  const { epoch = 0, incarnation = 0 } = message;
  if (!areCounters(message.term, epoch, incarnation)) return false;
  if (message.kind === "refused") return true; // Its term means nothing.
  if (message.term === 0) return false;
  switch (message.kind) {
    case "preVoteRequest":
    case "voteRequest":
      return areCounters(message.lastIndex, message.lastTerm) && message.lastTerm < message.term;
    case "appendRequest":
      return (
        areCounters(message.prevIndex, message.prevTerm, message.commit) &&
        areInOrder(message.prevIndex, message.prevTerm, message.entries, message.term)
      );
    case "appendAccepted":
      return isCounter(message.matchIndex);
    case "appendRejected":
      return areCounters(message.rejectedIndex, message.hintIndex, message.hintTerm);
    case "heartbeat":
      return areCounters(message.commit, message.readRound);
    case "heartbeatResponse":
      return isCounter(message.readRound);
    case "installSnapshot":
      return isPlausibleSnapshot(message.snapshot, message.term);
    case "dataLost":
      return isCounter(message.lastIndex);
    case "readRequest":
      return isCounter(message.requestId);
    case "readResponse":
      return areCounters(message.requestId, message.index);
    case "preVoteResponse":
    case "voteResponse":
    case "timeoutNow":
    case "forwardedProposals":
      return true;
    default:
      return false; // Not of this version.
  }
}

function isPlausibleSnapshot(snapshot: SnapshotMeta, term: number): boolean {
  const { index, configuration } = snapshot;
  return (
    areCounters(index, snapshot.term) &&
    index >= 1 &&
    snapshot.term >= 1 &&
    snapshot.term <= term &&
    configuration.voters.length > 0
  );
}

/** Entries follow on `prevIndex` without a gap, and terms never fall nor exceed the leader's. */
function areInOrder(
  prevIndex: number,
  prevTerm: number,
  entries: readonly Entry[],
  leaderTerm: number,
): boolean {
  if (!isCounter(prevIndex + entries.length)) return false;
  let index = prevIndex;
  let term = prevTerm;
  for (const entry of entries) {
    if (entry.index !== index + 1 || !(entry.term >= term)) return false;
    index = entry.index;
    term = entry.term;
  }
  return isCounter(term) && term <= leaderTerm && (entries.length === 0 || term >= 1);
}

function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areCounters(...values: readonly number[]): boolean {
  return values.every(isCounter);
}

/** Brings the terms together; false when the message goes no further. */
export function admit(server: Server, message: Message): boolean {
  if (message.term > server.term) return admitHigher(server, message);
  if (message.term < server.term) {
    answerLower(server, message);
    return false;
  }
  return true;
}

/** Terms count elections: nobody is that many ahead. Beyond 2^53 no term could be told any more. */
const termJumpMax = 2 ** 40;

function admitHigher(server: Server, message: Message): boolean {
  if (message.term - server.term > termJumpMax) return false;
  switch (message.kind) {
    case "preVoteRequest":
      return !server.hearsLeader && !server.owesLease;
    case "voteRequest":
      // Whoever hears a leader helps nobody to unseat it: a removed server may campaign for ever,
      // and its log may well be the longest. A transfer is the leader's own wish.
      if ((server.hearsLeader || server.owesLease) && !message.transfer) return false;
      break;
    case "preVoteResponse":
      // A grant names the term that we would campaign in.
      if (message.granted) return true;
      break;
    default:
      break;
  }
  becomeFollower(server, message.term, "");
  return true;
}

/**
 * A sender that lags behind. Two kinds have to learn of our term, or the cluster could wait for
 * ever: a leader that we, in a higher term, cannot follow; and a server whose pre-vote we refuse.
 */
function answerLower(server: Server, message: Message): void {
  const head = envelope(server, message.from);
  switch (message.kind) {
    case "appendRequest":
    case "heartbeat":
    case "installSnapshot":
      server.outbox.send({ kind: "heartbeatResponse", ...head, readRound: 0 });
      return;
    case "preVoteRequest":
      server.outbox.sendAfterPersist({ kind: "preVoteResponse", ...head, granted: false });
      return;
    default:
      return;
  }
}
