/** Questions about a cluster's description: who is meant, how a member is called, what the engine calls it. Pure. */
import type { Configuration, NodeId, Voter } from "@flotilla/consensus";
import type { MemberDescription, MembershipDescription } from "@flotilla/etcd-api";
import { memberIdOf, nodeIdOf } from "@flotilla/member";
import { CommandError } from "../exit.ts";

/** The configuration in the engine's words. */
export function configurationOf(description: MembershipDescription): Configuration {
  const { members, staticLeader } = description;
  const idsOf = (chosen: (member: MemberDescription) => boolean): NodeId[] =>
    members.filter(chosen).map(({ id }) => nodeIdOf(id));
  const half = (votesOf: (member: MemberDescription) => number): Voter[] =>
    members
      .map((member) => ({ id: nodeIdOf(member.id), votes: votesOf(member) }))
      .filter(({ votes }) => votes > 0);
  const preferred = members
    .filter(({ preferredRank }) => preferredRank > 0)
    .sort((left, right) => left.preferredRank - right.preferredRank);
  return {
    voters: half(({ votes }) => votes),
    outgoing: half(({ outgoingVotes }) => outgoingVotes),
    learners: idsOf(({ isLearner }) => isLearner),
    witnesses: idsOf(({ isWitness }) => isWitness),
    preferred: preferred.map(({ id }) => nodeIdOf(id)),
    ...(staticLeader === 0n ? {} : { staticLeader: nodeIdOf(staticLeader) }),
    epoch: description.epoch,
    servers: members.map(({ id, peerUrls }) => ({
      id: nodeIdOf(id),
      incarnation: 0,
      urls: peerUrls,
    })),
    removed: description.removed.map(nodeIdOf),
  };
}

/** What a person calls a member: its name, or its id until it has told its name. */
export function callOf(description: MembershipDescription, id: NodeId): string {
  const found = description.members.find((member) => nodeIdOf(member.id) === id);
  return found === undefined || found.name === "" ? id : found.name;
}

/** Several, as a list in a sentence. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** True when the leader has heard of the member lately. */
export function isAlive(description: MembershipDescription, id: NodeId): boolean {
  return description.members.some((member) => member.isActive && nodeIdOf(member.id) === id);
}

/** The one member that is called `text`, or has that id. Ends the command when there is no one, or two. */
export function memberCalled(description: MembershipDescription, text: string): MemberDescription {
  const { members } = description;
  const named = members.filter(({ name }) => name === text);
  const byId = /^[0-9a-f]{1,16}$/i.test(text) ? memberIdOf(text.toLowerCase()) : 0n;
  const found =
    members.find(({ id }) => id === byId) ?? (named.length === 1 ? named[0] : undefined);
  if (found !== undefined) return found;
  const all = members.map(({ id, name }) => `${nodeIdOf(id)}${name === "" ? "" : ` (${name})`}`);
  throw new CommandError(
    "badInput",
    named.length > 1
      ? `${named.length} members are called ${JSON.stringify(text)}`
      : `There is no member ${JSON.stringify(text)}`,
    `By id${named.length > 1 ? "" : " or name"}: ${all.join(", ")}.`,
  );
}
