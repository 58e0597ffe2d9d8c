/**
 * What the durable log holds, in the bytes of etcd's `raftpb.Entry` and `raftpb.HardState`, so that
 * etcd's own dump tools read it.
 *
 * | message   | 1                                     | 2             | 3      | 4    |
 * |-----------|---------------------------------------|---------------|--------|------|
 * | Entry     | type: 0 normal, 2 ConfChangeV2        | term          | index  | data |
 * | HardState | term                                  | vote (uint64) | commit |      |
 *
 * What is ours in HardState has numbers that etcd skips: 16 supersededBy, 17 epoch, 18 lostUntil,
 * 19 lacksData; each is left out when it is 0.
 *
 * Pure. Decoders throw {@link WireError} on malformed input and alias it.
 */
import { assert, emptyBytes, WireError, WireReader, WireWriter, wireType } from "@flotilla/base";
import type { Entry, HardState, NodeId } from "./contract.ts";

const entryField = { type: 1, term: 2, index: 3, data: 4 } as const;
const entryType = { normal: 0, configChange: 2 } as const;
const hardStateField = {
  term: 1,
  vote: 2,
  commit: 3,
  supersededBy: 16,
  epoch: 17,
  lostUntil: 18,
  lacksData: 19,
} as const;
/** More than the tags, the lengths and three integers take. */
const entryOverheadBytes = 72;

/** One entry as `raftpb.Entry`. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = new WireWriter(entry.data.length + entryOverheadBytes);
  writeEntry(writer, entry);
  return writer.seal();
}

/** Appends the fields of `raftpb.Entry`. A `noop` is a normal entry without data, as etcd writes it. */
export function writeEntry(writer: WireWriter, entry: Entry): void {
  writer.fieldVarint(
    entryField.type,
    entry.kind === "config" ? entryType.configChange : entryType.normal,
  );
  writer.fieldVarint(entryField.term, entry.term);
  writer.fieldVarint(entryField.index, entry.index);
  writer.fieldBytes(entryField.data, entry.data);
}

/** The entry in `bytes`; its data is a view into them. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = new WireReader(bytes);
  let type = 0;
  let term = 0;
  let index = 0;
  let data = emptyBytes;
  while (reader.next()) {
    if (reader.field === entryField.type) type = readCounter(reader);
    else if (reader.field === entryField.term) term = readCounter(reader);
    else if (reader.field === entryField.index) index = readCounter(reader);
    else if (reader.field === entryField.data) data = readData(reader);
    else reader.skip();
  }
  if (index === 0) throw new WireError("entry without index");
  return { index, term, kind: kindOf(type, data), data };
}

function kindOf(type: number, data: Uint8Array): Entry["kind"] {
  if (type === entryType.configChange) return "config";
  if (type !== entryType.normal) throw new WireError(`entry type ${type} is not supported`);
  return data.length === 0 ? "noop" : "command";
}

/** Hard state as `raftpb.HardState`. `vote` must be empty or the hexadecimal id of a server. */
export function encodeHardState(hardState: HardState): Uint8Array {
  const writer = new WireWriter(entryOverheadBytes);
  writer.fieldVarint(hardStateField.term, hardState.term);
  writer.fieldVarint64(hardStateField.vote, voteNumber(hardState.vote));
  writer.fieldVarint(hardStateField.commit, hardState.commit);
  writer.fieldVarint(hardStateField.supersededBy, hardState.supersededBy ?? 0);
  writer.fieldVarint(hardStateField.epoch, hardState.epoch ?? 0);
  writer.fieldVarint(hardStateField.lostUntil, hardState.lostUntil ?? 0);
  writer.fieldBool(hardStateField.lacksData, hardState.lacksData ?? false);
  return writer.seal();
}

/** The hard state in `bytes`. */
export function decodeHardState(bytes: Uint8Array): HardState {
  const reader = new WireReader(bytes);
  let term = 0;
  let vote = "";
  let commit = 0;
  let supersededBy = 0;
  let epoch = 0;
  let lostUntil = 0;
  let lacksData = false;
  while (reader.next()) {
    if (reader.field === hardStateField.term) term = readCounter(reader);
    else if (reader.field === hardStateField.vote) vote = readVote(reader);
    else if (reader.field === hardStateField.commit) commit = readCounter(reader);
    else if (reader.field === hardStateField.supersededBy) supersededBy = readCounter(reader);
    else if (reader.field === hardStateField.epoch) epoch = readCounter(reader);
    else if (reader.field === hardStateField.lostUntil) lostUntil = readCounter(reader);
    else if (reader.field === hardStateField.lacksData) lacksData = readCounter(reader) !== 0;
    else reader.skip();
  }
  return {
    term,
    vote,
    commit,
    ...(supersededBy === 0 ? {} : { supersededBy }),
    ...(epoch === 0 ? {} : { epoch }),
    ...(lostUntil === 0 ? {} : { lostUntil }),
    ...(lacksData ? { lacksData } : {}),
  };
}

const hexId = /^[1-9a-f][0-9a-f]{0,15}$/;

function voteNumber(vote: NodeId): bigint {
  if (vote === "") return 0n;
  // Anything else would come back as another id, and with it a second vote in one term.
  assert(hexId.test(vote), () => `record: vote must be 1 to 16 hexadecimal digits, got ${vote}`);
  return BigInt(`0x${vote}`);
}

function readVote(reader: WireReader): NodeId {
  expect(reader, wireType.varint);
  const vote = reader.varint64();
  return vote === 0n ? "" : vote.toString(16);
}

function readCounter(reader: WireReader): number {
  expect(reader, wireType.varint);
  const value = reader.varint();
  if (value < 0) throw new WireError(`field ${reader.field} must not be negative`);
  return value;
}

function readData(reader: WireReader): Uint8Array {
  expect(reader, wireType.bytes);
  return reader.bytes();
}

function expect(reader: WireReader, type: number): void {
  if (reader.type !== type) throw new WireError(`field ${reader.field} has type ${reader.type}`);
}
