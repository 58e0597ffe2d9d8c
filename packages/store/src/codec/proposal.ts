/**
 * The bytes of one log entry: etcd's `InternalRaftRequest` (api/etcdserverpb/raft_internal.proto),
 * so that etcd's own dump tools read our log, with our session fields beside it in numbers that
 * etcd does not use. Pure.
 */
import { emptyBytes, WireError, WireReader, WireWriter } from "@flotilla/base";
import type { Requester } from "../auth/contract.ts";
import type { Command, MemberAttributes, Proposal } from "../contract.ts";
import { readAuthCommand, writeAuthCommand } from "./auth-commands.ts";
import {
  alarmField,
  downgradeField,
  readAlarm,
  readDowngrade,
  writeAlarm,
  writeDowngrade,
} from "./cluster-commands.ts";
import {
  boolField,
  bytesField,
  integerField,
  messageField,
  signedField,
  textField,
  unsignedField,
} from "./fields.ts";
import {
  readDeleteRangeRequest,
  readPutRequest,
  writeDeleteRangeRequest,
  writePutRequest,
} from "./requests.ts";
import { readTxnRequest, writeTxnRequest } from "./txn-request.ts";

const field = {
  put: 4,
  deleteRange: 5,
  txn: 6,
  compaction: 7,
  leaseGrant: 8,
  leaseRevoke: 9,
  memberAttributes: 1301,
  session: 20_001,
  sequence: 20_002,
  settledBelow: 20_003,
  onlyInTerm: 20_004,
  openedAt: 20_005,
  user: 20_006,
  authRevision: 20_007,
  byCluster: 20_008,
} as const;
/** More than tags, lengths, a lease and what all proposals carry take; not the name of a user. */
const putOverheadBytes = 96;
/** Beside name and client URLs in `membershippb.Attributes`. */
const apiUrlField = 20_001;

/** The bytes of a log entry that carries `proposal`. */
export function encodeProposal(proposal: Proposal): Uint8Array {
  const writer = new WireWriter(capacityFor(proposal.command));
  writeCommand(writer, proposal.command);
  writer.fieldVarint64(field.session, proposal.session);
  writer.fieldVarint(field.sequence, proposal.sequence);
  writer.fieldVarint(field.settledBelow, proposal.settledBelow);
  writer.fieldVarint(field.onlyInTerm, proposal.onlyInTerm);
  writer.fieldVarint(field.openedAt, proposal.openedAt);
  const { principal } = proposal;
  if (principal === "cluster") writer.fieldBool(field.byCluster, true);
  else if (principal !== undefined) {
    writer.fieldTextAlways(field.user, principal.user);
    writer.fieldVarint(field.authRevision, principal.authRevision);
  }
  return writer.seal();
}

/** The reverse; its byte strings are views into `bytes`. Throws `WireError` or `CodecError`. */
export function decodeProposal(bytes: Uint8Array): Proposal {
  const reader = new WireReader(bytes);
  let session = 0n;
  let openedAt = 0;
  let sequence = 0;
  let settledBelow = 0;
  let onlyInTerm = 0;
  let user: string | undefined;
  let authRevision = 0;
  let byCluster = false;
  let command: Command | undefined;
  while (reader.next()) {
    if (reader.field === field.session) session = unsignedField(reader);
    else if (reader.field === field.sequence) sequence = integerField(reader);
    else if (reader.field === field.settledBelow) settledBelow = integerField(reader);
    else if (reader.field === field.onlyInTerm) onlyInTerm = integerField(reader);
    else if (reader.field === field.openedAt) openedAt = integerField(reader);
    else if (reader.field === field.user) user = textField(reader);
    else if (reader.field === field.authRevision) authRevision = integerField(reader);
    else if (reader.field === field.byCluster) byCluster = boolField(reader);
    else command = readCommand(reader) ?? command;
  }
  if (command === undefined) throw new WireError("a log entry without a command");
  const named: Requester | undefined = user === undefined ? undefined : { user, authRevision };
  const principal = byCluster ? "cluster" : named;
  return {
    session,
    openedAt,
    sequence,
    settledBelow,
    onlyInTerm,
    ...(principal === undefined ? {} : { principal }),
    command,
  };
}

/** Enough for most: a buffer that has to grow stays twice as large as what is in it. */
function capacityFor(command: Command): number {
  if (command.kind !== "put") return 256;
  const { key, value } = command.request;
  return key.length + value.length + putOverheadBytes;
}

function writeCommand(writer: WireWriter, command: Command): void {
  switch (command.kind) {
    case "put":
      writer.fieldMessage(field.put, (body) => writePutRequest(body, command.request));
      break;
    case "deleteRange":
      writer.fieldMessage(field.deleteRange, (body) =>
        writeDeleteRangeRequest(body, command.request),
      );
      break;
    case "txn":
      writer.fieldMessage(field.txn, (body) => writeTxnRequest(body, command.request));
      break;
    case "compact":
      writer.fieldMessage(field.compaction, (body) => {
        body.fieldVarint(1, command.revision);
        body.fieldBool(2, command.physical);
      });
      break;
    case "leaseGrant":
      writer.fieldMessage(field.leaseGrant, (body) => {
        body.fieldVarint(1, command.ttlSeconds);
        body.fieldVarint64(2, command.id);
      });
      break;
    case "leaseRevoke":
      writer.fieldMessage(field.leaseRevoke, (body) => body.fieldVarint64(1, command.id));
      break;
    case "memberAttributes":
      writer.fieldMessage(field.memberAttributes, (body) => {
        body.fieldVarint64(1, command.attributes.memberId);
        body.fieldMessage(2, (inner) => writeAttributes(inner, command.attributes));
      });
      break;
    case "alarm":
      writeAlarm(writer, command);
      break;
    case "downgrade":
      writeDowngrade(writer, command);
      break;
    default:
      writeAuthCommand(writer, command);
  }
}

function readCommand(reader: WireReader): Command | undefined {
  switch (reader.field) {
    case field.put:
      return { kind: "put", request: readPutRequest(messageField(reader)) };
    case field.deleteRange:
      return { kind: "deleteRange", request: readDeleteRangeRequest(messageField(reader)) };
    case field.txn:
      return { kind: "txn", request: readTxnRequest(messageField(reader)) };
    case field.compaction:
      return readCompaction(messageField(reader));
    case field.leaseGrant:
      return readLeaseGrant(messageField(reader));
    case field.leaseRevoke:
      return readLeaseRevoke(messageField(reader));
    case field.memberAttributes:
      return { kind: "memberAttributes", attributes: readMember(messageField(reader)) };
    case alarmField:
      return readAlarm(messageField(reader));
    case downgradeField:
      return readDowngrade(messageField(reader));
    default:
      return readAuthCommand(reader);
  }
}

function readCompaction(reader: WireReader): Command {
  let revision = 0;
  let physical = false;
  while (reader.next()) {
    if (reader.field === 1) revision = integerField(reader);
    else if (reader.field === 2) physical = boolField(reader);
    else reader.skip();
  }
  return { kind: "compact", revision, physical };
}

function readLeaseGrant(reader: WireReader): Command {
  let ttlSeconds = 0;
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) ttlSeconds = integerField(reader);
    else if (reader.field === 2) id = signedField(reader);
    else reader.skip();
  }
  return { kind: "leaseGrant", id, ttlSeconds };
}

function readLeaseRevoke(reader: WireReader): Command {
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) id = signedField(reader);
    else reader.skip();
  }
  return { kind: "leaseRevoke", id };
}

/** `membershippb.Attributes` with the address of the Kubernetes API: also how the store keeps them. */
export function writeAttributes(writer: WireWriter, attributes: MemberAttributes): void {
  writer.fieldText(1, attributes.name);
  for (const url of attributes.clientUrls) writer.fieldTextAlways(2, url);
  writer.fieldText(apiUrlField, attributes.apiUrl);
}

/** Throws `WireError`. */
export function readAttributes(memberId: bigint, bytes: Uint8Array): MemberAttributes {
  const reader = new WireReader(bytes);
  let name = "";
  let apiUrl = "";
  const clientUrls: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 2) clientUrls.push(textField(reader));
    else if (reader.field === apiUrlField) apiUrl = textField(reader);
    else reader.skip();
  }
  return { memberId, name, clientUrls, apiUrl };
}

function readMember(reader: WireReader): MemberAttributes {
  let memberId = 0n;
  let attributes = emptyBytes;
  while (reader.next()) {
    if (reader.field === 1) memberId = unsignedField(reader);
    else if (reader.field === 2) attributes = bytesField(reader);
    else reader.skip();
  }
  return readAttributes(memberId, attributes);
}
