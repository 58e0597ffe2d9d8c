/** Three members and a learner: when it is promoted, and what it serves. */
import type { Script } from "../recording.ts";
import type { Request } from "../session.ts";
import { ownFields } from "./maintenance.ts";
import { call, op, put } from "./requests.ts";

const added = { bind: { "member.ID": "$learner" } };
const learnerUrl = { peerURLs: ["$peerUrl:m4"], isLearner: true };

export function* learner(): Script {
  yield put("a", "1");
  yield call("Lease/LeaseGrant", { ID: 7, TTL: 1000 });
  yield { waitMs: 5_500, onlyEtcd: true }; // So long members have to have known each other before a change.
  for (const at of ["leader", "f1"]) yield call("Cluster/MemberList", {}, { at });
  yield call("Cluster/MemberAdd", learnerUrl, { at: "f1", ...added });
  yield call("Cluster/MemberList", { linearizable: true }, { at: "f2" });
  for (const at of ["leader", "f1"]) {
    yield call("Cluster/MemberPromote", { ID: "$learner" }, { at });
    yield call("Cluster/MemberPromote", { ID: "$f2" }, { at });
    yield call("Cluster/MemberPromote", { ID: 4711 }, { at });
    yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:9"], isLearner: true }, { at });
    yield call("Maintenance/MoveLeader", { targetID: "$learner" }, { at });
  }
  yield { do: "join", to: "m4" };
  yield { waitMs: 1_500 };
  yield call("Maintenance/Status", {}, { at: "m4", opaque: statusFields });
  yield* asked();
  yield call("Cluster/MemberPromote", { ID: "$learner" }, { at: "f1" });
  yield call("Cluster/MemberPromote", { ID: "$learner" }, { at: "leader" });
  yield { waitMs: 300 };
  yield call("KV/Put", { key: "a", value: "by the new one" }, { at: "m4" });
  yield call("KV/Range", { key: "a" }, { at: "m4" });
  yield call("Lease/LeaseTimeToLive", { ID: 7, keys: true }, { at: "m4" });
  yield call("Cluster/MemberList", { linearizable: true }, { at: "m4" });
  yield call("Maintenance/Status", {}, { at: "m4", opaque: statusFields });
}

function* asked(): Script {
  const at = "m4";
  for (const [method, request, more] of methods) yield call(method, request, { at, ...more });
  yield { open: "Watch/Watch", stream: "w", at };
  yield { send: "w", request: { create_request: { key: "a", start_revision: 1 } } };
  yield { take: "w" };
  yield { open: "Lease/LeaseKeepAlive", stream: "k", at };
  yield { send: "k", request: { ID: 7 } };
  yield { take: "k" };
  yield { open: "Health/Watch", stream: "h", at };
  yield { send: "h", request: {} };
  yield { finish: "h" };
  yield { take: "h" };
  yield { open: "Election/Observe", stream: "o", at } as Request;
  yield { send: "o", request: { name: "e" } };
  yield { finish: "o" };
  yield { take: "o" };
}

/** etcd finds out about the storage version later. */
const statusFields = [...ownFields, "storageVersion"];
const opaque = { opaque: statusFields };
const methods: readonly (readonly [string, Parameters<typeof call>[1], object?])[] = [
  ["KV/Range", { key: "a" }],
  ["KV/Range", { key: "a", serializable: true }],
  ["KV/RangeStream", { key: "a" }],
  ["KV/RangeStream", { key: "a", serializable: true }],
  ["KV/Put", { key: "a" }],
  ["KV/Put", {}],
  ["KV/DeleteRange", { key: "a" }],
  ["KV/Txn", { success: [op.put("a")] }],
  ["KV/Txn", { success: [op.range("a")] }],
  ["KV/Txn", { success: [op.range("a", "", { serializable: true })] }],
  ["KV/Compact", { revision: 1 }],
  ["Lease/LeaseGrant", { ID: 9, TTL: 100 }],
  ["Lease/LeaseRevoke", { ID: 7 }],
  ["Lease/LeaseTimeToLive", { ID: 7 }],
  ["Lease/LeaseLeases", {}],
  ["Cluster/MemberList", {}],
  ["Cluster/MemberList", { linearizable: true }],
  ["Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:9"] }],
  ["Cluster/MemberRemove", { ID: 4711 }],
  ["Cluster/MemberUpdate", { ID: 4711, peerURLs: ["http://127.0.0.1:9"] }],
  ["Cluster/MemberPromote", { ID: 4711 }],
  ["Maintenance/Alarm", {}],
  ["Maintenance/Status", {}, opaque],
  ["Maintenance/Defragment", {}],
  ["Maintenance/Hash", {}, opaque],
  ["Maintenance/HashKV", {}, opaque],
  ["Maintenance/MoveLeader", { targetID: "$f2" }],
  ["Maintenance/Downgrade", { version: "3.6.0" }],
  ["Auth/AuthStatus", {}],
  ["Auth/AuthEnable", {}],
  ["Auth/Authenticate", { name: "a", password: "b" }],
  ["Auth/UserList", {}],
  ["Auth/UserAdd", { name: "u", password: "p" }],
  ["Auth/RoleAdd", { name: "r" }],
  ["Lock/Lock", { name: "m", lease: 7 }],
  ["Lock/Unlock", { key: "l/7" }],
  ["Election/Leader", { name: "e" }],
  ["Election/Campaign", { name: "e", lease: 7 }],
  ["Health/Check", {}],
];
