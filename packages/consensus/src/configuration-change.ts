/**
 * From one configuration to the next: what a change asks for, and the joint phase between the two.
 *
 * ```
 *                planChange              jointOf                  leaveJoint
 *   current  ----------------> target ------------> joint entry --------------> leaving entry = target
 *                                        (both halves must agree)
 * ```
 *
 * Source: Raft paper section 6. Every change goes this one way, also of learners, preferences and
 * addresses. Pure.
 */
import { equalBytes } from "@flotilla/base";
import {
  areUrls,
  configurationServers,
  isJoint,
  isNodeId,
  isSound,
  isVoteCount,
  removedMax,
  serversMax,
  tidied,
} from "./configuration.ts";
import { encodeConfiguration } from "./configuration-codec.ts";
import type {
  ChangeRefusal,
  Configuration,
  ConfigurationChange,
  NodeId,
  ServerRecord,
  Voter,
} from "./contract.ts";

/** Steps in one change. */
export const changeStepsMax: number = 2 * serversMax;

/** The configuration that a change asks for, or why there is none. */
export type ChangePlan =
  | { readonly kind: "planned"; readonly target: Configuration }
  | { readonly kind: "refused"; readonly reason: ChangeRefusal };

/** A configuration that is being changed; never joint. */
interface Draft {
  voters: Voter[];
  learners: NodeId[];
  witnesses: NodeId[];
  preferred: NodeId[];
  staticLeader: NodeId | undefined;
  servers: ServerRecord[];
  removed: NodeId[];
}

/**
 * What `configuration` becomes by `changes`, in order and all together. What only a leader knows
 * (whether a learner has caught up, whether it may change anything now) is not asked here.
 */
export function planChange(
  configuration: Configuration,
  changes: readonly ConfigurationChange[],
): ChangePlan {
  if (isJoint(configuration)) return refused("changePending");
  if (changes.length > changeStepsMax) return refused("unsound");
  const draft = draftOf(configuration);
  for (const change of changes) {
    const refusal = applyStep(draft, change);
    if (refusal !== undefined) return refused(refusal);
  }
  const target = targetOf(configuration, draft);
  if (target.voters.every(({ id }) => draft.witnesses.includes(id))) return refused("noDataVoter");
  if (!isSound(target) || configurationServers(target).size > serversMax) return refused("unsound");
  return isSame(target, configuration) ? refused("unchanged") : { kind: "planned", target };
}

function refused(reason: ChangeRefusal): ChangePlan {
  return { kind: "refused", reason };
}

function isSame(left: Configuration, right: Configuration): boolean {
  return equalBytes(encodeConfiguration(left), encodeConfiguration(right));
}

function draftOf(configuration: Configuration): Draft {
  const { voters, learners, staticLeader } = configuration;
  const { witnesses = [], preferred = [], servers = [], removed = [] } = configuration;
  return {
    voters: [...voters],
    learners: [...learners],
    witnesses: [...witnesses],
    preferred: [...preferred],
    staticLeader,
    servers: [...servers],
    removed: [...removed],
  };
}

function targetOf(configuration: Configuration, draft: Draft): Configuration {
  const { staticLeader, ...lists } = draft;
  const { epoch = 0 } = configuration;
  const rest = { ...lists, outgoing: [], epoch };
  return tidied(staticLeader === undefined ? rest : { ...rest, staticLeader });
}

/** Takes one step; says why not. */
function applyStep(draft: Draft, change: ConfigurationChange): ChangeRefusal | undefined {
  switch (change.kind) {
    case "add":
      return add(draft, change);
    case "remove":
      return remove(draft, change.id);
    case "promote":
      return promote(draft, change.id, change.votes);
    case "demote":
      return demote(draft, change.id);
    case "votes":
      return setVotes(draft, change.id, change.votes);
    case "prefer":
      return prefer(draft, change.ids);
    case "staticLeader":
      return setStaticLeader(draft, change.id);
    case "urls":
      return setUrls(draft, change.id, change.urls);
  }
}

function add(
  draft: Draft,
  change: Extract<ConfigurationChange, { kind: "add" }>,
): ChangeRefusal | undefined {
  const { id, votes, witness = false, urls = [] } = change;
  if (isKnown(draft, id)) return "serverExists";
  if (draft.removed.includes(id)) return "serverRemoved";
  // A witness does nothing but vote.
  const areVotesSound = isVoteCount(votes) || (votes === 0 && !witness);
  if (!isNodeId(id) || !areVotesSound || !areUrls(urls)) return "unsound";
  if (votes === 0) draft.learners.push(id);
  else draft.voters.push({ id, votes });
  if (witness) draft.witnesses.push(id);
  draft.servers.push({ id, incarnation: 0, urls });
  return undefined;
}

function remove(draft: Draft, id: NodeId): ChangeRefusal | undefined {
  if (!isKnown(draft, id)) return "unknownServer";
  draft.voters = draft.voters.filter((voter) => voter.id !== id);
  draft.learners = without(draft.learners, id);
  draft.witnesses = without(draft.witnesses, id);
  draft.servers = draft.servers.filter((server) => server.id !== id);
  forbidToLead(draft, id);
  draft.removed = [...draft.removed, id].slice(-removedMax);
  return undefined;
}

function promote(draft: Draft, id: NodeId, votes: number): ChangeRefusal | undefined {
  if (!isKnown(draft, id)) return "unknownServer";
  if (!draft.learners.includes(id)) return "wrongRole";
  if (!isVoteCount(votes)) return "unsound";
  draft.learners = without(draft.learners, id);
  draft.voters.push({ id, votes });
  return undefined;
}

function demote(draft: Draft, id: NodeId): ChangeRefusal | undefined {
  const refusal = refuseUnlessDataVoter(draft, id); // A witness could not learn: its log has holes.
  if (refusal !== undefined) return refusal;
  draft.voters = draft.voters.filter((voter) => voter.id !== id);
  draft.learners.push(id);
  forbidToLead(draft, id);
  return undefined;
}

function setVotes(draft: Draft, id: NodeId, votes: number): ChangeRefusal | undefined {
  if (!isKnown(draft, id)) return "unknownServer";
  if (draft.learners.includes(id)) return "wrongRole";
  if (!isVoteCount(votes)) return "unsound";
  draft.voters = draft.voters.map((voter) => (voter.id === id ? { id, votes } : voter));
  return undefined;
}

function prefer(draft: Draft, ids: readonly NodeId[]): ChangeRefusal | undefined {
  for (const id of ids) {
    const refusal = refuseUnlessDataVoter(draft, id);
    if (refusal !== undefined) return refusal;
  }
  draft.preferred = [...ids];
  return undefined;
}

function setStaticLeader(draft: Draft, id: NodeId | undefined): ChangeRefusal | undefined {
  const refusal = id === undefined ? undefined : refuseUnlessDataVoter(draft, id);
  if (refusal === undefined) draft.staticLeader = id;
  return refusal;
}

function setUrls(draft: Draft, id: NodeId, urls: readonly string[]): ChangeRefusal | undefined {
  if (!isKnown(draft, id)) return "unknownServer";
  if (!areUrls(urls)) return "unsound";
  const before = draft.servers.find((server) => server.id === id);
  if (before === undefined) draft.servers.push({ id, incarnation: 0, urls });
  else {
    const record = { ...before, urls };
    draft.servers = draft.servers.map((server) => (server.id === id ? record : server));
  }
  return undefined;
}

function isKnown(draft: Draft, id: NodeId): boolean {
  return draft.learners.includes(id) || draft.voters.some((voter) => voter.id === id);
}

function refuseUnlessDataVoter(draft: Draft, id: NodeId): ChangeRefusal | undefined {
  if (!isKnown(draft, id)) return "unknownServer";
  const isDataVoter = !draft.learners.includes(id) && !draft.witnesses.includes(id);
  return isDataVoter ? undefined : "wrongRole";
}

function forbidToLead(draft: Draft, id: NodeId): void {
  draft.preferred = without(draft.preferred, id);
  if (draft.staticLeader === id) draft.staticLeader = undefined;
}

function without(ids: readonly NodeId[], id: NodeId): NodeId[] {
  return ids.filter((each) => each !== id);
}

/** `target` with the voters of `current` as its other half. Neither is joint. */
export function jointOf(current: Configuration, target: Configuration): Configuration {
  const { witnesses = [], servers = [] } = target;
  const leaving = current.voters.filter(({ id }) => !configurationServers(target).has(id));
  const isLeaving = (id: NodeId): boolean => leaving.some((voter) => voter.id === id);
  return tidied({
    ...target,
    outgoing: current.voters,
    witnesses: [...witnesses, ...(current.witnesses ?? []).filter(isLeaving)],
    // Whoever still votes still has to be reached.
    servers: [...servers, ...(current.servers ?? []).filter((server) => isLeaving(server.id))],
  });
}

/** What remains of a joint configuration without its old half: the target of the change. */
export function leaveJoint(joint: Configuration): Configuration {
  const rest = { ...joint, outgoing: [] };
  const remaining = configurationServers(rest);
  return tidied({
    ...rest,
    witnesses: (joint.witnesses ?? []).filter((id) => remaining.has(id)),
    servers: (joint.servers ?? []).filter((server) => remaining.has(server.id)),
  });
}

/** `configuration` with the incarnations that were heard, for servers whose own was not known yet. */
export function withIncarnations(
  configuration: Configuration,
  heard: ReadonlyMap<NodeId, number>,
): Configuration {
  const known = new Map((configuration.servers ?? []).map((server) => [server.id, server]));
  for (const id of configurationServers(configuration)) {
    const record = known.get(id) ?? { id, incarnation: 0, urls: [] };
    const incarnation = heard.get(id) ?? 0;
    if (record.incarnation === 0 && incarnation !== 0) known.set(id, { ...record, incarnation });
  }
  return tidied({ ...configuration, servers: [...known.values()] });
}
