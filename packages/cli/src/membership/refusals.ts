/** Why a change would be refused, in words, before anybody is asked. */
import type { ChangeRefusal } from "@flotilla/consensus";

/** What is wrong, and what to do. */
export const refusalTexts: Readonly<Record<ChangeRefusal, string>> = {
  notLeader: "there is no leader",
  notReady: "the leader has only just been elected; ask again in a second",
  changePending: "another change of the members is under way; ask again in a second",
  transferring: "leadership is being handed over; ask again in a second",
  serverExists: "there is a member of that name already",
  serverRemoved: "that id was removed, and an id is used once",
  unknownServer: "there is no such member",
  wrongRole:
    "the role does not fit: only a learner can be promoted, only a voter demoted or given votes, and only a voter with data preferred",
  learnerBehind: "the learner has not caught up with the leader",
  noDataVoter: "no voter with data would be left",
  unsound:
    "the outcome would be no sound configuration: a member named twice, no votes for a witness, or too many of something",
  unchanged: "it would change nothing",
};
