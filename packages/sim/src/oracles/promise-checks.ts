/**
 * What a message promises must be true when it is sent: votes and acknowledgements are on disk, and
 * a leader claims no more than it knows. Pure.
 */
import type { Message, NodeId } from "@flotilla/consensus";
import type { VoteRegistry } from "./election-checks.ts";
import type { ServerRecord } from "./server-record.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

type MessageOf<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;

/** Judges a message that `view` sends. O(1). */
export function checkPromise(
  votes: VoteRegistry,
  records: ReadonlyMap<NodeId, ServerRecord>,
  sent: { readonly view: ServerView; readonly message: Message },
): Violation | undefined {
  const { view, message } = sent;
  switch (message.kind) {
    case "voteResponse":
      return message.granted ? checkGrant(votes, records.get(view.id), sent) : undefined;
    case "appendAccepted":
      return checkAcknowledgement(view, message);
    case "appendRequest":
      return checkContiguous(message);
    case "heartbeat":
      return checkHeartbeat(records.get(message.to), view, message);
    default:
      return undefined;
  }
}

/**
 * T4. A later term may have been written in one with the vote, or in its place: then nothing else can be
 * voted for in that term any more, and the vote counts as if it had been on disk.
 */
function checkGrant(
  votes: VoteRegistry,
  record: ServerRecord | undefined,
  { view, message }: { readonly view: ServerView; readonly message: Message },
): Violation | undefined {
  const { term, vote } = view.durable;
  if (term === message.term && vote === message.to) return undefined;
  if (votes.hasVoted(view.id, message.term, message.to)) return undefined;
  const { registeredDisk = view.disk, hasFaultyDisk, wasWiped } = record ?? {};
  if (registeredDisk !== view.disk && term > message.term) return undefined;
  const isFree = votes.voteOf(view.id, message.term) === undefined || hasFaultyDisk || wasWiped;
  if (term > message.term && isFree) {
    votes.note(view.id, message.term, message.to);
    return undefined;
  }
  return violation(
    "promises",
    `${view.id} grants ${message.to} its vote in term ${message.term}, and its disk says ${vote || "nobody"} in term ${term}`,
  );
}

/** What is acknowledged is durable, unless a later term has already cut it off again. */
function checkAcknowledgement(
  view: ServerView,
  message: MessageOf<"appendAccepted">,
): Violation | undefined {
  const { durable, log } = view;
  const { matchIndex } = message;
  if (message.term < durable.term || matchIndex < durable.firstIndex) return undefined;
  const held = durable.termAt(matchIndex);
  const believed = log.termAt(matchIndex);
  const isRewritten = message.term < view.term || believed === undefined;
  if (held !== undefined && (isRewritten || held === believed)) return undefined;
  return violation(
    "promises",
    `${view.id} acknowledges (${matchIndex}, ${believed ?? "?"}), and its disk has ${held === undefined ? "nothing" : `term ${held}`} there and ends at ${durable.lastIndex}`,
  );
}

/** T19. */
function checkContiguous(message: MessageOf<"appendRequest">): Violation | undefined {
  let index = message.prevIndex;
  for (const entry of message.entries) {
    index++;
    if (entry.index === index) continue;
    return violation(
      "promises",
      `${message.from} sends ${message.to} an entry ${entry.index} where ${index} follows`,
    );
  }
  return undefined;
}

/** T10: the commit index in a heartbeat is one up to which the receiver holds the leader's log. */
function checkHeartbeat(
  receiver: ServerRecord | undefined,
  view: ServerView,
  message: MessageOf<"heartbeat">,
): Violation | undefined {
  const { commit } = message;
  const term = view.log.termAt(commit);
  if (receiver === undefined || receiver.hasFaultyDisk || receiver.wasWiped) return undefined;
  if (commit === 0 || term === undefined || receiver.holds(commit, term)) return undefined;
  return violation(
    "promises",
    `${view.id} tells ${message.to} that (${commit}, ${term}) is committed, which that one does not hold`,
  );
}
