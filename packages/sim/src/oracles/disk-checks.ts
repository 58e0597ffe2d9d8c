/** What servers may never forget: terms, votes, entries. Seen on their disks, not in their memory. Pure. */
import type { VoteRegistry } from "./election-checks.ts";
import type { GivenVote, ServerRecord } from "./server-record.ts";
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
  record.leftBehindBy = 0;
  record.given = undefined;
  record.noteLoss();
}

function checkVote(
  votes: VoteRegistry,
  record: ServerRecord,
  view: ServerView,
): Violation | undefined {
  const { id } = view;
  const { term, vote } = view.durable;
  const facts = `${id} votes for ${vote} in term ${term}`;
  const { removedAt, leftBehindBy } = givenVote(record, view);
  if (leftBehindBy > 0) {
    return violation("oldEpoch", `${facts} though epoch ${leftBehindBy} left it behind`);
  }
  // Under an id that was registered for an earlier disk: it cannot know, but its vote must not count.
  const { registeredDisk = view.disk } = record;
  if (registeredDisk !== view.disk) return undefined;
  const earlier = votes.voteOf(id, term) ?? vote;
  votes.note(id, term, vote);
  if (earlier !== vote && !record.hasFaultyDisk && !record.wasWiped) {
    return violation("oneVotePerTerm", `${facts}, in which it had voted for ${earlier}`);
  }
  if (removedAt === 0 || !view.isUp) return undefined;
  return violation("removedVotes", `${facts} though it knows that it was removed at ${removedAt}`);
}

/**
 * The vote that is on its disk now, and waited for that. What it has learned meanwhile can have come with
 * it, in one write; of a vote that nobody has seen it give it is taken to have known all that the disk says.
 */
function givenVote(record: ServerRecord, { durable }: ServerView): GivenVote {
  const { term, vote, supersededBy } = durable;
  const { removedAt, leftBehindBy, given } = record;
  const isGivenNow = term > record.term || (term === record.term && vote !== record.vote);
  if (isGivenNow) return { term, vote, removedAt, leftBehindBy };
  if (given?.term === term && given.vote === vote) return given;
  return { term, vote, removedAt: 0, leftBehindBy: supersededBy };
}

/** A server has come back: does its disk still hold what it held? */
export function isForgetful(record: ServerRecord): boolean {
  const { agreed } = record;
  return agreed !== undefined && !record.holds(agreed.index, agreed.term);
}
