/** Why a change would be refused, in words, before anybody is asked. Pure. */
import type { ChangeRefusal, ConfigurationChange, NodeId } from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { callOf } from "./description.ts";

const refusalTexts: Readonly<Record<ChangeRefusal, string>> = {
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

/** What is wrong, and what to do. */
export function refusalText(
  reason: ChangeRefusal,
  description: MembershipDescription,
  changes: readonly ConfigurationChange[],
): string {
  const found = changes.map((change) => wrongRoleText(description, change));
  const own = reason === "wrongRole" ? found.find((text) => text !== undefined) : undefined;
  return own ?? refusalTexts[reason];
}

/** Whose role does not fit the step; undefined when all do. */
function wrongRoleText(
  description: MembershipDescription,
  change: ConfigurationChange,
): string | undefined {
  const learners = description.members.filter(({ isLearner }) => isLearner);
  const isLearner = (id: NodeId) => learners.some((member) => nodeIdOf(member.id) === id);
  const name = (id: NodeId) => callOf(description, id);
  switch (change.kind) {
    case "promote":
      return isLearner(change.id) ? undefined : `${name(change.id)} votes already`;
    case "votes":
      if (!isLearner(change.id)) return undefined;
      return `${name(change.id)} is a learner and has no votes: \`flotilla member promote ${name(change.id)}\` comes first`;
    case "prefer":
    case "staticLeader": {
      const wanted = change.kind === "prefer" ? change.ids : [change.id];
      const wrong = wanted.find(
        (id) =>
          id !== undefined &&
          description.members.some(
            (member) => nodeIdOf(member.id) === id && (member.isLearner || member.isWitness),
          ),
      );
      if (wrong === undefined) return undefined;
      const what = isLearner(wrong) ? "learner" : "witness";
      return `${name(wrong)} is a ${what}, and only a voter with data can lead`;
    }
    default:
      return undefined;
  }
}
