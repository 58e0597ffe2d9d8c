/**
 * The snapshot record, in the bytes of etcd's `walpb.Snapshot`:
 * {1: index, 2: term, 3: conf_state, 100: our configuration}.
 *
 * `conf_state` (`raftpb.ConfState`) is what etcd's tools show; it knows neither weights nor ids that
 * are no numbers, so the configuration itself follows in a field that they skip. Pure.
 */
import { WireError, WireReader, WireWriter } from "@flotilla/base";
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type NodeId,
  type SnapshotMeta,
} from "@flotilla/consensus";

const field = { index: 1, term: 2, confState: 3, configuration: 100 } as const;
const confField = { voters: 1, learners: 2, outgoing: 3 } as const;
const hexId = /^[0-9a-f]{1,16}$/;

/** The data of a snapshot record. */
export function encodeSnapshotMeta(meta: SnapshotMeta): Uint8Array {
  const writer = new WireWriter();
  // etcd writes both also when they are 0, and its dump tool relies on it.
  writer.tag(field.index, 0);
  writer.varint(meta.index);
  writer.tag(field.term, 0);
  writer.varint(meta.term);
  writer.fieldMessage(field.confState, (body) => writeConfState(body, meta.configuration));
  writer.fieldBytes(field.configuration, encodeConfiguration(meta.configuration));
  return writer.seal();
}

/**
 * The snapshot that a record names. Throws `WireError` on anything else, etcd's own included. Only the
 * one at index 0 may name nobody: a new member's log starts so, and the first one that it gets from a
 * leader says who takes part.
 */
export function decodeSnapshotMeta(record: Uint8Array): SnapshotMeta {
  const reader = new WireReader(record);
  let index = 0;
  let term = 0;
  let data: Uint8Array | undefined;
  while (reader.next()) {
    if (reader.field === field.index) index = reader.varint();
    else if (reader.field === field.term) term = reader.varint();
    else if (reader.field === field.configuration) data = reader.bytes();
    else reader.skip();
  }
  if (index < 0 || term < 0) throw new WireError("a snapshot with a negative index or term");
  const options = { allowsBlank: index === 0 };
  const configuration = data === undefined ? undefined : decodeConfiguration(data, options);
  if (configuration === undefined) throw new WireError("a snapshot without a configuration");
  return { index, term, configuration };
}

function writeConfState(writer: WireWriter, configuration: Configuration): void {
  const ids = (voters: Configuration["voters"]): NodeId[] => voters.map((voter) => voter.id);
  writeIds(writer, confField.voters, ids(configuration.voters));
  writeIds(writer, confField.learners, configuration.learners);
  writeIds(writer, confField.outgoing, ids(configuration.outgoing));
}

function writeIds(writer: WireWriter, number: number, ids: readonly NodeId[]): void {
  for (const id of ids) if (hexId.test(id)) writer.fieldVarint64(number, BigInt(`0x${id}`));
}
