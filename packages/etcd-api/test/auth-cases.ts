/**
 * Requests to a cluster with authentication, in order, and how to ask them. What a real etcd answers is
 * in testdata/auth.json; record-auth.ts asks it anew.
 */
import { WireReader, WireWriter } from "@flotilla/base";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import { Metadata } from "@grpc/grpc-js";
import { headerOf, type TestClient } from "./fixtures.ts";

/** A message: its fields by number. */
export type Fields = readonly (readonly [field: number, value: Value])[];
type Value = string | number | boolean | Uint8Array | Fields;

/** Whose token goes along. `forged`: one that nobody has given out. */
export type Who = "nobody" | "root" | "user" | "forged";

export interface AuthCase {
  readonly who: Who;
  /** `Service/Method` of etcdserverpb, or the whole path. */
  readonly method: string;
  readonly fields: Fields;
  /** Of what is answered only that it is. */
  readonly isLocal?: boolean;
}

/** Tokens by who has them; {@link askAuth} puts there what `Authenticate` gives. */
export type Wallet = Map<Who, string>;

const by = (who: Who, method: string, fields: Fields = []): AuthCase => ({ who, method, fields });

const permission = (kind: number, key: string, rangeEnd = ""): Fields => [
  [1, kind],
  [2, key],
  [3, rangeEnd],
];
const grant = (role: string, ...rest: Parameters<typeof permission>): Fields => [
  [1, role],
  [2, permission(...rest)],
];
/** Bytes that are no UTF-8, where a name or a password is expected. */
const noText = Uint8Array.of(0xff, 0xfe);
/** A transaction that does one thing, if all that is compared holds. */
const txn = (operation: Fields, compare = ""): Fields => [
  ...(compare === "" ? [] : ([[1, [[3, compare]]]] as const)),
  [2, operation],
];

/** What is asked in everybody's name: every method, with something to refuse in it. */
// biome-ignore format: a table
const everything: readonly (readonly [method: string, fields: Fields, isLocal?: boolean])[] = [
  ["KV/Put",                    [[1, "k1"], [2, "v"]]],
  ["KV/Put",                    [[1, "zz"], [2, "v"]]],
  ["KV/Put",                    []],
  ["KV/Range",                  [[1, "k1"]]],
  ["KV/Range",                  [[1, "k1"], [7, true]]],
  ["KV/Range",                  [[1, "zz"]]],
  ["KV/Range",                  []],
  ["KV/RangeStream",            [[1, "k1"]], true],
  ["KV/RangeStream",            [[1, "k"], [2, "z"], [7, true]], true],
  ["KV/DeleteRange",            [[1, "k1"]]],
  ["KV/DeleteRange",            [[1, "zz"]]],
  ["KV/Txn",                    []],
  ["KV/Txn",                    txn([[1, [[1, "k1"]]]])],
  ["KV/Txn",                    txn([[1, [[1, "zz"]]]])],
  ["KV/Txn",                    txn([[2, [[1, "k1"]]]], "k1")],
  ["KV/Txn",                    txn([[2, [[1, "k1"]]]], "zz")],
  ["KV/Txn",                    txn([[4, [[3, [[2, [[1, "zz"]]]]]]]])],
  ["KV/Txn",                    txn([[4, [[3, [[3, [[1, "zz"]]]]]]]])],
  ["KV/Txn",                    txn([[4, [[3, [[2, [[1, "k1"]]]]]]]])],
  ["KV/Compact",                [[1, 1]]],
  ["Lease/LeaseGrant",          [[1, 100], [2, 5]]],
  ["Lease/LeaseTimeToLive",     [[1, 99]]],
  ["Lease/LeaseTimeToLive",     [[1, 99], [2, true]]],
  ["Lease/LeaseRevoke",         [[1, 5]]],
  ["Lease/LeaseRevoke",         [[1, 99]]],
  ["Lease/LeaseLeases",         []],
  ["Cluster/MemberList",        [], true],
  ["Cluster/MemberAdd",         [[1, "http://127.0.0.1:1"]]],
  ["Cluster/MemberRemove",      [[1, 1]]],
  ["Cluster/MemberUpdate",      [[1, 1], [2, "http://127.0.0.1:1"]]],
  ["Cluster/MemberPromote",     [[1, 1]]],
  ["Maintenance/Status",        [], true],
  ["Maintenance/Alarm",         []],
  ["Maintenance/Alarm",         [[1, 2], [3, 1]]],
  ["Maintenance/Defragment",    [], true],
  ["Maintenance/Hash",          [], true],
  ["Maintenance/HashKV",        [], true],
  ["Maintenance/Snapshot",      [], true],
  ["Maintenance/MoveLeader",    [[1, 1]]],
  ["Maintenance/Downgrade",     [[1, 0], [2, "x"]]],
  ["Auth/AuthEnable",           []],
  ["Auth/AuthStatus",           []],
  ["Auth/UserAdd",              [[1, "root"], [2, "q"]]],
  ["Auth/UserGet",              [[1, "user"]]],
  ["Auth/UserGet",              [[1, "root"]]],
  ["Auth/UserGet",              []],
  ["Auth/UserList",             []],
  ["Auth/UserDelete",           [[1, "q"]]],
  ["Auth/UserDelete",           [[1, "root"]]],
  ["Auth/UserChangePassword",   [[1, "q"], [2, "z"]]],
  ["Auth/UserChangePassword",   [[1, "q"], [3, "%"]]],
  ["Auth/UserGrantRole",        [[1, "q"], [2, "z"]]],
  ["Auth/UserRevokeRole",       [[1, "q"], [2, "z"]]],
  ["Auth/UserRevokeRole",       [[1, "root"], [2, "root"]]],
  ["Auth/RoleAdd",              []],
  ["Auth/RoleGet",              [[1, "r"]]],
  ["Auth/RoleGet",              [[1, "root"]]],
  ["Auth/RoleList",             []],
  ["Auth/RoleDelete",           [[1, "q"]]],
  ["Auth/RoleGrantPermission",  grant("q", 2, "l", "m")],
  ["Auth/RoleGrantPermission",  [[1, "r"]]],
  ["Auth/RoleRevokePermission", [[1, "q"], [2, "z"]]],
  ["/v3lockpb.Lock/Lock",       [[1, "zz"], [2, 7]]],
  ["/v3lockpb.Lock/Lock",       [[1, "kl"], [2, 7]]],
  ["/v3lockpb.Lock/Unlock",     [[1, "zz"]]],
  ["/v3lockpb.Lock/Unlock",     []],
  ["/v3electionpb.Election/Campaign", [[1, "zz"], [2, 7]]],
  ["/v3electionpb.Election/Leader",   [[1, "zz"]]],
  ["/v3electionpb.Election/Leader",   [[1, "ke"]]],
  ["/v3electionpb.Election/Proclaim", [[1, [[2, "zz/1"], [3, 7], [4, 5]]]]],
  ["/v3electionpb.Election/Proclaim", []],
  ["/v3electionpb.Election/Resign",   [[1, [[2, "zz/1"], [3, 7], [4, 5]]]]],
  ["/grpc.health.v1.Health/Check",    []],
];

/** Root would be heard. */
const notByRoot = "Cluster/MemberAdd";

const asked = (who: Who): readonly AuthCase[] =>
  everything
    .filter(([method]) => who !== "root" || method !== notByRoot)
    .map(([method, fields, isLocal = false]) => ({ who, method, fields, isLocal }));

/** All of them; each goes on from what the ones before it have left. */
// biome-ignore format: a table
export const authCases: readonly AuthCase[] = [
  // Users, roles and permissions, while nobody is asked who he is.
  by("nobody", "Auth/AuthStatus"),
  by("nobody", "Auth/AuthEnable"),
  by("nobody", "Auth/UserAdd",             [[1, "root"], [2, "secret"]]),
  by("nobody", "Auth/UserAdd",             [[1, "root"], [2, "secret"]]),
  by("nobody", "Auth/UserAdd",             [[1, ""], [2, "secret"]]),
  by("nobody", "Auth/UserAdd",             [[1, "long"], [2, "x".repeat(73)]]),
  by("nobody", "Auth/UserAdd",             [[1, "user"], [2, "pass"]]),
  by("nobody", "Auth/UserAdd",             [[1, "by-certificate"], [3, [[1, true]]]]),
  by("nobody", "Auth/AuthEnable"),
  by("nobody", "Auth/UserGrantRole",       [[1, "root"], [2, "root"]]),
  by("nobody", "Auth/UserGrantRole",       [[1, "root"], [2, "root"]]),
  by("nobody", "Auth/UserGrantRole",       [[1, "nobody"], [2, "root"]]),
  by("nobody", "Auth/UserGrantRole",       [[1, "user"], [2, "none"]]),
  by("nobody", "Auth/RoleAdd",             [[1, "r"]]),
  by("nobody", "Auth/RoleAdd",             [[1, "r"]]),
  by("nobody", "Auth/RoleAdd"),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 2, "k", "l")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 0, "only-read")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 1, "only-write")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 2, "l", "m")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 2, "")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 2, "", "\0")),
  by("nobody", "Auth/RoleGrantPermission", grant("r", 2, "b", "a")),
  by("nobody", "Auth/RoleGrantPermission", [[1, "r"]]),
  by("nobody", "Auth/RoleGrantPermission", grant("none", 2, "l", "m")),
  by("nobody", "Auth/RoleGet",             [[1, "r"]]),
  by("nobody", "Auth/RoleGet",             [[1, "none"]]),
  by("nobody", "Auth/RoleGet",             [[1, "root"]]),
  by("nobody", "Auth/UserGrantRole",       [[1, "user"], [2, "r"]]),
  by("nobody", "Auth/UserGet",             [[1, "user"]]),
  by("nobody", "Auth/UserGet",             [[1, "none"]]),
  by("nobody", "Auth/UserRevokeRole",      [[1, "user"], [2, "none"]]),
  by("nobody", "Auth/UserRevokeRole",      [[1, "none"], [2, "r"]]),
  by("nobody", "Auth/RoleRevokePermission", [[1, "r"], [2, "zz"]]),
  by("nobody", "Auth/RoleRevokePermission", [[1, "none"], [2, "zz"]]),
  by("nobody", "Auth/UserChangePassword",  [[1, "none"], [2, "x"]]),
  by("nobody", "Auth/UserChangePassword",  [[1, "by-certificate"], [2, "x"]]),
  by("nobody", "Auth/UserDelete",          [[1, "none"]]),
  by("nobody", "Auth/RoleDelete",          [[1, "none"]]),
  by("nobody", "Auth/Authenticate",        [[1, "user"], [2, "pass"]]),
  by("nobody", "KV/Put",                   [[1, "zroot"], [2, "v"]]),
  by("forged", "KV/Put",                   [[1, "zroot"], [2, "v"]]),
  by("nobody", "Auth/AuthEnable"),
  by("nobody", "Auth/AuthEnable"),
  // From here on everybody is.
  ...asked("nobody"),
  ...asked("forged"),
  by("forged", "Auth/Authenticate",        [[1, "user"], [2, "wrong"]]),
  by("nobody", "Auth/Authenticate",        [[1, "none"], [2, "pass"]]),
  by("nobody", "Auth/Authenticate",        [[1, "by-certificate"], [2, "x"]]),
  by("nobody", "Auth/Authenticate"),
  by("user",   "Auth/Authenticate",        [[1, "user"], [2, "pass"]]),
  by("root",   "Auth/Authenticate",        [[1, "root"], [2, "secret"]]),
  ...asked("user"),
  by("user", "KV/Put",         [[1, "only-write"], [2, "v"]]),
  by("user", "KV/Put",         [[1, "only-write"], [2, "v"], [4, true]]),
  by("user", "KV/Put",         [[1, "only-read"], [2, "v"]]),
  by("user", "KV/Range",       [[1, "only-read"]]),
  by("user", "KV/Range",       [[1, "only-write"]]),
  by("user", "KV/Range",       [[1, "only-read"], [2, "only-reae"]]),
  by("user", "KV/Range",       [[1, "k"], [2, "l"]]),
  by("user", "KV/Range",       [[1, "k"], [2, "m"]]),
  by("user", "KV/Range",       [[1, "k"], [2, "n"]]),
  by("user", "KV/Range",       [[1, "k"], [2, "\0"]]),
  by("user", "KV/DeleteRange", [[1, "k"], [2, "m"]]),
  by("user", "KV/DeleteRange", [[1, "only-write"], [3, true]]),
  by("user", "KV/DeleteRange", [[1, "only-write"]]),
  by("user", "KV/Txn",         txn([[2, [[1, "only-write"], [4, true]]]])),
  by("user", "KV/Txn",         txn([[4, [[3, [[2, [[1, "only-write"], [4, true]]]]]]]])),
  // Leases belong to whoever may write all their keys.
  by("user", "Lease/LeaseGrant",      [[1, 100], [2, 77]]),
  by("user", "KV/Put",                [[1, "k1"], [3, 77]]),
  by("user", "Lease/LeaseTimeToLive", [[1, 77], [2, true]], ),
  by("root", "Lease/LeaseGrant",      [[1, 100], [2, 78]]),
  by("root", "KV/Put",                [[1, "zz"], [3, 78]]),
  by("user", "KV/Put",                [[1, "k1"], [3, 78]]),
  by("user", "KV/Txn",                txn([[4, [[2, [[2, [[1, "k1"], [3, 78]]]]]]]])),
  by("user", "Lease/LeaseRevoke",     [[1, 78]]),
  by("user", "Lease/LeaseTimeToLive", [[1, 78], [2, true]]),
  by("user", "Lease/LeaseLeases"),
  by("user", "Lease/LeaseKeepAlive",  [[1, 77]]),
  by("user", "Lease/LeaseKeepAlive",  [[1, 78]]),
  by("user", "Lease/LeaseKeepAlive",  [[1, 79]]),
  by("root", "Lease/LeaseKeepAlive",  [[1, 78]]),
  by("nobody", "Lease/LeaseKeepAlive", [[1, 77]]),
  by("forged", "Lease/LeaseKeepAlive", [[1, 77]]),
  by("user", "Lease/LeaseRevoke",     [[1, 77]]),
  by("nobody", "/v3electionpb.Election/Observe", [[1, "ke"]]),
  by("forged", "/v3electionpb.Election/Observe", [[1, "ke"]]),
  by("user",   "/v3electionpb.Election/Observe", [[1, "zz"]]),
  by("nobody", "Watch/Watch", [[1, [[1, "k"]]]]),
  by("nobody", "Watch/Watch", [[1, [[1, "k"], [3, -1]]]]),
  by("forged", "Watch/Watch", [[1, [[1, "k"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "k"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "zz"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "k"], [2, "m"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "k"], [2, "\0"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "only-read"]]]]),
  by("user",   "Watch/Watch", [[1, [[1, "only-write"]]]]),
  by("user",   "Watch/Watch", [[1, []]]),
  by("root",   "Watch/Watch", [[1, []]]),
  ...asked("root"),
  // Names and passwords of every kind.
  by("root",   "Auth/UserAdd",            [[1, noText], [2, "p"]]),
  by("root",   "Auth/UserAdd",            [[1, "p"], [2, noText]]),
  by("root",   "Auth/UserGet",            [[1, noText]]),
  by("root",   "Auth/UserGrantRole",      [[1, noText], [2, "r"]]),
  by("root",   "Auth/RoleAdd",            [[1, noText]]),
  by("root",   "Auth/RoleGrantPermission", [[1, noText], [2, permission(2, "k")]]),
  by("nobody", "Auth/Authenticate",       [[1, noText], [2, "p"]]),
  by("nobody", "Auth/Authenticate",       [[1, "root"], [2, noText]]),
  by("root",   "Auth/UserList"),
  by("root",   "Auth/UserAdd",            [[1, "n".repeat(4000)], [2, "x".repeat(72)]]),
  by("root",   "Auth/RoleAdd",            [[1, "n".repeat(4000)]]),
  by("root",   "Auth/UserGrantRole",      [[1, "n".repeat(4000)], [2, "n".repeat(4000)]]),
  by("nobody", "Auth/Authenticate",       [[1, "n".repeat(4000)], [2, "x".repeat(71)]]),
  by("nobody", "Auth/Authenticate",       [[1, "n".repeat(4000)], [2, "x".repeat(500)]]),
  by("root",   "Auth/RoleDelete",         [[1, "n".repeat(4000)]]),
  by("root",   "Auth/UserDelete",         [[1, "n".repeat(4000)]]),
  by("root",   "Auth/UserAdd",            [[1, "a\0b"], [2, "a\0b"]]),
  by("nobody", "Auth/Authenticate",       [[1, "a\0b"], [2, "a"]]),
  by("nobody", "Auth/Authenticate",       [[1, "a\0b"], [2, "a\0c"]]),
  by("nobody", "Auth/Authenticate",       [[1, "a"], [2, "a\0b"]]),
  by("nobody", "Auth/Authenticate",       [[1, "a\0b"], [2, "a\0b"]]),
  by("root",   "Auth/UserAdd",            [[1, "__proto__"]]),
  by("nobody", "Auth/Authenticate",       [[1, "__proto__"]]),
  by("root",   "Auth/UserDelete",         [[1, "__proto__"]]),
  by("root",   "Auth/UserDelete",         [[1, "a\0b"]]),
  by("user",   "Auth/Authenticate",       [[1, "user"], [2, "pass"]]),
  // Tokens end with what they were given for.
  by("root",   "Auth/RoleAdd",            [[1, "root"]]),
  by("root",   "Auth/RoleGet",            [[1, "root"]]),
  by("user",   "KV/Range",                [[1, "k1"]]),
  by("root",   "Auth/UserChangePassword", [[1, "user"], [2, "other"]]),
  by("user",   "KV/Range",                [[1, "k1"]]),
  by("nobody", "Auth/Authenticate",       [[1, "user"], [2, "pass"]]),
  by("user",   "Auth/Authenticate",       [[1, "user"], [2, "other"]]),
  by("user",   "KV/Range",                [[1, "only-read"]]),
  by("root",   "Auth/UserChangePassword", [[1, "user"], [2, ""]]),
  by("nobody", "Auth/Authenticate",       [[1, "user"], [2, ""]]),
  by("root",   "Auth/UserChangePassword", [[1, "user"], [2, "third"]]),
  by("user",   "Auth/Authenticate",       [[1, "user"], [2, "third"]]),
  by("root",   "Auth/RoleDelete",         [[1, "r"]]),
  by("user",   "KV/Range",                [[1, "only-read"]]),
  by("root",   "Auth/UserGet",            [[1, "user"]]),
  by("root",   "Auth/UserDelete",         [[1, "user"]]),
  by("user",   "KV/Range",                [[1, "only-read"]]),
  by("root",   "Auth/UserDelete",         [[1, "root"]]),
  by("root",   "Auth/AuthStatus"),
  by("root",   "Auth/AuthDisable"),
  by("user",   "KV/Range",                [[1, "zroot"]]),
  by("nobody", "Auth/AuthDisable"),
  by("nobody", "Auth/AuthStatus"),
  by("nobody", "Auth/AuthEnable"),
  by("root",   "KV/Range",                [[1, "zroot"]]),
];

/** One answer as a line: `code text`, or the header's revision and all else in base64. */
export async function askAuth(client: TestClient, wallet: Wallet, one: AuthCase): Promise<string> {
  const path = one.method.startsWith("/") ? one.method : `/etcdserverpb.${one.method}`;
  const metadata = new Metadata();
  const token = wallet.get(one.who);
  if (token !== undefined && one.method !== "Auth/Authenticate") metadata.set("token", token);
  const request = encodedFields(one.fields);
  const isStream = /KeepAlive$|Watch$|Stream$|Snapshot$|Observe$/.test(path);
  try {
    const answer = isStream
      ? await firstOf(client, path, request, metadata)
      : await client.unary(path, request, metadata);
    if (one.method === "Auth/Authenticate") return keepToken(answer, wallet, one.who);
    return one.isLocal === true ? "ok" : shown(answer);
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a stream answers to its first request. */
function firstOf(
  client: TestClient,
  path: string,
  request: Uint8Array,
  metadata: Metadata,
): Promise<Buffer> {
  const stream = client.bidi(path, metadata);
  return new Promise((resolve, reject) => {
    stream.once("data", (answer: Buffer) => {
      resolve(answer);
      stream.cancel();
    });
    stream.on("error", (error: Error & { code?: number; details?: string }) =>
      reject(new Error(`${error.code} ${error.details}`)),
    );
    stream.on("end", () => resolve(Buffer.from("ended")));
    stream.write(request);
    if (!/KeepAlive$|Watch$/.test(path)) stream.end();
  });
}

function keepToken(answer: Uint8Array, wallet: Wallet, who: Who): string {
  const reader = new WireReader(answer);
  while (reader.next()) {
    if (reader.field === 2) wallet.set(who, reader.text());
    else reader.skip();
  }
  return /^[a-zA-Z]{16}\.\d+$/.test(wallet.get(who) ?? "") ? "token" : "no token";
}

/** The bytes of a message. */
export function encodedFields(fields: Fields): Uint8Array {
  const writer = new WireWriter();
  writeFields(writer, fields);
  return writer.finish();
}

function writeFields(writer: WireWriter, fields: Fields): void {
  for (const [field, value] of fields) {
    if (typeof value === "string") writer.fieldText(field, value);
    else if (typeof value === "boolean") writer.fieldBool(field, value);
    else if (typeof value === "number") writer.fieldVarint64(field, BigInt(value));
    else if (value instanceof Uint8Array) writer.fieldBytes(field, value);
    else writer.fieldMessage(field, (body) => writeFields(body, value));
  }
}

function shown(answer: Uint8Array): string {
  const reader = new WireReader(answer);
  if (!reader.next() || reader.type !== 2) return Buffer.from(answer).toString("base64");
  const { revision } = headerOf(reader.bytes());
  return `rev=${revision} ${Buffer.from(answer.subarray(reader.offset)).toString("base64")}`.trim();
}
