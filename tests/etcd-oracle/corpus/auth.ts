/** Users, roles and rights: every refusal, and what each right opens. */
import type { Message } from "../protobuf.ts";
import type { Script } from "../recording.ts";
import type { Request } from "../session.ts";
import { call, op } from "./requests.ts";

const [read, write, both] = [0, 1, 2];
const grant = (name: string, permType: number, key: string, range_end = ""): Request =>
  call("Auth/RoleGrantPermission", {
    name,
    perm: { ...(permType !== read && { permType }), key, ...(range_end !== "" && { range_end }) },
  });

export function* auth(): Script {
  yield call("Cluster/MemberList", {}, { bind: { "members.0.ID": "$self" } });
  yield* beginning();
  yield call("Auth/AuthEnable");
  yield call("Auth/Authenticate", { name: "root", password: "r" }, token("$root"));
  yield call("Auth/Authenticate", { name: "u", password: "p" }, token("$u"));
  yield call("Auth/Authenticate", { name: "u", password: "x" });
  yield call("Auth/Authenticate", { name: "nobody", password: "x" });
  for (const who of [undefined, "nonsense", "$u", "$root"]) yield* everything(who);
  yield* changes();
  yield call("Auth/AuthDisable", {}, by("$u"));
  yield call("Auth/AuthDisable", {}, by("$root"));
  yield call("Auth/AuthDisable");
  yield call("Auth/AuthStatus");
  yield call("KV/Range", { key: "a", range_end: "z" });
  for (const name of ["u", "root"]) yield call("Auth/UserDelete", { name });
  for (const role of ["r", "root"]) yield call("Auth/RoleDelete", { role });
  yield call("Auth/UserList");
  yield call("Auth/RoleList");
  yield grant("s", 7, "q");
}

const token = (name: string): object => ({ bind: { token: name }, opaque: ["token"] });
const by = (who: string | undefined): object =>
  who === undefined ? {} : { metadata: { token: who } };

function* beginning(): Script {
  yield call("Auth/AuthStatus");
  yield call("Auth/AuthEnable");
  yield call("Auth/UserAdd", { name: "root", password: "r" });
  yield call("Auth/AuthEnable");
  yield call("Auth/UserAdd", { name: "u", password: "p" });
  yield call("Auth/UserAdd", { name: "u", password: "p" });
  yield call("Auth/UserAdd", { password: "p" });
  yield call("Auth/UserAdd", { name: "empty" });
  yield call("Auth/UserAdd", { name: "cn", options: { no_password: true } });
  yield call("Auth/UserAdd", { name: "both", password: "p", options: { no_password: true } });
  yield call("Auth/UserGrantRole", { user: "root", role: "root" });
  yield call("Auth/UserGrantRole", { user: "u", role: "r" });
  for (const name of ["r", "s", "r", ""]) yield call("Auth/RoleAdd", { name });
  yield grant("r", both, "k");
  yield grant("r", read, "a", "c");
  yield grant("r", write, "c", "e");
  yield grant("r", both, "x", "hex:00");
  yield grant("none", read, "a");
  yield grant("r", both, "z", "a");
  yield grant("r", both, "");
  yield call("Auth/RoleGrantPermission", { name: "r" });
  yield call("Auth/RoleGet", { role: "r" });
  yield call("Auth/RoleGet", { role: "none" });
  yield call("Auth/UserGrantRole", { user: "u", role: "r" });
  yield call("Auth/UserGrantRole", { user: "u", role: "r" });
  yield call("Auth/UserGrantRole", { user: "none", role: "r" });
  yield call("Auth/UserRevokeRole", { name: "u", role: "s" });
  yield call("Auth/UserGet", { name: "u" });
  yield call("Auth/UserGet", { name: "none" });
  yield call("Auth/UserList");
  yield call("Auth/RoleList");
  yield call("Auth/Authenticate", { name: "u", password: "p" });
  yield call("Lease/LeaseGrant", { ID: 7, TTL: 1000 });
  yield call("KV/Put", { key: "k", lease: 7 });
  yield call("Lease/LeaseGrant", { ID: 8, TTL: 1000 });
  yield call("KV/Put", { key: "secret", lease: 8 });
}

function* everything(who: string | undefined): Script {
  for (const [method, request, more] of methods)
    yield call(method, request, { ...by(who), ...more });
  const stream = `w ${who}`;
  yield { open: "Watch/Watch", stream, ...by(who) };
  for (const key of ["k", "secret"]) {
    yield { send: stream, request: { create_request: { key, start_revision: 2 } } };
    yield { take: stream };
  }
  yield { cancel: stream };
  for (const ID of [7, 8]) {
    yield { open: "Lease/LeaseKeepAlive", stream: `k${ID} ${who}`, ...by(who) };
    yield { send: `k${ID} ${who}`, request: { ID } };
    yield { take: `k${ID} ${who}` };
    yield { cancel: `k${ID} ${who}` };
  }
}

/** Rights that are taken away, passwords that change, users that go. */
function* changes(): Script {
  const root = by("$root");
  yield call("Auth/RoleRevokePermission", { role: "r", key: "k" }, root);
  yield call("KV/Range", { key: "k" }, by("$u"));
  yield call("Auth/RoleRevokePermission", { role: "r", key: "k" }, root);
  yield call("Auth/RoleRevokePermission", { role: "r", key: "a", range_end: "b" }, root);
  yield call("Auth/UserChangePassword", { name: "u", password: "new" }, root);
  yield call("KV/Range", { key: "a" }, by("$u"));
  yield call("Auth/Authenticate", { name: "u", password: "p" });
  yield call("Auth/Authenticate", { name: "u", password: "new" }, token("$u"));
  yield call("KV/Range", { key: "a" }, by("$u"));
  yield call("Auth/RoleDelete", { role: "r" }, root);
  yield call("KV/Range", { key: "a" }, by("$u"));
  yield call("Auth/Authenticate", { name: "u", password: "new" }, token("$u"));
  yield call("KV/Range", { key: "a" }, by("$u"));
  yield call("Auth/UserGet", { name: "u" }, by("$u"));
  yield call("Auth/UserDelete", { name: "cn" }, root);
  yield call("Auth/UserDelete", { name: "root" }, root);
  yield call("Auth/UserRevokeRole", { name: "root", role: "root" }, root);
  yield call("Auth/RoleDelete", { role: "root" }, root);
}

const put = (key: string, more: Message = {}) => ["KV/Put", { key, value: "v", ...more }] as const;
const txn = (request: Message) => ["KV/Txn", request] as const;
const range = (key: string, range_end = "", more: Message = {}) =>
  ["KV/Range", { key, ...(range_end !== "" && { range_end }), ...more }] as const;
const nested = (one: Message): Message => ({ success: [op.txn([], [], [one])] });
const sizes = {
  opaque: ["hash", "dbSize", "dbSizeInUse", "raftIndex", "raftTerm", "leader", "raftAppliedIndex"],
};

const methods: readonly (readonly [string, Message, object?])[] = [
  put("k"),
  put("k", { prev_kv: true }),
  put("d"),
  put("d", { prev_kv: true }),
  put("b"),
  put("secret"),
  put("k", { lease: 7 }),
  put("k", { lease: 8 }),
  range("k"),
  range("a", "c"),
  range("a", "d"),
  range("b", "e"),
  range("x", "hex:00"),
  range("w", "hex:00"),
  range("hex:00", "hex:00"),
  range("secret", "", { serializable: true }),
  ["KV/RangeStream", { key: "a", range_end: "c" }],
  ["KV/RangeStream", { key: "a", range_end: "d" }],
  ["KV/DeleteRange", { key: "d" }],
  ["KV/DeleteRange", { key: "d", prev_kv: true }],
  ["KV/DeleteRange", { key: "c", range_end: "f" }],
  txn({ success: [op.put("k")] }),
  txn({ success: [op.put("secret")] }),
  txn({ failure: [op.put("secret")] }),
  txn({ compare: [{ key: "secret" }], success: [op.put("k")] }),
  txn({ compare: [{ key: "a", range_end: "c" }], success: [op.put("k")] }),
  txn(nested(op.put("secret"))),
  txn(nested(op.range("secret"))),
  txn(nested(op.put("k"))),
  txn({ success: [op.range("a", "c", { serializable: true })] }),
  txn({}),
  ["KV/Compact", { revision: 1 }],
  ["Lease/LeaseTimeToLive", { ID: 7, keys: true }],
  ["Lease/LeaseTimeToLive", { ID: 8, keys: true }],
  ["Lease/LeaseTimeToLive", { ID: 8 }],
  ["Lease/LeaseLeases", {}],
  ["Lease/LeaseRevoke", { ID: 4711 }],
  ["Cluster/MemberList", {}],
  ["Cluster/MemberList", { linearizable: true }],
  ["Cluster/MemberPromote", { ID: 4711 }],
  ["Maintenance/Alarm", {}],
  ["Maintenance/Alarm", { action: 2, alarm: 1 }],
  ["Maintenance/Status", {}, sizes],
  ["Maintenance/HashKV", {}, sizes],
  ["Maintenance/Hash", {}, sizes],
  ["Maintenance/MoveLeader", { targetID: 4711 }],
  ["Maintenance/Downgrade", { version: "3.6.0" }],
  ["Auth/AuthStatus", {}],
  ["Auth/AuthEnable", {}],
  ["Auth/UserList", {}],
  ["Auth/UserGet", { name: "u" }],
  ["Auth/UserGet", { name: "root" }],
  ["Auth/RoleGet", { role: "r" }],
  ["Auth/RoleGet", { role: "s" }],
  ["Auth/RoleGet", { role: "root" }],
  ["Auth/RoleList", {}],
  ["Auth/UserChangePassword", { name: "none", password: "x" }],
  ["Auth/RoleAdd", { name: "s" }],
  ["Lock/Lock", { name: "k", lease: 7 }],
  ["Lock/Lock", { name: "x", lease: 7 }],
  ["Lock/Unlock", { key: "x/7" }],
  ["Lock/Unlock", { key: "secret" }],
  ["Election/Leader", { name: "x" }],
  ["Election/Leader", { name: "secret" }],
  ["Election/Campaign", { name: "x", lease: 7 }],
  ["Health/Check", {}],
];
