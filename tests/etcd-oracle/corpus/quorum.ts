/** One of three members alone: what waits and times out, what is refused at once, what is served. */
import type { Script } from "../recording.ts";
import type { Request } from "../session.ts";
import { ownFields } from "./maintenance.ts";
import { call, op, put, range, txn } from "./requests.ts";

const status = call("Maintenance/Status", {}, { opaque: ownFields });
const wantsLeader = { metadata: { hasleader: "true" } };

export function* quorum(): Script {
  yield put("a", "1");
  yield call("Lease/LeaseGrant", { ID: 7, TTL: 1000 });
  yield call("Lock/Lock", { name: "l", lease: 7 });
  for (const at of ["leader", "f1", "f2"]) {
    yield { ...status, at } as Request;
    yield call("KV/Range", { key: "a" }, { at, ...wantsLeader });
  }
  yield { open: "Watch/Watch", stream: "w", at: "f1", ...wantsLeader };
  yield { send: "w", request: { create_request: { key: "a" } } };
  yield { take: "w" };
  yield { open: "Watch/Watch", stream: "patient", at: "f1" };
  yield { send: "patient", request: { create_request: { key: "a" } } };
  yield { take: "patient" };
  yield { do: "kill", to: "leader" };
  yield { do: "kill", to: "f2" };
  yield { do: "miss the leader", to: "f1" };
  yield* alone();
  yield { do: "start", to: "f2" };
  yield { do: "start", to: "leader" };
  yield { do: "find a leader", to: "f1" };
  yield call("KV/Put", { key: "a", value: "back" }, { at: "f1" });
  yield { take: "patient", merge: true };
  yield call("KV/Range", { key: "a" }, { at: "leader" });
  yield call("KV/Range", { key: "a" }, { at: "f2", ...wantsLeader });
  yield call("Lease/LeaseTimeToLive", { ID: 7, keys: true }, { at: "f2" });
}

function* alone(): Script {
  const at = "f1";
  yield { ...status, at } as Request;
  yield { take: "w" };
  yield { take: "patient" };
  for (const [method, request] of everyMethod) {
    yield call(method, request, { at, ...wantsLeader });
  }
  yield { open: "Watch/Watch", stream: "refused", at, ...wantsLeader };
  yield { send: "refused", request: { create_request: { key: "a" } } };
  yield { take: "refused" };
  yield { open: "Lease/LeaseKeepAlive", stream: "kept", at, ...wantsLeader };
  yield { send: "kept", request: { ID: 7 } };
  yield { take: "kept" };
  yield { ...range("a", "", { serializable: true }), at } as Request;
  yield { ...range("a", "b", { serializable: true, count_only: true }), at } as Request;
  yield { ...txn([], [op.range("a", "", { serializable: true })]), at } as Request;
  yield call("KV/RangeStream", { key: "a", serializable: true }, { at });
  yield call("Cluster/MemberList", {}, { at });
  yield call("Health/Check", {}, { at });
  yield call("Maintenance/HashKV", {}, { at, opaque: ["hash"] });
  yield call("Maintenance/MoveLeader", { targetID: "$f2" }, { at });
  yield { open: "Watch/Watch", stream: "local", at };
  yield { send: "local", request: { create_request: { key: "a", start_revision: 2 } } };
  yield { take: "local" };
  yield { together: everyMethod.map(([method, request]) => call(method, request, { at })) };
}

/** Whatever asks the cluster, or does not. */
const everyMethod: readonly (readonly [string, Parameters<typeof call>[1]])[] = [
  ["KV/Range", { key: "a" }],
  ["KV/RangeStream", { key: "a" }],
  ["KV/Put", { key: "a" }],
  ["KV/DeleteRange", { key: "a" }],
  ["KV/Txn", { success: [op.put("a")] }],
  ["KV/Txn", { success: [op.range("a")] }],
  ["KV/Compact", { revision: 1 }],
  ["Lease/LeaseGrant", { ID: 9, TTL: 100 }],
  ["Lease/LeaseRevoke", { ID: 7 }],
  ["Lease/LeaseTimeToLive", { ID: 7 }],
  ["Lease/LeaseLeases", {}],
  ["Cluster/MemberList", { linearizable: true }],
  ["Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:9"], isLearner: true }],
  ["Cluster/MemberRemove", { ID: "$f2" }],
  ["Cluster/MemberUpdate", { ID: "$f2", peerURLs: ["http://127.0.0.1:9"] }],
  ["Cluster/MemberPromote", { ID: "$f2" }],
  ["Maintenance/Alarm", {}],
  ["Maintenance/Alarm", { action: 1, memberID: "$f1", alarm: 1 }],
  ["Maintenance/Downgrade", { version: "3.6.0" }],
  ["Auth/AuthStatus", {}],
  ["Auth/UserList", {}],
  ["Auth/RoleAdd", { name: "r" }],
  ["Lock/Lock", { name: "m", lease: 7 }],
  ["Lock/Unlock", { key: "l/7" }],
  ["Election/Leader", { name: "e" }],
];
