/** What servers may never forget: terms, votes, entries. Seen on their disks, not in their memory. Pure. */
import type { LogIndex } from "@flotilla/consensus";
import type { VoteRegistry } from "./election-checks.ts";
import type { ServerRecord } from "./server-record.ts";
import type { ServerView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** Judges the hard state on a disk that changed. */
export function checkHardState(
  votes: VoteRegistry,
  record: ServerRecord,
  view: ServerView,
): Violation | undefined {
  const { durable, id } = view;
  if (record.disk !== view.disk) forget(record, view);
  const { term, vote, supersededBy } = durable;
  if (!record.hasFaultyDisk) {
    if (term < record.durableTerm) {
      return violation(
        "durability",
        `the disk of ${id} went from term ${record.durableTerm} back to ${term}`,
      );
    }
    if (supersededBy < record.supersededBy) {
      return violation("oldEpoch", `${id} forgot that epoch ${record.supersededBy} left it behind`);
    }
  }
  const isNew = vote !== "" && (vote !== record.durableVote || term !== record.durableTerm);
  record.durableTerm = term;
  record.durableVote = vote;
  record.supersededBy = supersededBy;
  record.durableVersion = durable.version;
  return isNew ? checkVote(votes, record, view) : undefined;
}

function forget(record: ServerRecord, view: ServerView): void {
  record.disk = view.disk;
  record.history = undefined;
  record.wasNamed = false;
  record.wasWiped = true;
  record.durableTerm = 0;
  record.durableVote = "";
  record.supersededBy = 0;
  record.voteOfRemoved = undefined;
  record.noteLoss();
}

function checkVote(
  votes: VoteRegistry,
  record: ServerRecord,
  view: ServerView,
): Violation | undefined {
  const { id } = view;
  const { term, vote, supersededBy } = view.durable;
  const facts = `${id} votes for ${vote} in term ${term}`;
  if (supersededBy > 0) {
    return violation("oldEpoch", `${facts} though epoch ${supersededBy} left it behind`);
  }
  // Under an id that was registered for an earlier disk: it cannot know, but its vote must not count.
  const { registeredDisk = view.disk } = record;
  if (registeredDisk !== view.disk) return undefined;
  const earlier = votes.voteOf(id, term) ?? vote;
  votes.note(id, term, vote);
  if (earlier !== vote && !record.hasFaultyDisk && !record.wasWiped) {
    return violation("oneVotePerTerm", `${facts}, in which it had voted for ${earlier}`);
  }
  const removedAt = removedWhenVoting(record, view);
  if (removedAt === 0 || !view.isUp) return undefined;
  return violation("removedVotes", `${facts} though it knows that it was removed at ${removedAt}`);
}

/** Where it knew that it was removed when it gave the vote, which waited for the disk; 0 when it did not. */
function removedWhenVoting(record: ServerRecord, { durable }: ServerView): LogIndex {
  const { term, vote } = durable;
  const isGivenNow = term > record.term || (term === record.term && vote !== record.vote);
  if (isGivenNow) return record.removedAt;
  const given = record.voteOfRemoved;
  return given?.term === term && given.vote === vote ? given.at : 0;
}

/** A server has come back: does its disk still hold what it held? */
export function isForgetful(record: ServerRecord): boolean {
  const { agreed } = record;
  return agreed !== undefined && !record.holds(agreed.index, agreed.term);
}
