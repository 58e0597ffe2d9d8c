/**
 * A {@link Configuration} as the bytes of a `config` entry.
 *
 * The bytes are a protobuf message whose field numbers lie above those of etcd's
 * `raftpb.ConfChangeV2`, so that etcd's log dump reads such an entry as an empty change.
 *
 * | field | content                                                              |
 * |-------|----------------------------------------------------------------------|
 * | 16    | voter, repeated: {1: id as text, 2: votes}                           |
 * | 17    | learner, repeated: id as text                                        |
 * | 18    | outgoing voter, repeated: same shape as 16                           |
 * | 19    | witness, repeated: id as text                                        |
 * | 20    | preferred leader, repeated, most wanted first: id as text            |
 * | 21    | static leader: id as text                                            |
 * | 22    | epoch                                                                |
 * | 23    | server, repeated: {1: id as text, 2: incarnation, 3: url, repeated}  |
 * | 24    | removed server, repeated, newest last: id as text                    |
 *
 * Pure.
 */
import { encodeMessage, WireError, WireReader, type WireWriter, wireType } from "@flotilla/base";
import { isBlank, isSound, tidied } from "./configuration.ts";
import type { Configuration, NodeId, ServerRecord, Voter } from "./contract.ts";

const field = {
  voter: 16,
  learner: 17,
  outgoing: 18,
  witness: 19,
  preferred: 20,
  staticLeader: 21,
  epoch: 22,
  server: 23,
  removed: 24,
} as const;
/** The fields that hold nothing but an id. */
type IdField = "learner" | "witness" | "preferred" | "staticLeader" | "removed";
const idFields: ReadonlyMap<number, IdField> = new Map([
  [field.learner, "learner"],
  [field.witness, "witness"],
  [field.preferred, "preferred"],
  [field.staticLeader, "staticLeader"],
  [field.removed, "removed"],
]);
const voterField = { id: 1, votes: 2 } as const;
const serverField = { id: 1, incarnation: 2, url: 3 } as const;

/** The data of a `config` entry. Never empty, also for a blank configuration. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  return encodeMessage((writer) => {
    const { witnesses = [], preferred = [], servers = [], removed = [] } = configuration;
    for (const voter of configuration.voters) writeVoter(writer, field.voter, voter);
    writeIds(writer, field.learner, configuration.learners);
    for (const voter of configuration.outgoing) writeVoter(writer, field.outgoing, voter);
    writeIds(writer, field.witness, witnesses);
    writeIds(writer, field.preferred, preferred);
    writer.fieldText(field.staticLeader, configuration.staticLeader ?? "");
    writeEpoch(writer, configuration);
    for (const server of servers) writeServer(writer, server);
    writeIds(writer, field.removed, removed);
  });
}

/** A blank configuration says its epoch also when that is 0: nothing at all would be no bytes. */
function writeEpoch(writer: WireWriter, configuration: Configuration): void {
  const { epoch = 0 } = configuration;
  if (epoch === 0 && !isBlank(configuration)) return;
  writer.tag(field.epoch, wireType.varint);
  writer.varint(epoch);
}

function writeIds(writer: WireWriter, number: number, ids: readonly NodeId[]): void {
  for (const id of ids) writer.fieldTextAlways(number, id);
}

function writeVoter(writer: WireWriter, number: number, voter: Voter): void {
  writer.fieldMessage(number, (body) => {
    body.fieldText(voterField.id, voter.id);
    body.fieldVarint(voterField.votes, voter.votes);
  });
}

function writeServer(writer: WireWriter, server: ServerRecord): void {
  writer.fieldMessage(field.server, (body) => {
    body.fieldText(serverField.id, server.id);
    body.fieldVarint(serverField.incarnation, server.incarnation);
    for (const url of server.urls) body.fieldTextAlways(serverField.url, url);
  });
}

/**
 * The configuration in the data of a `config` entry; undefined when the bytes are not one, or not a
 * sound one: doubled servers, nobody with data to vote, anything beyond the limits.
 *
 * One without voters is taken only with `allowsBlank`, for the snapshot at index 0 that a new
 * server starts from.
 */
export function decodeConfiguration(
  data: Uint8Array,
  options: { readonly allowsBlank?: boolean } = {},
): Configuration | undefined {
  try {
    const configuration = readConfiguration(new WireReader(data));
    const isTaken =
      isSound(configuration) || (options.allowsBlank === true && isSoundBlank(configuration));
    return isTaken ? configuration : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** A blank configuration names nobody; it may know the epoch. */
function isSoundBlank(configuration: Configuration): boolean {
  const { voters, learners, outgoing, epoch = 0, ...more } = configuration;
  const count = voters.length + learners.length + outgoing.length + Object.keys(more).length;
  return count === 0 && epoch >= 0;
}

function readConfiguration(reader: WireReader): Configuration {
  const voters: Voter[] = [];
  const outgoing: Voter[] = [];
  const servers: ServerRecord[] = [];
  const ids: Record<IdField, NodeId[]> = {
    learner: [],
    witness: [],
    preferred: [],
    staticLeader: [],
    removed: [],
  };
  let epoch = 0;
  while (reader.next()) {
    const idField = idFields.get(reader.field);
    if (reader.field === field.epoch && reader.type === wireType.varint) epoch = reader.varint();
    else if (reader.type !== wireType.bytes) reader.skip();
    else if (idField !== undefined) ids[idField].push(reader.text());
    else if (reader.field === field.voter) voters.push(readVoter(reader.message()));
    else if (reader.field === field.outgoing) outgoing.push(readVoter(reader.message()));
    else if (reader.field === field.server) servers.push(readServer(reader.message()));
    else reader.skip();
  }
  const staticLeader = ids.staticLeader.at(-1);
  return tidied({
    voters,
    learners: ids.learner,
    outgoing,
    witnesses: ids.witness,
    preferred: ids.preferred,
    ...(staticLeader === undefined ? {} : { staticLeader }),
    epoch,
    servers,
    removed: ids.removed,
  });
}

function readVoter(reader: WireReader): Voter {
  let id = "";
  let votes = 0;
  while (reader.next()) {
    if (reader.field === voterField.id && reader.type === wireType.bytes) id = reader.text();
    else if (reader.field === voterField.votes && reader.type === wireType.varint) {
      votes = reader.varint();
    } else reader.skip();
  }
  return { id, votes };
}

function readServer(reader: WireReader): ServerRecord {
  let id = "";
  let incarnation = 0;
  const urls: string[] = [];
  while (reader.next()) {
    const isBytes = reader.type === wireType.bytes;
    if (reader.field === serverField.id && isBytes) id = reader.text();
    else if (reader.field === serverField.url && isBytes) urls.push(reader.text());
    else if (reader.field === serverField.incarnation && reader.type === wireType.varint) {
      incarnation = reader.varint();
    } else reader.skip();
  }
  return { id, incarnation, urls };
}
