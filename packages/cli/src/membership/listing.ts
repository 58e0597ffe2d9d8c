/** `flotilla member list`: the members as a table, as JSON, and as lines for scripts. Pure. */
import { quorumVotes, tolerance, totalVotes } from "@flotilla/consensus";
import type { MemberDescription, MemberIsolation, MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { table } from "../table.ts";
import { callOf, configurationOf } from "./description.ts";

export type ListFormat = "table" | "json" | "simple";

/** The whole output, without the last line's end. */
export function listing(description: MembershipDescription, format: ListFormat): string {
  if (format === "json") return JSON.stringify(asJson(description), null, 2);
  if (format === "simple") return description.members.map((m) => simple(description, m)).join("\n");
  return [asTable(description), "", ...remarks(description)].join("\n");
}

export type MemberRole = "leader" | "voter" | "learner" | "witness" | "leaving";

/** `leaving`: it votes only in the old half of a change that is under way. */
export function roleOf(description: MembershipDescription, member: MemberDescription): MemberRole {
  if (member.id === description.leaderId) return "leader";
  if (member.isLearner) return "learner";
  if (member.isWitness) return "witness";
  return member.votes === 0 ? "leaving" : "voter";
}

/** `silent`: it was started and does not answer the leader. Without a leader nobody can say. */
function stateOf(description: MembershipDescription, member: MemberDescription): string {
  if (member.name === "" && !member.isActive) return "unstarted";
  return description.leaderId === 0n || member.isActive ? "started" : "silent";
}

function asTable(description: MembershipDescription): string {
  const { leaderId, lastIndex } = description;
  return table(
    ["ID", "NAME", "STATE", "ROLE", "VOTES", "PREFERRED", "MATCH", "LAG", "PEERS", "CLIENTS"],
    byName(description.members).map((member) => [
      nodeIdOf(member.id),
      member.name === "" ? "-" : member.name,
      stateOf(description, member),
      roleOf(description, member),
      String(member.votes),
      member.preferredRank === 0 ? "-" : String(member.preferredRank),
      ...(leaderId === 0n
        ? ["?", "?"]
        : [String(member.matchIndex), String(lastIndex - member.matchIndex)]),
      member.peerUrls.join(","),
      member.clientUrls.join(","),
    ]),
  );
}

/** For people: those without a name come last. */
function byName(members: readonly MemberDescription[]): readonly MemberDescription[] {
  const key = ({ name, id }: MemberDescription) => `${name === "" ? 1 : 0} ${name} ${nodeIdOf(id)}`;
  return members.toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
}

/** One line on votes, and one for everything that is not the plain case. */
export function remarks(description: MembershipDescription): string[] {
  const configuration = configurationOf(description);
  const [votes, quorum] = [totalVotes(configuration), quorumVotes(configuration)];
  const spare = tolerance(configuration);
  const counted = votes === 1 ? "1 vote, 1 is a quorum" : `${votes} votes, ${quorum} are a quorum`;
  const lines = [
    `${counted}: ${spare === 1 ? "1 member" : `${spare} members`} may fail, whichever they are.`,
  ];
  if (description.isolation !== undefined) {
    lines.push(`The member that was asked takes no part: ${isolationText(description.isolation)}.`);
  }
  if (description.leaderId === 0n) return [...lines, ...leaderlessRemarks(description)];
  if (configuration.outgoing.length > 0) {
    lines.push("A change of the members is under way: those of before have a say, too.");
  }
  if (configuration.staticLeader !== undefined) {
    lines.push(staticLeaderText(description));
  }
  if (description.transferTarget !== 0n) {
    lines.push(
      `Leadership is going to ${callOf(description, nodeIdOf(description.transferTarget))}.`,
    );
  }
  if (description.epoch > 0) {
    lines.push(
      `Recovered by force: epoch ${description.epoch}. Members of earlier epochs are refused.`,
    );
  }
  if (description.divergedAt > 0) {
    lines.push(
      `A member contradicts what is committed at index ${description.divergedAt}: a disk has lost what it had acknowledged. The members' logs say which.`,
    );
  }
  return lines;
}

/** Who would have to come back, as far as the member that was asked knows. */
function leaderlessRemarks(description: MembershipDescription): readonly string[] {
  if (description.staticLeader === 0n) return [];
  const name = callOf(description, nodeIdOf(description.staticLeader));
  return [
    `There is no leader, and only ${name} may lead: start it. If it is lost for good, \`flotilla member recover\` makes a cluster of what another member holds.`,
  ];
}

/** Without it there soon is no leader at all: that has to be seen before it happens. */
function staticLeaderText(description: MembershipDescription): string {
  const { leaderId, members, staticLeader } = description;
  const name = callOf(description, nodeIdOf(staticLeader));
  if (staticLeader === leaderId) {
    return `Only ${name} may lead, and does: a single point of failure, nothing is written while it is away.`;
  }
  const isActive = members.some((member) => member.id === staticLeader && member.isActive);
  return `Warning: only ${name} may lead, and it does not${isActive ? "" : " answer"}: when ${callOf(description, nodeIdOf(leaderId))} ends, nothing is written until ${name} leads. \`flotilla member prefer --no-static\` lets others lead.`;
}

const isolationTexts: Readonly<Record<string, string>> = {
  removed: "it was removed from the cluster",
  superseded: "the cluster was recovered by force without it",
  lostDisk: "it has another disk than before, and its votes were on the old one",
  lacksData: "it is to hold data, and its directory is that of a witness",
};

/** Why a member takes no part, to be read after a colon. */
export function isolationText({ kind, until }: MemberIsolation): string {
  if (kind === "lostEntries") {
    return `it has lost entries that it had acknowledged, and votes again once it holds entry ${until}`;
  }
  return isolationTexts[kind] ?? kind;
}

/** etcdctl's fields, then ours: id, state, name, peer URLs, client URLs, is a learner, role, votes. */
function simple(description: MembershipDescription, member: MemberDescription): string {
  return [
    nodeIdOf(member.id),
    stateOf(description, member),
    member.name,
    member.peerUrls.join(","),
    member.clientUrls.join(","),
    String(member.isLearner),
    roleOf(description, member),
    String(member.votes),
  ].join(", ");
}

/** Ids are texts, as everywhere in the output: a JSON number cannot hold them. */
function asJson(description: MembershipDescription): unknown {
  const { leaderId, lastIndex } = description;
  const idOrNull = (id: bigint): string | null => (id === 0n ? null : nodeIdOf(id));
  const configuration = configurationOf(description);
  return {
    members: description.members.map((member) => ({
      ...member,
      id: nodeIdOf(member.id),
      started: member.name !== "" || member.isActive,
      role: roleOf(description, member),
      lag: leaderId === 0n ? null : lastIndex - member.matchIndex,
    })),
    leader: idOrNull(leaderId),
    term: description.term,
    epoch: description.epoch,
    votes: totalVotes(configuration),
    quorum: quorumVotes(configuration),
    tolerance: tolerance(configuration),
    preferred: configuration.preferred,
    staticLeader: idOrNull(description.staticLeader),
    transferTarget: idOrNull(description.transferTarget),
    removed: configuration.removed,
    isChanging: configuration.outgoing.length > 0 || !description.isConfigurationCommitted,
    configurationIndex: description.configurationIndex,
    commitIndex: description.commitIndex,
    lastIndex,
    divergedAt: description.divergedAt,
    isolation: description.isolation ?? null,
  };
}
