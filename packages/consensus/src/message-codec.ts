/**
 * Messages between servers as bytes: one flat protobuf-style record for every kind.
 *
 * | field | content                                                                        |
 * |-------|--------------------------------------------------------------------------------|
 * | 1     | kind, see `kindNumbers`                                                        |
 * | 2, 3  | from, to, as text                                                              |
 * | 4     | term                                                                           |
 * | 5     | index: lastIndex, prevIndex, matchIndex, rejectedIndex or index                |
 * | 6     | term at that index: lastTerm, prevTerm or hintTerm                             |
 * | 7     | commit                                                                         |
 * | 8     | hintIndex                                                                      |
 * | 9     | flag: granted, transfer, lacksData or standsBack                               |
 * | 10    | number: readRound, requestId or reason, see `refusalNumbers`                   |
 * | 11    | bytes, repeated: the data of an entry, or a forwarded proposal                 |
 * | 12    | from here on, entries have this term; before the first one: the term in 6      |
 * | 13    | from here on, entries have this kind; before the first one: command            |
 * | 14    | snapshot: {1: index, 2: term, 3: configuration}                                |
 * | 15    | epoch of the sender's configuration                                            |
 * | 16    | incarnation of the sender                                                      |
 * | 17    | incarnation of the sender that is refused                                      |
 *
 * A departure from protobuf: the order of fields 6, 11, 12 and 13 matters. It buys entries that
 * cost a tag and a length each and no object to decode; their indexes follow from prevIndex.
 *
 * Pure. `decodeMessage` throws {@link WireError} on whatever is not a well-formed message and
 * aliases its input.
 */
import { assert, assertNever, WireError, WireReader, WireWriter, wireType } from "@flotilla/base";
import { isNodeId } from "./configuration.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration-codec.ts";
import type { Entry, Envelope, Message, RefusalReason, SnapshotMeta } from "./contract.ts";

const field = {
  kind: 1,
  from: 2,
  to: 3,
  term: 4,
  index: 5,
  logTerm: 6,
  commit: 7,
  hintIndex: 8,
  flag: 9,
  number: 10,
  data: 11,
  entryTerm: 12,
  entryKind: 13,
  snapshot: 14,
  epoch: 15,
  incarnation: 16,
  refusedIncarnation: 17,
} as const;
/** Fields beyond it are a newer sender's. */
const lastField: number = field.refusedIncarnation;
const snapshotField = { index: 1, term: 2, configuration: 3 } as const;

/** Wire numbers of the kinds: never reuse one. */
const kindNumbers: Readonly<Record<Message["kind"], number>> = {
  preVoteRequest: 1,
  preVoteResponse: 2,
  voteRequest: 3,
  voteResponse: 4,
  appendRequest: 5,
  appendAccepted: 6,
  appendRejected: 7,
  heartbeat: 8,
  heartbeatResponse: 9,
  installSnapshot: 10,
  timeoutNow: 11,
  forwardedProposals: 12,
  readRequest: 13,
  readResponse: 14,
  dataLost: 15,
  refused: 16,
};
const kindsByNumber = new Map<number, Message["kind"]>(
  Object.entries(kindNumbers).map(([kind, number]) => [number, kind as Message["kind"]]),
);

/** Wire numbers of the reasons to refuse: never reuse one. */
const refusalNumbers: Readonly<Record<RefusalReason, number>> = {
  superseded: 1,
  removed: 2,
  lostDisk: 3,
};
const refusalsByNumber = new Map<number, RefusalReason>(
  Object.entries(refusalNumbers).map(([reason, number]) => [number, reason as RefusalReason]),
);

const entryKinds: readonly Entry["kind"][] = ["command", "noop", "config"];
/** More than all fields but the data take. */
const messageOverheadBytes = 256;
/** More than the fields around the data of one entry take. */
const entryOverheadBytes = 16;

/** The bytes of one message. Copies the data of its entries once. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new WireWriter(messageOverheadBytes + payloadBytes(message));
  writer.fieldVarint(field.kind, kindNumbers[message.kind]);
  writer.fieldText(field.from, message.from);
  writer.fieldText(field.to, message.to);
  writer.fieldVarint(field.term, message.term);
  writeBody(writer, message);
  writer.fieldVarint(field.epoch, message.epoch ?? 0);
  writer.fieldVarint(field.incarnation, message.incarnation ?? 0);
  return writer.seal();
}

function payloadBytes(message: Message): number {
  let bytes = 0;
  if (message.kind === "appendRequest") {
    for (const entry of message.entries) bytes += entry.data.length + entryOverheadBytes;
  } else if (message.kind === "forwardedProposals") {
    for (const data of message.data) bytes += data.length + entryOverheadBytes;
  }
  return bytes;
}

function writeBody(writer: WireWriter, message: Message): void {
  switch (message.kind) {
    case "preVoteRequest":
    case "voteRequest":
      writer.fieldVarint(field.index, message.lastIndex);
      writer.fieldVarint(field.logTerm, message.lastTerm);
      if (message.kind === "voteRequest") writer.fieldBool(field.flag, message.transfer);
      break;
    case "preVoteResponse":
    case "voteResponse":
      writer.fieldBool(field.flag, message.granted);
      break;
    case "appendRequest":
      writer.fieldVarint(field.index, message.prevIndex);
      writer.fieldVarint(field.logTerm, message.prevTerm);
      writer.fieldVarint(field.commit, message.commit);
      writer.fieldBool(field.flag, message.lacksData ?? false);
      writeEntries(writer, message.prevIndex, message.prevTerm, message.entries);
      break;
    case "appendAccepted":
      writer.fieldVarint(field.index, message.matchIndex);
      writer.fieldBool(field.flag, message.standsBack ?? false);
      break;
    case "appendRejected":
      writer.fieldVarint(field.index, message.rejectedIndex);
      writer.fieldVarint(field.logTerm, message.hintTerm);
      writer.fieldVarint(field.hintIndex, message.hintIndex);
      break;
    case "heartbeat":
      writer.fieldVarint(field.commit, message.commit);
      writer.fieldVarint(field.number, message.readRound);
      break;
    case "heartbeatResponse":
      writer.fieldVarint(field.number, message.readRound);
      writer.fieldBool(field.flag, message.standsBack ?? false);
      break;
    case "installSnapshot":
      writeSnapshot(writer, message.snapshot);
      writer.fieldBool(field.flag, message.lacksData ?? false);
      break;
    case "timeoutNow":
      break;
    case "dataLost":
      writer.fieldVarint(field.index, message.lastIndex);
      break;
    case "refused":
      writer.fieldVarint(field.number, refusalNumbers[message.reason]);
      writer.fieldVarint(field.refusedIncarnation, message.refusedIncarnation ?? 0);
      break;
    case "forwardedProposals":
      for (const data of message.data) writer.fieldBytesAlways(field.data, data);
      break;
    case "readResponse":
    case "readRequest":
      if (message.kind === "readResponse") writer.fieldVarint(field.index, message.index);
      writer.fieldVarint(field.number, message.requestId);
      break;
    default:
      assertNever(message);
  }
}

function writeEntries(
  writer: WireWriter,
  prevIndex: number,
  prevTerm: number,
  entries: readonly Entry[],
): void {
  let index = prevIndex;
  let term = prevTerm;
  let kind: Entry["kind"] = "command";
  for (const entry of entries) {
    index++;
    assert(entry.index === index, "message codec: entries must be contiguous");
    if (entry.term !== term) {
      term = entry.term;
      writer.fieldVarint(field.entryTerm, term);
    }
    if (entry.kind !== kind) {
      kind = entry.kind;
      writer.tag(field.entryKind, wireType.varint);
      writer.varint(entryKinds.indexOf(kind));
    }
    writer.fieldBytesAlways(field.data, entry.data);
  }
}

function writeSnapshot(writer: WireWriter, snapshot: SnapshotMeta): void {
  writer.fieldMessage(field.snapshot, (body) => {
    body.fieldVarint(snapshotField.index, snapshot.index);
    body.fieldVarint(snapshotField.term, snapshot.term);
    body.fieldBytes(snapshotField.configuration, encodeConfiguration(snapshot.configuration));
  });
}

/** Everything that a message of any kind can carry, with protobuf's defaults. */
class FlatMessage {
  kind = 0;
  from = "";
  to = "";
  term = 0;
  index = 0;
  logTerm = 0;
  commit = 0;
  hintIndex = 0;
  flag = false;
  number = 0;
  readonly data: Uint8Array[] = [];
  /** Filled beside `data`, only for an append. */
  readonly entries: Entry[] = [];
  entryTerm: number | undefined;
  entryKind: Entry["kind"] = "command";
  snapshot: SnapshotMeta | undefined;
  epoch = 0;
  incarnation = 0;
  refusedIncarnation = 0;
}

/** The message in `bytes`; the data of its entries are views into them. */
export function decodeMessage(bytes: Uint8Array): Message {
  const flat = new FlatMessage();
  const reader = new WireReader(bytes);
  while (reader.next()) readField(reader, flat);
  if (!isNodeId(flat.from)) throw new WireError("message without a valid sender");
  if (!isNodeId(flat.to)) throw new WireError("message without a valid receiver");
  return build(flat);
}

function readField(reader: WireReader, flat: FlatMessage): void {
  const isBytes = reader.type === wireType.bytes;
  if (reader.field === field.data && isBytes) readData(reader, flat);
  else if (reader.type === wireType.varint) readNumber(reader, flat);
  else if (reader.field === field.from && isBytes) flat.from = reader.text();
  else if (reader.field === field.to && isBytes) flat.to = reader.text();
  else if (reader.field === field.snapshot && isBytes) {
    flat.snapshot = readSnapshot(reader.message());
  } else if (reader.field <= lastField) {
    throw new WireError(`field ${reader.field} has type ${reader.type}`);
  } else reader.skip();
}

function readNumber(reader: WireReader, flat: FlatMessage): void {
  if (reader.field > lastField) {
    reader.skip(); // A newer sender's.
    return;
  }
  const value = readCounter(reader);
  if (reader.field === field.kind) flat.kind = value;
  else if (reader.field === field.term) flat.term = value;
  else if (reader.field === field.index) flat.index = value;
  else if (reader.field === field.logTerm) flat.logTerm = value;
  else if (reader.field === field.commit) flat.commit = value;
  else if (reader.field === field.hintIndex) flat.hintIndex = value;
  else if (reader.field === field.flag) flat.flag = value !== 0;
  else if (reader.field === field.number) flat.number = value;
  else if (reader.field === field.entryTerm) flat.entryTerm = value;
  else if (reader.field === field.entryKind) flat.entryKind = entryKindOf(value);
  else if (reader.field === field.epoch) flat.epoch = value;
  else if (reader.field === field.incarnation) flat.incarnation = value;
  else if (reader.field === field.refusedIncarnation) flat.refusedIncarnation = value;
  else throw new WireError(`field ${reader.field} has type ${reader.type}`);
}

function readData(reader: WireReader, flat: FlatMessage): void {
  const data = reader.bytes();
  if (flat.kind !== kindNumbers.appendRequest) {
    flat.data.push(data);
    return;
  }
  const index = flat.index + flat.entries.length + 1;
  if (!Number.isSafeInteger(index)) throw new WireError("entry index beyond 2^53");
  const term = flat.entryTerm ?? flat.logTerm;
  flat.entries.push({ index, term, kind: flat.entryKind, data });
}

function entryKindOf(number: number): Entry["kind"] {
  const kind = entryKinds[number];
  if (kind === undefined) throw new WireError(`entry kind ${number} is not known`);
  return kind;
}

function readSnapshot(reader: WireReader): SnapshotMeta {
  let index = 0;
  let term = 0;
  let configuration: SnapshotMeta["configuration"] | undefined;
  while (reader.next()) {
    const isNumber = reader.type === wireType.varint;
    if (reader.field === snapshotField.index && isNumber) index = readCounter(reader);
    else if (reader.field === snapshotField.term && isNumber) term = readCounter(reader);
    else if (reader.field === snapshotField.configuration && reader.type === wireType.bytes) {
      configuration = decodeConfiguration(reader.bytes());
    } else reader.skip();
  }
  if (configuration === undefined) throw new WireError("snapshot without a configuration");
  return { index, term, configuration };
}

function readCounter(reader: WireReader): number {
  const value = reader.varint();
  if (value < 0) throw new WireError(`field ${reader.field} must not be negative`);
  return value;
}

function build(flat: FlatMessage): Message {
  const kind = kindsByNumber.get(flat.kind);
  if (kind === undefined) throw new WireError(`message kind ${flat.kind} is not known`);
  const { index, logTerm, commit, flag, number } = flat;
  const envelope = envelopeOf(flat);
  switch (kind) {
    case "preVoteRequest":
      return { kind, ...envelope, lastIndex: index, lastTerm: logTerm };
    case "voteRequest":
      return { kind, ...envelope, lastIndex: index, lastTerm: logTerm, transfer: flag };
    case "preVoteResponse":
    case "voteResponse":
      return { kind, ...envelope, granted: flag };
    case "appendRequest": {
      const { entries } = flat;
      const append = { kind, ...envelope, prevIndex: index, prevTerm: logTerm, entries, commit };
      return flag ? { ...append, lacksData: flag } : append;
    }
    case "appendAccepted":
      return { kind, ...envelope, matchIndex: index, ...standingBack(flag) };
    case "appendRejected": {
      const { hintIndex } = flat;
      return { kind, ...envelope, rejectedIndex: index, hintIndex, hintTerm: logTerm };
    }
    case "heartbeat":
      return { kind, ...envelope, commit, readRound: number };
    case "heartbeatResponse":
      return { kind, ...envelope, readRound: number, ...standingBack(flag) };
    case "installSnapshot":
      return buildInstallSnapshot(flat);
    case "timeoutNow":
      return { kind, ...envelope };
    case "dataLost":
      return { kind, ...envelope, lastIndex: index };
    case "refused":
      return buildRefused(flat);
    case "forwardedProposals":
      return { kind, ...envelope, data: flat.data };
    case "readRequest":
      return { kind, ...envelope, requestId: number };
    case "readResponse":
      return { kind, ...envelope, requestId: number, index };
    default:
      return assertNever(kind);
  }
}

function standingBack(flag: boolean): { readonly standsBack?: true } {
  return flag ? { standsBack: flag } : {};
}

function buildInstallSnapshot(flat: FlatMessage): Message {
  const { snapshot, flag } = flat;
  if (snapshot === undefined) throw new WireError("installSnapshot without a snapshot");
  const message = { kind: "installSnapshot", ...envelopeOf(flat), snapshot } as const;
  return flag ? { ...message, lacksData: flag } : message;
}

function buildRefused(flat: FlatMessage): Message {
  const reason = refusalsByNumber.get(flat.number);
  if (reason === undefined) throw new WireError(`refusal ${flat.number} is not known`);
  const { refusedIncarnation } = flat;
  const head = { kind: "refused", ...envelopeOf(flat), reason } as const;
  return refusedIncarnation === 0 ? head : { ...head, refusedIncarnation };
}

function envelopeOf(flat: FlatMessage): Envelope {
  const { from, to, term, epoch, incarnation } = flat;
  return {
    from,
    to,
    term,
    ...(epoch === 0 ? {} : { epoch }),
    ...(incarnation === 0 ? {} : { incarnation }),
  };
}
