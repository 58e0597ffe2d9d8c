/** The members as `flotilla.v1.Membership` tells of them: the leader's view, and their own words. Pure. */
import { type MemberInfo, type MemberStatus, memberIdOf, nodeIdOf } from "@flotilla/member";
import type {
  MemberDescription,
  MemberIsolation,
  MembershipDescription,
} from "../codec/membership.ts";
import { memberIds } from "./servers.ts";
import type { Configuration, EngineStatus, NodeId } from "./types.ts";

/** What is known without a leader: the members as this one has them. */
export function describeLeaderless(
  members: readonly MemberInfo[],
  own: OwnWords & Pick<MembershipDescription, "staticLeader">,
): MembershipDescription {
  return {
    members: members.map((member) => ({ ...member, ...unknownProgress, outgoingVotes: 0 })),
    leaderId: 0n,
    term: 0,
    epoch: 0,
    configurationIndex: 0,
    isConfigurationCommitted: false,
    commitIndex: 0,
    lastIndex: 0,
    transferTarget: 0n,
    removed: [],
    divergedAt: 0,
    ...own,
  };
}

/** What is said beside the members: who was added just now, and how the asked member itself is. */
export type OwnWords = Pick<MembershipDescription, "added" | "isolation">;

/** Why this member takes no part, if so. */
export function isolationOf({ isolation }: MemberStatus): MemberIsolation | undefined {
  if (isolation === undefined) return undefined;
  return { kind: isolation.kind, until: isolation.kind === "lostEntries" ? isolation.until : 0 };
}

const unknownProgress = { matchIndex: 0, state: "none", isActive: false } as const;

/** The leader's view, with what members have told about themselves. */
export function describeMembership(
  status: EngineStatus,
  members: readonly MemberInfo[],
  own: OwnWords,
): MembershipDescription {
  const { configuration } = status;
  const described = [...memberIds(configuration)].map((id) => describeMember(status, members, id));
  described.sort((left, right) => (left.id < right.id ? -1 : 1));
  return {
    members: described,
    leaderId: memberIdOf(status.id),
    term: status.term,
    epoch: configuration.epoch ?? 0,
    configurationIndex: status.configurationIndex,
    isConfigurationCommitted: status.isConfigurationCommitted,
    commitIndex: status.commitIndex,
    lastIndex: status.lastIndex,
    transferTarget: memberIdOf(status.transferTarget),
    staticLeader: memberIdOf(configuration.staticLeader ?? ""),
    removed: (configuration.removed ?? []).map(memberIdOf),
    divergedAt: status.diverged ?? 0,
    ...own,
  };
}

function describeMember(
  status: EngineStatus,
  members: readonly MemberInfo[],
  id: NodeId,
): MemberDescription {
  const { configuration } = status;
  const told = members.find((member) => nodeIdOf(member.id) === id);
  const server = configuration.servers?.find((one) => one.id === id);
  const votesIn = (half: Configuration["voters"]): number =>
    half.find((voter) => voter.id === id)?.votes ?? 0;
  return {
    id: memberIdOf(id),
    name: told?.name ?? "",
    peerUrls: server?.urls ?? told?.peerUrls ?? [],
    clientUrls: told?.clientUrls ?? [],
    isLearner: configuration.learners.includes(id),
    votes: votesIn(configuration.voters),
    outgoingVotes: votesIn(configuration.outgoing),
    isWitness: configuration.witnesses?.includes(id) ?? false,
    preferredRank: (configuration.preferred?.indexOf(id) ?? -1) + 1,
    ...progressOf(status, id),
  };
}

function progressOf(
  status: EngineStatus,
  id: NodeId,
): Pick<MemberDescription, "matchIndex" | "state" | "isActive"> {
  if (id === status.id) return { matchIndex: status.lastIndex, state: "none", isActive: true };
  const progress = status.progress.get(id);
  if (progress === undefined) return unknownProgress;
  const { matchIndex, state, recentlyActive } = progress;
  return { matchIndex, state, isActive: recentlyActive };
}
