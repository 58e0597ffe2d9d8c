/** What servers may never forget: terms, votes, entries. Seen on their disks, not in their memory. Pure. */
import type { VoteRegistry } from "./election-checks.ts";
import { isNamed } from "./naive-quorum.ts";
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
  record.wasWiped = true;
  record.durableTerm = 0;
  record.durableVote = "";
  record.supersededBy = 0;
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
  const last = record.configurations.at(-1);
  if (last === undefined || !view.isUp || last.index > view.commitIndex) return undefined;
  // One that is leaving still votes in the half that it leaves.
  if (last.configuration.removed?.includes(id) && !isNamed(last.configuration, id)) {
    return violation(
      "removedVotes",
      `${facts} though it knows that it was removed at ${last.index}`,
    );
  }
  return undefined;
}

/** A server has come back: does its disk still hold what it held? */
export function isForgetful(record: ServerRecord): boolean {
  const { agreed } = record;
  return agreed !== undefined && !record.holds(agreed.index, agreed.term);
}
