/**
 * What is true of the cluster as a whole: its alarms, and the version that it is on its way to. Pure
 * apart from the backend that it is given.
 *
 * Sources: etcd server/etcdserver/api/v3alarm/alarms.go, api/membership/downgrade.go.
 */
import { emptyBytes, textOf, utf8 } from "@flotilla/base";
import { alarmKindOf, alarmNumber } from "./codec/cluster-commands.ts";
import type {
  Alarm,
  AlarmKind,
  BackendReader,
  BackendWriter,
  Command,
  TxnRequest,
} from "./contract.ts";
import { idKey, parseIdKey, table } from "./layout.ts";

type AlarmCommand = Extract<Command, { readonly kind: "alarm" }>;

/** Beside the record of the state. */
const downgradeKey = Uint8Array.of(2);
const raised = Uint8Array.of(1);

/** Raises or takes back an alarm; returns what etcd answers: nothing when it took back nothing. */
export function applyAlarm(
  writer: BackendWriter,
  { action, alarm }: Pick<AlarmCommand, "action" | "alarm">,
): readonly Alarm[] {
  const key = alarmKey(alarm);
  if (action === "activate") {
    writer.put(table.alarms, key, raised);
    return [alarm];
  }
  if (writer.get(table.alarms, key) === undefined) return [];
  writer.delete(table.alarms, key);
  return [alarm];
}

/** Sorted by member, then kind. */
export function allAlarms(reader: BackendReader): readonly Alarm[] {
  const alarms: Alarm[] = [];
  for (const [key] of reader.range(table.alarms, emptyBytes, undefined)) {
    const kind = alarmKindOf(key[8] ?? 0);
    if (kind !== undefined) alarms.push({ memberId: parseIdKey(key), kind });
  }
  return alarms;
}

/**
 * What an alarm forbids (etcd server/etcdserver/apply/capped.go, corrupt.go): with too little space what
 * would take more, with corruption all use of keys and leases.
 */
export function alarmRefusal(
  alarms: readonly Alarm[],
  command: Command,
): "corrupt" | "noSpace" | undefined {
  if (alarms.length === 0) return undefined;
  if (isRaised(alarms, "corrupt") && usesKeys(command)) return "corrupt";
  return isRaised(alarms, "noSpace") && takesSpace(command) ? "noSpace" : undefined;
}

function isRaised(alarms: readonly Alarm[], kind: AlarmKind): boolean {
  return alarms.some((alarm) => alarm.kind === kind);
}

function usesKeys({ kind }: Command): boolean {
  return (
    kind === "put" ||
    kind === "deleteRange" ||
    kind === "txn" ||
    kind === "compact" ||
    kind === "leaseGrant" ||
    kind === "leaseRevoke"
  );
}

function takesSpace(command: Command): boolean {
  if (command.kind === "put" || command.kind === "leaseGrant") return true;
  return command.kind === "txn" && hasPut(command.request);
}

/** In either branch, whichever would be taken. */
function hasPut({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].some(
    (op) => op.kind === "put" || (op.kind === "txn" && hasPut(op.request)),
  );
}

/** Notes the version that the cluster is on its way to; undefined: it is on none. */
export function saveDowngrade(writer: BackendWriter, version: string | undefined): void {
  if (version === undefined) writer.delete(table.state, downgradeKey);
  else writer.put(table.state, downgradeKey, utf8(version));
}

export function loadDowngrade(reader: BackendReader): { readonly version: string } | undefined {
  const bytes = reader.get(table.state, downgradeKey);
  return bytes === undefined ? undefined : { version: textOf(bytes) };
}

function alarmKey({ memberId, kind }: Alarm): Uint8Array {
  const key = new Uint8Array(9);
  key.set(idKey(memberId));
  key[8] = alarmNumber(kind);
  return key;
}
