/** Why a change of the members is refused: for etcd's clients, and in words for ours. */
import { GrpcError, type StatusCode, statusCode } from "@flotilla/grpc";
import type { RpcErrorKey } from "../errors.ts";
import type { QuorumVerdict } from "./quorum-check.ts";
import type { ChangeRefusal, ConfigurationChange } from "./types.ts";

/** Refusals that pass by themselves: another change or an election is being finished. */
export type TransientRefusal = Extract<
  ChangeRefusal,
  "notLeader" | "notReady" | "changePending" | "transferring"
>;
/** Refusals that stay. */
export type LastingRefusal = Exclude<ChangeRefusal, TransientRefusal>;

const transient: ReadonlySet<ChangeRefusal> = new Set<TransientRefusal>([
  "notLeader",
  "notReady",
  "changePending",
  "transferring",
]);

/** True when asking again may help. */
export function isTransient(reason: ChangeRefusal): reason is TransientRefusal {
  return transient.has(reason);
}

/** etcd's row for a refusal; where etcd has none, the one that says the same to a client. */
export const etcdRefusals: Readonly<Record<LastingRefusal, RpcErrorKey>> = {
  serverExists: "memberExists",
  serverRemoved: "memberNotFound", // As etcd says it.
  unknownServer: "memberNotFound",
  wrongRole: "memberNotLearner",
  learnerBehind: "learnerNotReady",
  noDataVoter: "notEnoughStarted", // etcd's answer to the removal of the only member.
  unsound: "unhealthy",
  unchanged: "memberExists",
};

const { invalidArgument, failedPrecondition, notFound, alreadyExists } = statusCode;

// biome-ignore format: a table
const wordings: Readonly<Record<LastingRefusal | "peerUrlTaken" | "heirBehind", readonly [StatusCode, string]>> = {
  serverExists:  [alreadyExists,      "it is a member already"],
  peerUrlTaken:  [alreadyExists,      "another member has one of its peer URLs; remove that member first, or choose another URL"],
  serverRemoved: [failedPrecondition, "it was removed, and an id is used once; ask again in a second for another id"],
  unknownServer: [notFound,           "there is no such member; `flotilla member list` shows them"],
  wrongRole:     [failedPrecondition, "its role does not fit: only a learner can be promoted, only a voter demoted or given votes, and only a voter with data can lead"],
  learnerBehind: [failedPrecondition, "the learner has not caught up with the leader; wait until its lag in `flotilla member list` is small, and see that it runs"],
  heirBehind:    [failedPrecondition, "it has not caught up with the present leader, or does not answer it, and nothing could be written until it leads; wait until its lag in `flotilla member list` is small, and see that it runs"],
  noDataVoter:   [failedPrecondition, "no voter with data would be left"],
  unsound:       [invalidArgument,    "the outcome would be no sound configuration: too many members or votes, or a member in two roles"],
  unchanged:     [failedPrecondition, "it would change nothing"],
};

/** The error of `flotilla.v1.Membership` for a refusal: what was tried, why not, what to do. */
export function wordedRefusal(
  changes: readonly ConfigurationChange[],
  reason: LastingRefusal | "peerUrlTaken",
): GrpcError {
  // The engine has one refusal for both: a learner that is to vote, and a voter that alone is to lead.
  const isOfHeir = reason === "learnerBehind" && !changes.some(({ kind }) => kind === "promote");
  const [code, why] = wordings[isOfHeir ? "heirBehind" : reason];
  return new GrpcError(code, `Cannot ${changesInWords(changes)}: ${why}`);
}

/** The error of `flotilla.v1.Membership` for a change that endangers the quorum. */
export function wordedDanger(
  changes: readonly ConfigurationChange[],
  verdict: Exclude<QuorumVerdict, "safe">,
): GrpcError {
  const why =
    verdict === "unhealthy"
      ? "members that do not answer would be needed for a majority; start them, remove them first, or force the change"
      : "members that were never started would be needed for a majority; start them first, add new ones as learners, or force the change";
  return new GrpcError(failedPrecondition, `Cannot ${changesInWords(changes)}: ${why}`);
}

function changesInWords(changes: readonly ConfigurationChange[]): string {
  return changes.map(inWords).join(", ");
}

function inWords(change: ConfigurationChange): string {
  switch (change.kind) {
    case "add":
    case "remove":
    case "promote":
    case "demote":
      return `${change.kind} ${change.id}`;
    case "votes":
      return `give ${change.id} ${change.votes} ${change.votes === 1 ? "vote" : "votes"}`;
    case "prefer":
      return change.ids.length === 0 ? "prefer nobody" : `prefer ${change.ids.join(", ")}`;
    case "staticLeader":
      return change.id === undefined ? "lift the static leader" : `let only ${change.id} lead`;
    case "urls":
      return `update ${change.id}`;
  }
}
