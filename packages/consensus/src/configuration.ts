/**
 * Who takes part: questions about a {@link Configuration}, and its bytes in a `config` entry.
 *
 * The bytes are a protobuf message whose field numbers lie above those of etcd's
 * `raftpb.ConfChangeV2`, so that etcd's log dump reads such an entry as an empty change.
 *
 * | field | content                                            |
 * |-------|----------------------------------------------------|
 * | 16    | voter, repeated: {1: id as text, 2: votes}         |
 * | 17    | learner, repeated: id as text                      |
 * | 18    | outgoing voter, repeated: same shape as 16         |
 *
 * Pure.
 */
import { encodeMessage, WireError, WireReader, type WireWriter, wireType } from "@flotilla/base";
import type { Configuration, NodeId, Voter } from "./contract.ts";

/** Servers that one configuration may name in each of its three lists. */
export const serversMax = 255;
/** Votes of one server; keeps every sum of votes exact. */
export const votesMax = 1_000_000;
/** Characters in a {@link NodeId}. */
export const nodeIdLengthMax = 64;

const field = { voter: 16, learner: 17, outgoing: 18, id: 1, votes: 2 } as const;

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
  return has(configuration.voters, id) || has(configuration.outgoing, id);
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

function has(voters: readonly Voter[], id: NodeId): boolean {
  return voters.some((voter) => voter.id === id);
}

/** The data of a `config` entry. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  return encodeMessage((writer) => {
    for (const voter of configuration.voters) writeVoter(writer, field.voter, voter);
    for (const id of configuration.learners) writer.fieldTextAlways(field.learner, id);
    for (const voter of configuration.outgoing) writeVoter(writer, field.outgoing, voter);
  });
}

function writeVoter(writer: WireWriter, number: number, voter: Voter): void {
  writer.fieldMessage(number, (body) => {
    body.fieldText(field.id, voter.id);
    body.fieldVarint(field.votes, voter.votes);
  });
}

/**
 * The configuration in the data of a `config` entry; undefined when the bytes are not one.
 *
 * Refuses a configuration without voters, doubled servers, and everything beyond the limits above.
 */
export function decodeConfiguration(data: Uint8Array): Configuration | undefined {
  try {
    const configuration = readConfiguration(new WireReader(data));
    return isSound(configuration) ? configuration : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function readConfiguration(reader: WireReader): Configuration {
  const voters: Voter[] = [];
  const learners: NodeId[] = [];
  const outgoing: Voter[] = [];
  while (reader.next()) {
    const isMessage = reader.type === wireType.bytes;
    if (isMessage && reader.field === field.voter) voters.push(readVoter(reader.message()));
    else if (isMessage && reader.field === field.learner) learners.push(reader.text());
    else if (isMessage && reader.field === field.outgoing)
      outgoing.push(readVoter(reader.message()));
    else reader.skip();
  }
  return { voters, learners, outgoing };
}

function readVoter(reader: WireReader): Voter {
  let id = "";
  let votes = 0;
  while (reader.next()) {
    if (reader.field === field.id && reader.type === wireType.bytes) id = reader.text();
    else if (reader.field === field.votes && reader.type === wireType.varint) {
      votes = reader.varint();
    } else reader.skip();
  }
  return { id, votes };
}

function isSound(configuration: Configuration): boolean {
  const { voters, learners, outgoing } = configuration;
  if (voters.length === 0) return false;
  for (const list of [voters, learners, outgoing]) if (list.length > serversMax) return false;
  const voterIds = voters.map((voter) => voter.id);
  const outgoingIds = outgoing.map((voter) => voter.id);
  return (
    [...voters, ...outgoing].every((voter) => voter.votes >= 1 && voter.votes <= votesMax) &&
    [...voterIds, ...outgoingIds, ...learners].every(isNodeId) &&
    areDistinct([...voterIds, ...learners]) &&
    areDistinct(outgoingIds)
  );
}

/** True for a string that can be a {@link NodeId}. */
export function isNodeId(id: string): boolean {
  return id.length >= 1 && id.length <= nodeIdLengthMax;
}

function areDistinct(ids: readonly NodeId[]): boolean {
  return new Set(ids).size === ids.length;
}
