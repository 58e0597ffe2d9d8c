/**
 * Alarms and what they refuse, downgrades, hashes, status. An alarm of an action that there is not ends
 * etcd, and cannot be recorded.
 */
import type { Script } from "../recording.ts";
import type { Request } from "../session.ts";
import { call, everything, op, put, range, remove, txn } from "./requests.ts";

const [get, activate, deactivate] = [0, 1, 2];
const [none, noSpace, corrupt] = [0, 1, 2];

/** Of one server, and of no other. */
export const ownFields = [
  ...["dbSize", "dbSizeInUse", "raftIndex", "raftTerm", "raftAppliedIndex", "hash"],
];
const status = call("Maintenance/Status", {}, { opaque: [...ownFields, "leader", "errors"] });
const alarm = (action: number, kind: number, memberID?: string | number): Request =>
  call("Maintenance/Alarm", {
    ...(action !== get && { action }),
    ...(kind !== none && { alarm: kind }),
    ...(memberID !== undefined && { memberID }),
  });

export function* maintenance(): Script {
  yield call("Cluster/MemberList", {}, { bind: { "members.0.ID": "$self" } });
  yield status;
  yield put("a", "1");
  yield call("Lease/LeaseGrant", { ID: 7, TTL: 1000 });
  yield* alarms();
  yield* hashes();
  yield* downgrades();
  yield call("Maintenance/Defragment");
  yield call("Maintenance/MoveLeader", { targetID: "$self" });
  yield call("Maintenance/MoveLeader", { targetID: 4711 });
  yield status;
  yield everything;
}

function* alarms(): Script {
  yield alarm(get, none);
  yield alarm(deactivate, noSpace, "$self");
  yield alarm(activate, none, "$self");
  for (const kind of [noSpace, corrupt]) {
    yield alarm(activate, kind, "$self");
    yield alarm(activate, kind, "$self");
    yield alarm(activate, kind, 4711);
    yield alarm(get, none);
    yield alarm(get, kind);
    yield alarm(get, kind, 4711);
    yield status;
    yield* served();
    yield alarm(deactivate, none, "$self");
    yield alarm(deactivate, kind, "$self");
    yield alarm(deactivate, kind);
    yield alarm(deactivate, kind, 4711);
    yield alarm(get, none);
    yield put("a", "again");
  }
}

/** What is refused while there is an alarm, and what is not. */
function* served(): Script {
  yield put("a", "2");
  yield put("a", "", { ignore_value: true });
  yield range("a");
  yield range("a", "", { serializable: true });
  yield txn([], [op.put("b", "1")]);
  yield txn([], [op.range("b")]);
  yield txn([], [op.remove("b")]);
  yield txn([], [op.txn([], [op.put("b", "1")])]);
  yield call("KV/RangeStream", { key: "a" });
  yield call("Lease/LeaseGrant", { ID: 8, TTL: 1000 });
  yield call("Lease/LeaseTimeToLive", { ID: 7 });
  yield call("Lease/LeaseLeases");
  yield call("Lease/LeaseRevoke", { ID: 4711 });
  yield call("Cluster/MemberList");
  yield call("Auth/AuthStatus");
  yield call("Auth/RoleAdd", { name: "r" });
  yield call("Auth/RoleDelete", { name: "r" });
  yield call("Lock/Lock", { name: "l", lease: 7 });
  yield call("Lock/Unlock", { key: "l/7" });
  yield call("Election/Campaign", { name: "e", lease: 7, value: "v" });
  yield call("Election/Leader", { name: "e" });
  yield call("Maintenance/HashKV", {}, { opaque: ["hash"] });
  yield call("Health/Check");
  yield call("KV/Compact", { revision: 99 });
  yield remove("b");
}

function* hashes(): Script {
  const opaque = { opaque: ["hash"] };
  yield call("Maintenance/Hash", {}, opaque);
  for (const revision of [0, 1, 2, 3, 99, -1])
    yield call("Maintenance/HashKV", { revision }, opaque);
  yield call("KV/Compact", { revision: 3, physical: true });
  for (const revision of [1, 2, 3, 4]) yield call("Maintenance/HashKV", { revision }, opaque);
}

function* downgrades(): Script {
  const [validate, enable, cancel] = [0, 1, 2];
  const ask = (action: number, version: string): Request =>
    call("Maintenance/Downgrade", { ...(action !== validate && { action }), version });
  for (const version of [
    "3.6.0",
    "3.6",
    "3.6.9",
    "3.7.0",
    "3.5.0",
    "2.6.0",
    "3",
    "x",
    "",
    "v3.6.0",
  ]) {
    yield ask(validate, version);
  }
  yield ask(enable, "3.5.0");
  yield ask(enable, "x");
  yield ask(cancel, "");
  yield ask(7, "3.6.0");
  yield ask(enable, "3.6");
  yield { waitMs: 5_500, onlyEtcd: true }; // etcd's leader looks every 5 s, and then the cluster has the other version.
  yield call("Maintenance/Status", {}, { opaque: [...ownFields, "leader"] });
  yield ask(validate, "3.6.0");
  yield ask(validate, "3.5.0");
  yield ask(enable, "3.6.0");
  yield ask(enable, "3.5.0");
  yield ask(cancel, "");
  yield { waitMs: 5_500, onlyEtcd: true };
  yield call("Maintenance/Status", {}, { opaque: [...ownFields, "leader"] });
  yield ask(cancel, "");
  yield ask(validate, "3.6.0");
}
