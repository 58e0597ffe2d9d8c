/**
 * A leader's status, on the wire. Pure. Readers throw `WireError`.
 *
 * | field | content                          | field | content                                        |
 * |-------|----------------------------------|-------|------------------------------------------------|
 * | 1     | id                               | 8     | configuration, as in a `config` entry          |
 * | 2     | term                             | 9     | index of the configuration                     |
 * | 3     | leader                           | 10    | it is committed                                |
 * | 4     | commit index                     | 11    | transfer target                                |
 * | 5     | applied index                    | 12    | diverged; absent when not                      |
 * | 6     | first index                      | 13    | progress, repeated:                            |
 * | 7     | last index                       |       | {1: id, 2: match, 3: state, 4: active, 5: lost, |
 * |       |                                  |       | 6: it stands back}                             |
 *
 * The role is `leader`, and a leader is not isolated: neither is written.
 */
import { WireError, WireReader, type WireWriter, wireType } from "@flotilla/base";
import {
  type Configuration,
  decodeConfiguration,
  type EngineStatus,
  encodeConfiguration,
  type NodeId,
} from "@flotilla/consensus";

type ServerProgress =
  EngineStatus["progress"] extends ReadonlyMap<NodeId, infer Progress> ? Progress : never;

const states = ["probe", "replicate", "snapshot"] as const;
/** Their fields, in the order of {@link counters}. */
const counterFields = [2, 4, 5, 6, 7, 9] as const;

export function writeStatus(writer: WireWriter, status: EngineStatus): void {
  writer.fieldText(1, status.id);
  for (const [at, field] of counterFields.entries()) {
    writer.fieldVarint(field, counters(status)[at] ?? 0);
  }
  writer.fieldText(3, status.leader);
  writer.fieldBytes(8, encodeConfiguration(status.configuration));
  writer.fieldBool(10, status.isConfigurationCommitted);
  writer.fieldText(11, status.transferTarget);
  if (status.diverged !== undefined) {
    writer.tag(12, wireType.varint);
    writer.varint(status.diverged);
  }
  for (const [id, progress] of status.progress) {
    writer.fieldMessage(13, (body) => {
      body.fieldText(1, id);
      body.fieldVarint(2, progress.matchIndex);
      body.fieldVarint(3, states.indexOf(progress.state));
      body.fieldBool(4, progress.recentlyActive);
      body.fieldBool(5, progress.hasLostEntries === true);
      body.fieldBool(6, progress.standsBack === true);
    });
  }
}

function counters(status: EngineStatus): readonly number[] {
  const { term, commitIndex, appliedIndex, firstIndex, lastIndex, configurationIndex } = status;
  return [term, commitIndex, appliedIndex, firstIndex, lastIndex, configurationIndex];
}

export function readStatus(bytes: Uint8Array): EngineStatus {
  const reader = new WireReader(bytes);
  const texts = new Map<number, string>();
  const numbers = new Map<number, number>();
  const progress = new Map<NodeId, ServerProgress>();
  let configuration: Configuration | undefined;
  while (reader.next()) {
    const { field, type } = reader;
    if (type === wireType.varint) numbers.set(field, reader.varint());
    else if (field === 8) configuration = decodeConfiguration(reader.bytes());
    else if (field === 13) readProgress(reader.message(), progress);
    else if (type === wireType.bytes) texts.set(field, reader.text());
    else reader.skip();
  }
  if (configuration === undefined) throw new WireError("status without configuration");
  const text = (field: number): string => texts.get(field) ?? "";
  const number = (field: number): number => numbers.get(field) ?? 0;
  const diverged = numbers.get(12);
  return {
    id: text(1),
    role: "leader",
    term: number(2),
    leader: text(3),
    commitIndex: number(4),
    appliedIndex: number(5),
    firstIndex: number(6),
    lastIndex: number(7),
    configuration,
    configurationIndex: number(9),
    isConfigurationCommitted: number(10) === 1,
    transferTarget: text(11),
    ...(diverged === undefined ? {} : { diverged }),
    progress,
  };
}

function readProgress(reader: WireReader, into: Map<NodeId, ServerProgress>): void {
  let id = "";
  let matchIndex = 0;
  let code = 0;
  let recentlyActive = false;
  let hasLostEntries = false;
  let standsBack = false;
  while (reader.next()) {
    if (reader.field === 1) id = reader.text();
    else if (reader.field === 2) matchIndex = reader.varint();
    else if (reader.field === 3) code = reader.varint();
    else if (reader.field === 4) recentlyActive = reader.bool();
    else if (reader.field === 5) hasLostEntries = reader.bool();
    else if (reader.field === 6) standsBack = reader.bool();
    else reader.skip();
  }
  const state = states[code];
  if (state === undefined) throw new WireError(`unknown progress ${code}`);
  into.set(id, {
    matchIndex,
    state,
    recentlyActive,
    ...(hasLostEntries ? { hasLostEntries } : {}),
    ...(standsBack ? { standsBack } : {}),
  });
}
