/** Messages of `etcdserverpb.Maintenance`. Decoders throw `WireError`. */
import { WireReader, type WireWriter } from "@flotilla/base";
import type { Alarm, AlarmKind } from "@flotilla/store";

/** `StatusResponse` after its header. */
export interface StatusAnswer {
  readonly version: string;
  readonly storageVersion: string;
  readonly dbBytes: number;
  readonly dbBytesInUse: number;
  /** 0 is left out. */
  readonly dbBytesQuota: number;
  readonly leaderId: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly isLearner: boolean;
  /** The version that the cluster is on its way down to. */
  readonly downgradeTarget: string | undefined;
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
  writer.fieldVarint(12, answer.dbBytesQuota);
  writer.fieldMessage(13, (info) => {
    info.fieldBool(1, answer.downgradeTarget !== undefined);
    info.fieldText(2, answer.downgradeTarget ?? "");
  });
}

/** `AlarmRequest`; enums as their numbers, known or not. */
export interface AlarmRequest {
  readonly action: number;
  readonly memberId: bigint;
  readonly alarm: number;
}

export const alarmAction = { get: 0, activate: 1, deactivate: 2 } as const;
const alarmNumbers: Readonly<Record<AlarmKind, number>> = { noSpace: 1, corrupt: 2 };
const alarmNames: Readonly<Record<AlarmKind, string>> = { noSpace: "NOSPACE", corrupt: "CORRUPT" };

/** The kind that an `AlarmType` stands for; undefined for NONE and for what is unknown. */
export function alarmKindOf(number: number): AlarmKind | undefined {
  const kinds = Object.entries(alarmNumbers) as [AlarmKind, number][];
  return kinds.find(([, known]) => known === number)?.[0];
}

export function decodeAlarmRequest(bytes: Uint8Array): AlarmRequest {
  const reader = new WireReader(bytes);
  const request = { action: 0, memberId: 0n, alarm: 0 };
  while (reader.next()) {
    if (reader.field === 1) request.action = reader.varint();
    else if (reader.field === 2) request.memberId = reader.varint64();
    else if (reader.field === 3) request.alarm = reader.varint();
    else reader.skip();
  }
  return request;
}

/** `AlarmResponse.alarms`. */
export function writeAlarms(writer: WireWriter, alarms: readonly Alarm[]): void {
  for (const { memberId, kind } of alarms) {
    writer.fieldMessage(2, (alarm) => {
      alarm.fieldVarint64(1, memberId);
      alarm.fieldVarint(2, alarmNumbers[kind]);
    });
  }
}

/** As it stands among the errors of a status: an `AlarmMember` in protobuf's text form. */
export function alarmText({ memberId, kind }: Alarm): string {
  const words = [`alarm:${alarmNames[kind]}`];
  if (memberId !== 0n) words.unshift(`memberID:${memberId}`);
  return words.join("  ");
}

/** `HashKVRequest.revision`; 0 = the present one, and what is below 0 too. */
export function decodeHashKvRevision(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let revision = 0n;
  while (reader.next()) {
    if (reader.field === 1) revision = BigInt.asIntN(64, reader.varint64());
    else reader.skip();
  }
  return Number(revision);
}

/** The rest of a `HashKVResponse`. */
export function writeHashKv(
  writer: WireWriter,
  hash: { readonly hash: number; readonly compactRevision: number; readonly revision: number },
): void {
  writer.fieldVarint(2, hash.hash);
  writer.fieldVarint64(3, BigInt.asUintN(64, BigInt(hash.compactRevision)));
  writer.fieldVarint64(4, BigInt.asUintN(64, BigInt(hash.revision)));
}

/** `MoveLeaderRequest.targetID`. */
export function decodeMoveLeaderTarget(bytes: Uint8Array): bigint {
  const reader = new WireReader(bytes);
  let target = 0n;
  while (reader.next()) {
    if (reader.field === 1) target = reader.varint64();
    else reader.skip();
  }
  return target;
}

/** `DowngradeRequest`. */
export interface DowngradeRequest {
  readonly action: number;
  readonly version: string;
}

export const downgradeAction = { validate: 0, enable: 1, cancel: 2 } as const;

export function decodeDowngradeRequest(bytes: Uint8Array): DowngradeRequest {
  const reader = new WireReader(bytes);
  const request = { action: 0, version: "" };
  while (reader.next()) {
    if (reader.field === 1) request.action = reader.varint();
    else if (reader.field === 2) request.version = reader.text();
    else reader.skip();
  }
  return request;
}

/** A `SnapshotResponse`; it has no header, as etcd's has none. */
export function writeSnapshotPiece(
  writer: WireWriter,
  piece: { readonly remainingBytes: number; readonly blob: Uint8Array; readonly version: string },
): void {
  writer.fieldVarint(2, piece.remainingBytes);
  writer.fieldBytes(3, piece.blob);
  writer.fieldText(4, piece.version);
}
