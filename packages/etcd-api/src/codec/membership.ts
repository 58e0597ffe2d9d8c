/**
 * Messages of `flotilla.v1.Membership`, in both directions: this server's, and those of its clients.
 *
 * `Describe` takes nothing. `Change` and `Describe` answer with the same message:
 *
 * | field | MembershipAnswer                                                          |
 * |-------|---------------------------------------------------------------------------|
 * | 1     | etcd's ResponseHeader                                                     |
 * | 2     | member, repeated                                                          |
 * | 3     | leader: id; 0 when none answered, and then 4 to 10, 12 and 13 are missing |
 * | 4     | term of the leader                                                        |
 * | 5     | epoch: counts forced recoveries                                           |
 * | 6     | place of the configuration in the log                                     |
 * | 7     | that entry is committed                                                   |
 * | 8, 9  | commit index and last index of the leader's log                           |
 * | 10    | to whom leadership is being handed: id                                    |
 * | 11    | the only member that may lead: id                                         |
 * | 12    | removed, repeated: id                                                     |
 * | 13    | first index at which a member's log contradicts what is committed         |
 * | 14    | added by this change, repeated, in its order: id                          |
 * | 15    | why the member that was asked takes no part {1 kind as text, 2 until}     |
 *
 * | field | member                                                                    |
 * |-------|---------------------------------------------------------------------------|
 * | 1-5   | as in etcd's Member: id, name, peer URLs, client URLs, is a learner       |
 * | 6     | votes                                                                     |
 * | 7     | votes in the old half of a change that is under way                       |
 * | 8     | is a witness                                                              |
 * | 9     | place among the preferred leaders, from 1                                 |
 * | 10    | highest log index that it is known to hold                                |
 * | 11    | 1 being probed, 2 keeping up, 3 getting a snapshot; 0 for the leader      |
 * | 12    | has answered the leader lately                                            |
 *
 * | field | ChangeRequest                                                             |
 * |-------|---------------------------------------------------------------------------|
 * | 1     | step, repeated: exactly one of the fields below                           |
 * | 2     | force: make it even if members that run would be no quorum                |
 *
 * | field | step                                                                      |
 * |-------|---------------------------------------------------------------------------|
 * | 1     | add {2 votes, 3 is a witness, 4 peer URL, repeated}                       |
 * | 2     | remove {1 id}                                                             |
 * | 3     | promote {1 id, 2 votes}                                                   |
 * | 4     | demote {1 id}                                                             |
 * | 5     | votes {1 id, 2 votes}                                                     |
 * | 6     | prefer {1 id, repeated}                                                   |
 * | 7     | static leader {1 id; 0 ends it}                                           |
 * | 8     | urls {1 id, 4 peer URL, repeated}                                         |
 */
import { WireError, WireReader, type WireWriter } from "@flotilla/base";
import { changeStepsMax } from "../limits.ts";

/** How the log gets to a member. */
export type ReplicationState = "none" | "probe" | "replicate" | "snapshot";
const states: readonly ReplicationState[] = ["none", "probe", "replicate", "snapshot"];

/** One member, as the leader sees it and as it has told about itself. */
export interface MemberDescription {
  readonly id: bigint;
  /** Empty until the member has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
  readonly votes: number;
  readonly outgoingVotes: number;
  readonly isWitness: boolean;
  readonly preferredRank: number;
  readonly matchIndex: number;
  readonly state: ReplicationState;
  readonly isActive: boolean;
}

/** Who takes part, and how well. */
export interface MembershipDescription {
  /** Sorted by id. */
  readonly members: readonly MemberDescription[];
  /** 0 when no leader answered: then members and static leader are told, as the asked member knows them. */
  readonly leaderId: bigint;
  readonly term: number;
  readonly epoch: number;
  readonly configurationIndex: number;
  readonly isConfigurationCommitted: boolean;
  readonly commitIndex: number;
  readonly lastIndex: number;
  /** 0 when leadership is not being handed over. */
  readonly transferTarget: bigint;
  /** 0 when every voter with data may lead. */
  readonly staticLeader: bigint;
  readonly removed: readonly bigint[];
  /** 0 when nothing contradicts. */
  readonly divergedAt: number;
  readonly added: readonly bigint[];
  /** Of the member that was asked; undefined while it takes part. */
  readonly isolation: MemberIsolation | undefined;
}

/** Why a member takes no part: the engine's `Isolation`, as far as a client can use it. */
export interface MemberIsolation {
  /** "removed", "superseded", "lostDisk", "lacksData" or "lostEntries". */
  readonly kind: string;
  /** `lostEntries`: the index that it has to hold again; else 0. */
  readonly until: number;
}

/** One step of a change; the same as the engine's, with ids in place of names, and none for a member that is new. */
export type MembershipStep =
  | {
      readonly kind: "add";
      readonly votes: number;
      readonly isWitness: boolean;
      readonly peerUrls: readonly string[];
    }
  | { readonly kind: "remove"; readonly id: bigint }
  | { readonly kind: "promote"; readonly id: bigint; readonly votes: number }
  | { readonly kind: "demote"; readonly id: bigint }
  | { readonly kind: "votes"; readonly id: bigint; readonly votes: number }
  | { readonly kind: "prefer"; readonly ids: readonly bigint[] }
  /** 0 ends it. */
  | { readonly kind: "staticLeader"; readonly id: bigint }
  | { readonly kind: "urls"; readonly id: bigint; readonly peerUrls: readonly string[] };

/** All of it is made at once, or nothing. */
export interface MembershipChange {
  readonly steps: readonly MembershipStep[];
  readonly force: boolean;
}

const stepFields = {
  add: 1,
  remove: 2,
  promote: 3,
  demote: 4,
  votes: 5,
  prefer: 6,
  staticLeader: 7,
  urls: 8,
} as const;

/** All of a MembershipAnswer but its header. */
export function writeMembership(writer: WireWriter, description: MembershipDescription): void {
  for (const member of description.members) {
    writer.fieldMessage(2, (body) => writeMemberDescription(body, member));
  }
  writer.fieldVarint64(3, description.leaderId);
  writer.fieldVarint(4, description.term);
  writer.fieldVarint(5, description.epoch);
  writer.fieldVarint(6, description.configurationIndex);
  writer.fieldBool(7, description.isConfigurationCommitted);
  writer.fieldVarint(8, description.commitIndex);
  writer.fieldVarint(9, description.lastIndex);
  writer.fieldVarint64(10, description.transferTarget);
  writer.fieldVarint64(11, description.staticLeader);
  for (const id of description.removed) writer.fieldVarint64(12, id);
  writer.fieldVarint(13, description.divergedAt);
  for (const id of description.added) writer.fieldVarint64(14, id);
  const { isolation } = description;
  if (isolation === undefined) return;
  writer.fieldMessage(15, (body) => {
    body.fieldText(1, isolation.kind);
    body.fieldVarint(2, isolation.until);
  });
}

function writeMemberDescription(body: WireWriter, member: MemberDescription): void {
  body.fieldVarint64(1, member.id);
  body.fieldText(2, member.name);
  for (const url of member.peerUrls) body.fieldTextAlways(3, url);
  for (const url of member.clientUrls) body.fieldTextAlways(4, url);
  body.fieldBool(5, member.isLearner);
  body.fieldVarint(6, member.votes);
  body.fieldVarint(7, member.outgoingVotes);
  body.fieldBool(8, member.isWitness);
  body.fieldVarint(9, member.preferredRank);
  body.fieldVarint(10, member.matchIndex);
  body.fieldVarint(11, states.indexOf(member.state));
  body.fieldBool(12, member.isActive);
}

/** A MembershipAnswer. Throws `WireError`. */
export function decodeMembership(bytes: Uint8Array): MembershipDescription {
  const reader = new WireReader(bytes);
  const members: MemberDescription[] = [];
  const removed: bigint[] = [];
  const added: bigint[] = [];
  const ids = { leaderId: 0n, transferTarget: 0n, staticLeader: 0n };
  const numbers = { term: 0, epoch: 0, configurationIndex: 0, commitIndex: 0, lastIndex: 0 };
  let isConfigurationCommitted = false;
  let divergedAt = 0;
  let isolation: MemberIsolation | undefined;
  while (reader.next()) {
    if (reader.field === 2) members.push(readMemberDescription(reader.message()));
    else if (reader.field === 3) ids.leaderId = reader.varint64();
    else if (reader.field === 4) numbers.term = reader.varint();
    else if (reader.field === 5) numbers.epoch = reader.varint();
    else if (reader.field === 6) numbers.configurationIndex = reader.varint();
    else if (reader.field === 7) isConfigurationCommitted = reader.bool();
    else if (reader.field === 8) numbers.commitIndex = reader.varint();
    else if (reader.field === 9) numbers.lastIndex = reader.varint();
    else if (reader.field === 10) ids.transferTarget = reader.varint64();
    else if (reader.field === 11) ids.staticLeader = reader.varint64();
    else if (reader.field === 12) removed.push(reader.varint64());
    else if (reader.field === 13) divergedAt = reader.varint();
    else if (reader.field === 14) added.push(reader.varint64());
    else if (reader.field === 15) isolation = readIsolation(reader.message());
    else reader.skip();
  }
  const lists = { members, removed, added };
  return { ...lists, ...ids, ...numbers, isConfigurationCommitted, divergedAt, isolation };
}

function readIsolation(reader: WireReader): MemberIsolation {
  let kind = "";
  let until = 0;
  while (reader.next()) {
    if (reader.field === 1) kind = reader.text();
    else if (reader.field === 2) until = reader.varint();
    else reader.skip();
  }
  return { kind, until };
}

function readMemberDescription(reader: WireReader): MemberDescription {
  const peerUrls: string[] = [];
  const clientUrls: string[] = [];
  const numbers = { votes: 0, outgoingVotes: 0, preferredRank: 0, matchIndex: 0 };
  const flags = { isLearner: false, isWitness: false, isActive: false };
  let id = 0n;
  let name = "";
  let state: ReplicationState = "none";
  while (reader.next()) {
    if (reader.field === 1) id = reader.varint64();
    else if (reader.field === 2) name = reader.text();
    else if (reader.field === 3) peerUrls.push(reader.text());
    else if (reader.field === 4) clientUrls.push(reader.text());
    else if (reader.field === 5) flags.isLearner = reader.bool();
    else if (reader.field === 6) numbers.votes = reader.varint();
    else if (reader.field === 7) numbers.outgoingVotes = reader.varint();
    else if (reader.field === 8) flags.isWitness = reader.bool();
    else if (reader.field === 9) numbers.preferredRank = reader.varint();
    else if (reader.field === 10) numbers.matchIndex = reader.varint();
    else if (reader.field === 11) state = states[reader.varint()] ?? "none";
    else if (reader.field === 12) flags.isActive = reader.bool();
    else reader.skip();
  }
  return { id, name, peerUrls, clientUrls, ...flags, ...numbers, state };
}

/** A ChangeRequest. */
export function writeMembershipChange(writer: WireWriter, change: MembershipChange): void {
  for (const step of change.steps) {
    writer.fieldMessage(1, (body) => {
      body.fieldMessage(stepFields[step.kind], (fields) => writeStep(fields, step));
    });
  }
  writer.fieldBool(2, change.force);
}

function writeStep(writer: WireWriter, step: MembershipStep): void {
  if ("id" in step) writer.fieldVarint64(1, step.id);
  if ("ids" in step) for (const id of step.ids) writer.fieldVarint64(1, id);
  if ("votes" in step) writer.fieldVarint(2, step.votes);
  if ("isWitness" in step) writer.fieldBool(3, step.isWitness);
  if ("peerUrls" in step) for (const url of step.peerUrls) writer.fieldTextAlways(4, url);
}

/** A ChangeRequest. Throws `WireError`. */
export function decodeMembershipChange(bytes: Uint8Array): MembershipChange {
  const reader = new WireReader(bytes);
  const steps: MembershipStep[] = [];
  let force = false;
  while (reader.next()) {
    if (reader.field === 1) steps.push(readStep(reader.message()));
    else if (reader.field === 2) force = reader.bool();
    else reader.skip();
    if (steps.length > changeStepsMax) throw new WireError(`more than ${changeStepsMax} steps`);
  }
  return { steps, force };
}

function readStep(reader: WireReader): MembershipStep {
  const kinds = Object.keys(stepFields) as MembershipStep["kind"][];
  while (reader.next()) {
    const kind = kinds.find((name) => stepFields[name] === reader.field);
    if (kind !== undefined) return stepOf(kind, readStepFields(reader.message()));
    reader.skip();
  }
  throw new WireError("a step of no known kind");
}

interface StepFields {
  readonly ids: readonly bigint[];
  readonly votes: number;
  readonly isWitness: boolean;
  readonly peerUrls: readonly string[];
}

function readStepFields(reader: WireReader): StepFields {
  const ids: bigint[] = [];
  const peerUrls: string[] = [];
  let votes = 0;
  let isWitness = false;
  while (reader.next()) {
    if (reader.field === 1) ids.push(reader.varint64());
    else if (reader.field === 2) votes = reader.varint();
    else if (reader.field === 3) isWitness = reader.bool();
    else if (reader.field === 4) peerUrls.push(reader.text());
    else reader.skip();
  }
  return { ids, votes, isWitness, peerUrls };
}

function stepOf(kind: MembershipStep["kind"], fields: StepFields): MembershipStep {
  const { ids, votes, isWitness, peerUrls } = fields;
  const id = ids.at(-1) ?? 0n;
  switch (kind) {
    case "add":
      return { kind, votes, isWitness, peerUrls };
    case "prefer":
      return { kind, ids };
    case "promote":
    case "votes":
      return { kind, id, votes };
    case "urls":
      return { kind, id, peerUrls };
    case "remove":
    case "demote":
    case "staticLeader":
      return { kind, id };
  }
}
