/** Messages of `etcdserverpb.Maintenance`. */
import { WireReader, type WireWriter } from "@flotilla/base";

/** `StatusResponse` after its header. */
export interface StatusAnswer {
  readonly version: string;
  readonly storageVersion: string;
  readonly dbBytes: number;
  readonly dbBytesInUse: number;
  readonly leaderId: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly isLearner: boolean;
}

export function writeStatus(writer: WireWriter, answer: StatusAnswer): void {
  writer.fieldText(2, answer.version);
  writer.fieldVarint(3, answer.dbBytes);
  writer.fieldVarint64(4, answer.leaderId);
  writer.fieldVarint(5, answer.raftIndex);
  writer.fieldVarint(6, answer.raftTerm);
  writer.fieldVarint(7, answer.raftAppliedIndex);
  for (const error of answer.errors) writer.fieldTextAlways(8, error);
  writer.fieldVarint(9, answer.dbBytesInUse);
  writer.fieldBool(10, answer.isLearner);
  writer.fieldText(11, answer.storageVersion);
}

/** `AlarmRequest`: only the action matters, since there are no alarms. */
export type AlarmAction = "get" | "activate" | "deactivate";

/** Throws `WireError`. */
export function decodeAlarmAction(bytes: Uint8Array): AlarmAction {
  const reader = new WireReader(bytes);
  let action = 0;
  while (reader.next()) {
    if (reader.field === 1) action = reader.varint();
    else reader.skip();
  }
  return action === 0 ? "get" : action === 1 ? "activate" : "deactivate";
}

/** `HashKVRequest.revision`; 0 = the present one. Throws `WireError`. */
export function decodeHashKvRevision(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let revision = 0;
  while (reader.next()) {
    if (reader.field === 1) revision = reader.varint();
    else reader.skip();
  }
  return revision;
}

/** The rest of a `HashKVResponse`. */
export function writeHashKv(
  writer: WireWriter,
  hash: { readonly hash: number; readonly compactRevision: number; readonly revision: number },
): void {
  writer.fieldVarint(2, hash.hash);
  writer.fieldVarint(3, hash.compactRevision);
  writer.fieldVarint(4, hash.revision);
}

/** `MoveLeaderRequest.targetID`. Throws `WireError`. */
export function decodeMoveLeaderTarget(bytes: Uint8Array): bigint {
  const reader = new WireReader(bytes);
  let target = 0n;
  while (reader.next()) {
    if (reader.field === 1) target = reader.varint64();
    else reader.skip();
  }
  return target;
}
