/**
 * Who takes part: questions about a {@link Configuration}, and what makes one sound. Pure.
 *
 * While a configuration is joint, "the servers" and "the voters" are those of both halves.
 */
import type { Configuration, NodeId, ServerRecord, Voter } from "./contract.ts";

/** Servers that one half of a configuration may name. */
export const serversMax = 255;
/** Votes of one server; keeps every sum of votes exact. */
export const votesMax = 1_000_000;
/** Characters in a {@link NodeId}. */
export const nodeIdLengthMax = 64;
/** Removed servers that are remembered; earlier ones are strangers. */
export const removedMax = 64;
/** Addresses of one server. */
export const urlsMax = 16;
/** Characters in one address. */
export const urlLengthMax = 2_048;

/** Every server that receives the log, each once: voters, outgoing voters, learners. */
export function configurationServers(configuration: Configuration): ReadonlySet<NodeId> {
  const servers = new Set<NodeId>();
  for (const voter of configuration.voters) servers.add(voter.id);
  for (const voter of configuration.outgoing) servers.add(voter.id);
  for (const id of configuration.learners) servers.add(id);
  return servers;
}

/** True when the votes of `id` count, in the new or in the old half of a joint configuration. */
export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return names(configuration.voters, id) || names(configuration.outgoing, id);
}

/** True when `id` votes without holding data. */
export function isWitness(configuration: Configuration, id: NodeId): boolean {
  return configuration.witnesses?.includes(id) === true;
}

/** True when `id` votes and holds data. */
export function isDataVoter(configuration: Configuration, id: NodeId): boolean {
  return isVoter(configuration, id) && !isWitness(configuration, id);
}

/** True when `id` may lead: it votes, holds data, and no other server is set as the only leader. */
export function isElectable(configuration: Configuration, id: NodeId): boolean {
  const { staticLeader } = configuration;
  const isAllowed = staticLeader === undefined || staticLeader === id;
  return isAllowed && isDataVoter(configuration, id);
}

/** True while a change is in its joint phase. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** True for that of a server that is new and has not been told who takes part. */
export function isBlank(configuration: Configuration): boolean {
  return configuration.voters.length === 0;
}

/** True when nobody else's vote counts. */
export function soleVoter(configuration: Configuration, id: NodeId): boolean {
  const isOther = (voter: Voter): boolean => voter.id !== id;
  return (
    isVoter(configuration, id) &&
    !configuration.voters.some(isOther) &&
    !configuration.outgoing.some(isOther)
  );
}

/** What is known about `id` beyond its vote. */
export function serverRecord(configuration: Configuration, id: NodeId): ServerRecord | undefined {
  return configuration.servers?.find((server) => server.id === id);
}

/** The same configuration in its one form: optional fields that say nothing are absent. */
export function tidied(configuration: Configuration): Configuration {
  const { voters, learners, outgoing, staticLeader } = configuration;
  const { witnesses = [], preferred = [], epoch = 0, servers = [], removed = [] } = configuration;
  return {
    voters,
    learners,
    outgoing,
    ...(witnesses.length === 0 ? {} : { witnesses }),
    ...(preferred.length === 0 ? {} : { preferred }),
    ...(staticLeader === undefined ? {} : { staticLeader }),
    ...(epoch === 0 ? {} : { epoch }),
    ...(servers.length === 0 ? {} : { servers }),
    ...(removed.length === 0 ? {} : { removed }),
  };
}

/** True when an engine can work with `configuration`; a blank one is sound only at the very start. */
export function isSound(configuration: Configuration): boolean {
  const { voters, learners, outgoing } = configuration;
  if (voters.length === 0) return false;
  for (const list of [voters, learners, outgoing]) if (list.length > serversMax) return false;
  const voterIds = voters.map((voter) => voter.id);
  const outgoingIds = outgoing.map((voter) => voter.id);
  return (
    [...voters, ...outgoing].every((voter) => isVoteCount(voter.votes)) &&
    [...voterIds, ...outgoingIds, ...learners].every(isNodeId) &&
    areDistinct([...voterIds, ...learners]) &&
    areDistinct(outgoingIds) &&
    areRolesSound(configuration) &&
    areRecordsSound(configuration)
  );
}

/** Witnesses do not decide alone, and whoever is to lead can. */
function areRolesSound(configuration: Configuration): boolean {
  const { voters, outgoing, witnesses = [], preferred = [], staticLeader } = configuration;
  return (
    !decideAlone(voters, witnesses) &&
    !decideAlone(outgoing, witnesses) &&
    areDistinct(witnesses) &&
    witnesses.every((id) => isVoter(configuration, id)) &&
    preferred.length <= serversMax &&
    areDistinct(preferred) &&
    preferred.every(isNodeId) &&
    (staticLeader === undefined || isElectable(configuration, staticLeader))
  );
}

/** A majority of witnesses would commit what hardly anybody holds. */
function decideAlone(voters: readonly Voter[], witnesses: readonly NodeId[]): boolean {
  let balance = 0;
  for (const { id, votes } of voters) balance += witnesses.includes(id) ? votes : -votes;
  return balance > 0;
}

function areRecordsSound(configuration: Configuration): boolean {
  const { epoch = 0, servers = [], removed = [] } = configuration;
  const current = configurationServers(configuration);
  return (
    isCounter(epoch) &&
    areDistinct(servers.map((server) => server.id)) &&
    servers.every((server) => current.has(server.id) && isRecordSound(server)) &&
    removed.length <= removedMax &&
    areDistinct(removed) &&
    removed.every(isNodeId)
  );
}

function isRecordSound({ incarnation, urls }: ServerRecord): boolean {
  return isCounter(incarnation) && areUrls(urls);
}

/** True for addresses that a {@link ServerRecord} may hold. */
export function areUrls(urls: readonly string[]): boolean {
  return urls.length <= urlsMax && urls.every((url) => url.length <= urlLengthMax);
}

/** True for a string that can be a {@link NodeId}. */
export function isNodeId(id: string): boolean {
  return id.length >= 1 && id.length <= nodeIdLengthMax;
}

/** True for the weight of a voter. */
export function isVoteCount(votes: number): boolean {
  return Number.isSafeInteger(votes) && votes >= 1 && votes <= votesMax;
}

function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function names(voters: readonly Voter[], id: NodeId): boolean {
  return voters.some((voter) => voter.id === id);
}

function areDistinct(ids: readonly NodeId[]): boolean {
  return new Set(ids).size === ids.length;
}
