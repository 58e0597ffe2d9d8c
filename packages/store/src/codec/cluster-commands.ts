/**
 * Commands about the cluster as a whole, as they lie in the log: `AlarmRequest` (etcd
 * api/etcdserverpb/rpc.proto) and `DowngradeInfoSetRequest` (api/membershippb/membership.proto). Pure.
 */
import { WireError, type WireReader, type WireWriter } from "@flotilla/base";
import type { AlarmKind, Command } from "../contract.ts";
import { boolField, integerField, textField, unsignedField } from "./fields.ts";

type AlarmCommand = Extract<Command, { readonly kind: "alarm" }>;
type DowngradeCommand = Extract<Command, { readonly kind: "downgrade" }>;

/** In `InternalRaftRequest`. */
export const alarmField = 10;
export const downgradeField = 1302;

/** By their numbers; 0 is for asking, which is no command. */
const actions = [undefined, "activate", "deactivate"] as const;
const alarmKinds: readonly (AlarmKind | undefined)[] = [undefined, "noSpace", "corrupt"];

/** etcd's number of a kind of alarm. */
export function alarmNumber(kind: AlarmKind): number {
  return alarmKinds.indexOf(kind);
}

/** The reverse of {@link alarmNumber}. */
export function alarmKindOf(number: number): AlarmKind | undefined {
  return alarmKinds[number];
}

export function writeAlarm(writer: WireWriter, { action, alarm }: AlarmCommand): void {
  writer.fieldMessage(alarmField, (body) => {
    body.fieldVarint(1, actions.indexOf(action));
    body.fieldVarint64(2, alarm.memberId);
    body.fieldVarint(3, alarmNumber(alarm.kind));
  });
}

/** Throws `WireError`. */
export function readAlarm(reader: WireReader): AlarmCommand {
  let action: AlarmCommand["action"] | undefined;
  let memberId = 0n;
  let kind: AlarmKind | undefined;
  while (reader.next()) {
    if (reader.field === 1) action = actions[integerField(reader)];
    else if (reader.field === 2) memberId = unsignedField(reader);
    else if (reader.field === 3) kind = alarmKindOf(integerField(reader));
    else reader.skip();
  }
  if (action === undefined || kind === undefined) throw new WireError("an alarm without a meaning");
  return { kind: "alarm", action, alarm: { memberId, kind } };
}

export function writeDowngrade(writer: WireWriter, command: DowngradeCommand): void {
  writer.fieldMessage(downgradeField, (body) => {
    body.fieldBool(1, command.enabled);
    body.fieldText(2, command.version);
  });
}

/** Throws `WireError`. */
export function readDowngrade(reader: WireReader): DowngradeCommand {
  let enabled = false;
  let version = "";
  while (reader.next()) {
    if (reader.field === 1) enabled = boolField(reader);
    else if (reader.field === 2) version = textField(reader);
    else reader.skip();
  }
  return { kind: "downgrade", enabled, version };
}
