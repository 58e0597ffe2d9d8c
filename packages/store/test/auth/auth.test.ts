/** Users, roles and permissions: what changes them, and what they forbid. */
import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  type AuthEvent,
  type Command,
  deleteRequest,
  type Permission,
  type Principal,
  prefixRequest,
  putRequest,
  type ReadAccess,
  type Requester,
  type RequestOp,
  rangeRequest,
  type TxnRequest,
} from "../../src/index.ts";
import { Bench, b, op, show } from "../fixtures.ts";

/** A bench with a short way of saying who does what. */
class AuthBench extends Bench {
  as(principal: Requester | undefined, command: Command): string {
    return show(this.run(command, principal));
  }

  /** `name`, admitted now. */
  who(name: string): Principal {
    return { user: name, authRevision: this.store.auth.revision };
  }

  root(command: Command): string {
    return this.as(this.who("root"), command);
  }

  may(name: string, access: ReadAccess): string {
    return this.store.auth.refusal(this.who(name), access) ?? "yes";
  }
}

const user = (name: string, passwordHash = "hash"): Command => {
  return { kind: "userAdd", name, passwordHash, hasNoPassword: false };
};
const role = (name: string): Command => ({ kind: "roleAdd", name });
const give = (name: string, to: string): Command => ({
  kind: "userGrantRole",
  name: to,
  role: name,
});
const take = (name: string, from: string): Command => {
  return { kind: "userRevokeRole", name: from, role: name };
};
const grant = (name: string, kind: Permission["kind"], key: string, rangeEnd = ""): Command => {
  const permission = { kind, key: b(key), rangeEnd: b(rangeEnd) };
  return { kind: "roleGrantPermission", name, permission };
};
const revoke = (name: string, key: string, rangeEnd = ""): Command => {
  return { kind: "roleRevokePermission", name, range: { key: b(key), rangeEnd: b(rangeEnd) } };
};
const put = (key: string, options: Parameters<typeof putRequest>[2] = {}): Command => {
  return { kind: "put", request: putRequest(b(key), b("v"), options) };
};
const remove = (key: string, rangeEnd = "", prevKv = false): Command => {
  return { kind: "deleteRange", request: deleteRequest(b(key), { rangeEnd: b(rangeEnd), prevKv }) };
};
const read = (key: string, rangeEnd = ""): ReadAccess => {
  return { kind: "range", request: rangeRequest({ key: b(key), rangeEnd: b(rangeEnd) }) };
};
const whole = (request: Partial<TxnRequest>): TxnRequest => {
  return { compare: [], success: [], failure: [], ...request };
};
const readOp = (key: string): RequestOp => ({ kind: "range", request: prefixRequest(b(key)) });
const compareKey = (key: string): TxnRequest["compare"][number] => {
  const target = { kind: "version", version: 0 } as const;
  return { key: b(key), rangeEnd: b(""), result: "equal", target };
};

/** Root, and `ann` who reads [a, c), writes [b, d) and has the key x whole. */
function guarded(): AuthBench {
  const bench = new AuthBench();
  const commands = [
    user("root"),
    give("root", "root"),
    user("ann"),
    role("r"),
    give("r", "ann"),
    grant("r", "read", "a", "c"),
    grant("r", "write", "b", "d"),
    grant("r", "readWrite", "x"),
    { kind: "authEnable" } as const,
  ];
  for (const command of commands) equal(bench.as(undefined, command), "auth @1");
  return bench;
}

describe("auth: users, roles and permissions", () => {
  // biome-ignore format: a table
  const steps: readonly (readonly [Command, want: string, revision: number])[] = [
    [{ kind: "authEnable" },             "rootUserNotExist",      1],
    [{ kind: "authDisable" },            "auth @1",               1],
    [user(""),                           "userEmpty",             1],
    [user("root"),                       "auth @1",               2],
    [user("root"),                       "userAlreadyExists",     2],
    [{ kind: "authEnable" },             "rootRoleNotExist",      2],
    [role(""),                           "roleEmpty",             2],
    [role("r"),                          "auth @1",               3],
    [role("r"),                          "roleAlreadyExists",     3],
    [give("r", "nobody"),                "userNotFound",          3],
    [give("none", "root"),               "roleNotFound",          3],
    [give("root", "root"),               "auth @1",               4],
    [give("root", "root"),               "auth @1",               4],
    [grant("r", "read", ""),             "invalidAuthManagement", 4],
    [grant("r", "read", "b", "b"),       "invalidAuthManagement", 4],
    [grant("r", "read", "b", "a"),       "invalidAuthManagement", 4],
    [grant("none", "read", "a"),         "roleNotFound",          4],
    [grant("r", "read", "b", "\0"),      "auth @1",               5],
    [grant("r", "write", "b", "\0"),     "auth @1",               6],
    [grant("r", "read", "a", "c"),       "auth @1",               7],
    [grant("r", "read", "a"),            "auth @1",               8],
    [grant("r", "readWrite", "a"),       "auth @1",               9],
    [revoke("none", "a"),                "roleNotFound",          9],
    [revoke("r", "a", "b"),              "permissionNotGranted",  9],
    [revoke("r", "a", "c"),              "auth @1",               10],
    [take("r", "nobody"),                "userNotFound",          10],
    [take("r", "root"),                  "roleNotGranted",        10],
    [{ kind: "userChangePassword", name: "nobody", passwordHash: "h" }, "userNotFound", 10],
    [{ kind: "userChangePassword", name: "root", passwordHash: "h" },   "auth @1",      11],
    [{ kind: "userDelete", name: "nobody" },  "userNotFound",     11],
    [{ kind: "roleDelete", name: "none" },    "roleNotFound",     11],
    [{ kind: "authenticate", user: "root", authRevision: 11, tokenPrefix: "t" }, "authNotEnabled", 11],
  ];

  it("change as etcd changes them, each change one revision", () => {
    const bench = new AuthBench();
    for (const [at, [command, want, revision]] of steps.entries()) {
      equal(bench.as(undefined, command), want, `step ${at}`);
      equal(bench.store.auth.revision, revision, `revision after step ${at}`);
    }
    const { auth } = bench.store;
    deepEqual(auth.role("r")?.permissions, [
      { kind: "read", key: b("a"), rangeEnd: b("") },
      { kind: "readWrite", key: b("a"), rangeEnd: b("") },
      { kind: "write", key: b("b"), rangeEnd: b("\0") },
    ]);
    equal(auth.user("root")?.passwordHash, "h");
  });

  it("are listed by the bytes of their names", () => {
    const bench = new AuthBench();
    for (const name of ["b", "\u{10000}", "\uffff", "a"]) bench.run(user(name));
    deepEqual(bench.store.auth.users(), ["a", "b", "\uffff", "\u{10000}"]);
  });

  it("keep permissions on one key in the order in which they came", () => {
    const bench = new AuthBench();
    const commands = [role("r"), grant("r", "read", "b"), grant("r", "read", "a", "d")];
    for (const command of [...commands, grant("r", "read", "a", "c")]) bench.run(command);
    const ends = bench.store.auth
      .role("r")
      ?.permissions.map(({ rangeEnd }) => `${Buffer.from(rangeEnd)}`);
    deepEqual(ends, ["d", "c", ""]);
  });

  it("replace only the first permission on a key, as etcd", () => {
    const bench = new AuthBench();
    const kinds = () => bench.store.auth.role("r")?.permissions.map(({ kind }) => kind);
    bench.run(role("r"));
    bench.run(grant("r", "readWrite", "a", "d"));
    bench.run(grant("r", "readWrite", "a", "c"));
    bench.run(grant("r", "read", "a", "d"));
    deepEqual(kinds(), ["read", "readWrite"]);
    bench.run(grant("r", "read", "a", "c"));
    deepEqual(kinds(), ["read", "readWrite", "read"], "what was granted before still holds");
    bench.run(revoke("r", "a", "c"));
    deepEqual(kinds(), ["read"]);
  });

  it("show the role root as one that may do everything", () => {
    const bench = new AuthBench();
    equal(bench.store.auth.role("root"), undefined);
    bench.run(role("root"));
    bench.run(grant("root", "read", "a"));
    const permissions = [{ kind: "readWrite", key: b(""), rangeEnd: b("\0") }];
    deepEqual(bench.store.auth.role("root"), { name: "root", permissions });
  });

  it("take a deleted role from everybody", () => {
    const bench = guarded();
    const { revision } = bench.store.auth;
    equal(bench.root({ kind: "roleDelete", name: "r" }), "auth @1");
    deepEqual(bench.store.auth.user("ann")?.roles, []);
    equal(bench.store.auth.revision, revision + 1);
    equal(bench.may("ann", read("a")), "permissionDenied");
    bench.root(role("r"));
    equal(
      bench.may("ann", read("a")),
      "permissionDenied",
      "a new role of that name is another one",
    );
  });

  it("cannot be used to lock root out", () => {
    const bench = guarded();
    bench.root(role("root"));
    equal(bench.root({ kind: "userDelete", name: "root" }), "invalidAuthManagement");
    equal(bench.root({ kind: "roleDelete", name: "root" }), "invalidAuthManagement");
    equal(bench.root(take("root", "root")), "invalidAuthManagement");
    equal(bench.root({ kind: "authDisable" }), "auth @1");
    equal(bench.as(undefined, take("root", "root")), "auth @1");
  });

  it("survive a restart", () => {
    const bench = guarded();
    bench.root({ kind: "userAdd", name: "cert", passwordHash: "unused", hasNoPassword: true });
    const { auth } = bench.store;
    const seen = () => [auth.isEnabled, auth.revision, auth.users().map((name) => auth.user(name))];
    const before = seen();
    bench.reopen();
    const again = bench.store.auth;
    deepEqual(
      [again.isEnabled, again.revision, again.users().map((name) => again.user(name))],
      before,
    );
    deepEqual(again.role("r"), auth.role("r"));
    equal(again.user("cert")?.passwordHash, "", "who has no password has no hash");
  });
});

describe("auth: what a command touches", () => {
  const lease = 7n;
  // biome-ignore format: a table
  const cases: readonly (readonly [what: string, Command, want: string])[] = [
    ["a key that may be written",                put("b"),                           "put @4"],
    ["a key that may only be read",              put("a"),                           "permissionDenied"],
    ["the previous value, readable",             put("b", { prevKv: true }),         "put @4"],
    ["the previous value, not readable",         put("c", { prevKv: true }),         "permissionDenied"],
    ["a lease without keys of others",           put("x", { lease: 8n }),            "put @4"],
    ["a lease with a key that may not be written", put("x", { lease }),              "permissionDenied"],
    ["a lease that does not exist",              put("x", { lease: 9n }),            "leaseNotFound"],
    ["a range that may be written",              remove("b", "d"),                   "deleted 0 @3"],
    ["a range beyond",                           remove("b", "e"),                   "permissionDenied"],
    ["a range of which not all may be read",     remove("b", "d", true),             "permissionDenied"],
    ["the open range",                           remove("b", "\0"),                  "permissionDenied"],
    ["an empty transaction",                     { kind: "txn", request: whole({}) }, "then() @3"],
    ["a compare of what may not be read",        { kind: "txn", request: whole({ compare: [compareKey("d")] }) }, "permissionDenied"],
    ["a branch that is taken",                   { kind: "txn", request: whole({ success: [op.put("a")] }) }, "permissionDenied"],
    ["a branch that is not taken",               { kind: "txn", request: whole({ failure: [op.put("a")] }) }, "permissionDenied"],
    ["a read in a branch that is not taken",     { kind: "txn", request: whole({ failure: [readOp("d")] }) }, "permissionDenied"],
    ["a delete in a branch that is not taken",   { kind: "txn", request: whole({ failure: [op.delete("a")] }) }, "permissionDenied"],
    ["what is nested in it",                     { kind: "txn", request: whole({ failure: [op.txn({ failure: [op.txn({ success: [op.put("a")] })] })] }) }, "permissionDenied"],
    ["a nested compare",                         { kind: "txn", request: whole({ failure: [op.txn({ compare: [compareKey("d")] })] }) }, "permissionDenied"],
    ["a nested put on a lease of others",        { kind: "txn", request: whole({ success: [op.txn({ success: [op.put("x", "", { lease })] })] }) }, "permissionDenied"],
    ["only what is allowed",                     { kind: "txn", request: whole({ compare: [compareKey("b")], success: [op.put("b"), op.txn({ success: [op.put("x")] })], failure: [readOp("a")] }) }, "then(put @4; then(put @4) @4) @4"],
    ["a new lease",                              { kind: "leaseGrant", id: 10n, ttlSeconds: 60 }, "leaseGrant @3"],
    ["a lease that has only keys of his",        { kind: "leaseRevoke", id: 8n },    "leaseRevoke @4"],
    ["a lease with a key of others",             { kind: "leaseRevoke", id: lease }, "permissionDenied"],
    ["a lease that is not there",                { kind: "leaseRevoke", id: 9n },    "leaseNotFound"],
    ["the history",                              { kind: "compact", revision: 2, physical: false }, "permissionDenied"],
    ["an alarm",                                 { kind: "alarm", action: "activate", alarm: { memberId: 1n, kind: "noSpace" } }, "permissionDenied"],
    ["the way to another version",               { kind: "downgrade", enabled: true, version: "3.6.0" }, "permissionDenied"],
    ["where a member is reached",                { kind: "memberAttributes", attributes: { memberId: 1n, name: "", clientUrls: [], apiUrl: "" } }, "permissionDenied"],
    ["himself",                                  { kind: "userChangePassword", name: "ann", passwordHash: "" }, "permissionDenied"],
    ["whether anything is forbidden",            { kind: "authDisable" },            "permissionDenied"],
  ];

  function withLeases(): AuthBench {
    const bench = guarded();
    for (const id of [lease, 8n]) bench.root({ kind: "leaseGrant", id, ttlSeconds: 60 });
    bench.root(put("a", { lease }));
    bench.root(put("x", { lease: 8n }));
    return bench;
  }

  for (const [what, command, want] of cases) {
    it(`${what}: ${want}`, () => {
      const bench = withLeases();
      equal(bench.as(bench.who("ann"), command), want);
      const { revision } = bench.store;
      if (want === "permissionDenied") equal(revision, 3, "a refusal changes nothing");
    });

    it(`${what}: nobody may, root and the cluster may`, () => {
      const isEmpty = command.kind === "txn" && want.startsWith("then()");
      const bench = withLeases();
      const bare = bench.as(undefined, command);
      if (!isEmpty) equal(bare, "userEmpty");
      for (const principal of [bench.who("root"), "cluster"] as const) {
        const answer = withLeases().as(principal, command);
        equal(["permissionDenied", "userEmpty"].includes(answer), false, answer);
      }
    });
  }

  it("forbids nothing while it is off", () => {
    const bench = guarded();
    bench.root({ kind: "authDisable" });
    equal(bench.as(undefined, put("a")), "put @2");
    equal(bench.as({ user: "nobody", authRevision: 1 }, put("a")), "put @3");
  });

  it("refuses whoever was admitted before the last change, also root", () => {
    const bench = guarded();
    const [ann, root] = [bench.who("ann"), bench.who("root")];
    bench.root(user("bob"));
    equal(bench.as(ann, put("b")), "authOldRevision");
    equal(bench.as(root, put("b")), "authOldRevision");
    equal(bench.as(root, user("eve")), "auth @1", "what only root may do does not ask for it");
    equal(bench.as(bench.who("ann"), put("b")), "put @2");
  });

  it("refuses a user who is gone", () => {
    const bench = guarded();
    equal(bench.as(bench.who("nobody"), put("b")), "permissionDenied");
    equal(bench.as(bench.who("nobody"), user("eve")), "userNotFound");
    equal(bench.as(bench.who(""), user("eve")), "userEmpty");
    equal(bench.as({ user: "ann", authRevision: 0 }, put("b")), "userEmpty");
  });

  it("judges a batch entry by entry", () => {
    const bench = guarded();
    const [ann, root] = [bench.who("ann"), bench.who("root")];
    const commands: [Requester, Command][] = [
      [ann, put("b")],
      [root, take("r", "ann")],
      [ann, put("b")],
      [{ ...ann, authRevision: ann.authRevision + 1 }, put("b")],
    ];
    const entries = commands.map(([principal, command]) => {
      const index = ++bench.index;
      const ids = { session: 1n, openedAt: 0, sequence: index, settledBelow: 1, onlyInTerm: 0 };
      return { index, term: 1, proposal: { ...ids, principal, command } };
    });
    const results = bench.store.apply(entries).map((result) => result && show(result));
    deepEqual(results, ["put @2", "auth @2", "authOldRevision", "permissionDenied"]);
  });

  it("changes nothing of what it knows when a batch fails", () => {
    const bench = guarded();
    const { revision } = bench.store.auth;
    const failing = Object.assign(bench.backend, {
      write: () => {
        throw new Error("disk");
      },
    });
    try {
      bench.root(user("bob"));
    } catch (error) {
      equal((error as Error).message, "disk");
    }
    equal(failing, bench.backend);
    equal(bench.store.auth.revision, revision);
    equal(bench.store.auth.user("bob"), undefined);
  });
});

describe("auth: what a read touches", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [what: string, ReadAccess, want: string])[] = [
    ["a key",                       read("a"),                                          "yes"],
    ["a range",                     read("a", "c"),                                     "yes"],
    ["a range too far",             read("a", "c\0"),                                   "permissionDenied"],
    ["everything",                  read("\0", "\0"),                                   "permissionDenied"],
    ["what may only be written",    read("c"),                                          "permissionDenied"],
    ["a watch",                     { kind: "read", range: { key: b("a"), rangeEnd: b("c") } }, "yes"],
    ["a watch of all behind a key", { kind: "read", range: { key: b("a"), rangeEnd: b("\0") } }, "permissionDenied"],
    ["a transaction",               { kind: "txn", request: whole({ success: [readOp("a")] }) }, "yes"],
    ["one that reads more",         { kind: "txn", request: whole({ failure: [readOp("d")] }) }, "permissionDenied"],
    ["the keys of a lease",         { kind: "leaseKeys", id: 7n },                      "permissionDenied"],
    ["those of one of his",         { kind: "leaseKeys", id: 8n },                      "yes"],
    ["those of none",               { kind: "leaseKeys", id: 9n },                      "yes"],
    ["a renewal",                   { kind: "leaseRenew", id: 7n },                     "permissionDenied"],
    ["one of his",                  { kind: "leaseRenew", id: 8n },                     "yes"],
    ["what is root's",              { kind: "admin" },                                  "permissionDenied"],
  ];

  const bench = guarded();
  for (const [id, key] of [
    [7n, "e"],
    [8n, "x"],
  ] as const) {
    bench.root({ kind: "leaseGrant", id, ttlSeconds: 60 });
    bench.root(put(key, { lease: id }));
  }
  for (const [what, access, want] of cases) {
    it(`${what}: ${want}`, () => {
      equal(bench.may("ann", access), want);
      equal(bench.may("root", access), "yes");
      equal(bench.store.auth.refusal(undefined, access), "userEmpty");
    });
  }
});

describe("auth: the keys of a lease", () => {
  const id = 7n;
  const renew: ReadAccess = { kind: "leaseRenew", id };

  function attached(keys: readonly string[]): AuthBench {
    const bench = guarded();
    bench.root({ kind: "leaseGrant", id, ttlSeconds: 60 });
    for (const key of keys) bench.root(put(key, { lease: id }));
    return bench;
  }

  it("are not looked at one by one, however many there are", () => {
    const many = Array.from({ length: 300 }, (_, at) => `b${at}`);
    const bench = attached([...many, "c", "x"]);
    const { backend } = bench;
    const range = backend.range.bind(backend);
    let rows = 0;
    backend.range = function* (...request) {
      for (const row of range(...request)) {
        rows++;
        yield row;
      }
    };
    equal(bench.may("ann", renew), "yes");
    equal(rows, 2, "the first of each range that may be written");
  });

  it("are judged as they would be one by one (300 seeds)", () => {
    const letters = [..."abcdx"];
    const keys = letters.flatMap((letter) => [letter, `${letter}\0`, `${letter}z`]);
    for (let seed = 1; seed <= 300; seed++) {
      const prng = new Prng(seed);
      const held = Array.from({ length: prng.below(4) }, () => prng.pick(keys));
      const bench = attached(held);
      const isWritable = (key: string): boolean => /^(b|c|x$)/.test(key);
      const want = held.every(isWritable) ? "yes" : "permissionDenied";
      equal(bench.may("ann", renew), want, `seed ${seed}: ${JSON.stringify(held)}`);
    }
  });

  it("are judged, too, as somebody else knows them", () => {
    const bench = attached(["b"]);
    const known = (...keys: string[]): ReadAccess => ({ kind: "leaseKeys", id, keys: keys.map(b) });
    equal(bench.may("ann", known("a", "b", "x")), "yes");
    equal(bench.may("ann", known("a", "c")), "permissionDenied");
    equal(bench.may("root", known("a", "c")), "yes");
  });
});

describe("auth: tokens", () => {
  function told(bench: AuthBench): AuthEvent[] {
    const events: AuthEvent[] = [];
    bench.store.onAuth((event) => events.push(event));
    return events;
  }

  it("are named after the entry that made them, and told everywhere", () => {
    const bench = guarded();
    const events = told(bench);
    const { revision: authRevision } = bench.store.auth;
    const ask = { kind: "authenticate", user: "ann", authRevision, tokenPrefix: "abc" } as const;
    const token = `abc.${bench.index + 1}`;
    equal(bench.as(undefined, ask), token);
    deepEqual(events, [{ kind: "token", user: "ann", token }]);
    equal(bench.store.auth.revision, authRevision, "a token changes nothing");
    equal(bench.as(undefined, { ...ask, tokenPrefix: "" }), "");
    equal(events.length, 1, "only a check");
  });

  it("are refused when the password may be another one by now, and to who has none", () => {
    const bench = guarded();
    bench.root({ kind: "userAdd", name: "cert", passwordHash: "", hasNoPassword: true });
    const events = told(bench);
    const { revision: authRevision } = bench.store.auth;
    const ask = (name: string, revision: number): string =>
      bench.as(undefined, {
        kind: "authenticate",
        user: name,
        authRevision: revision,
        tokenPrefix: "t",
      });
    equal(ask("ann", authRevision - 1), "authOldRevision");
    equal(ask("nobody", authRevision), "authFailed");
    equal(ask("cert", authRevision), "authFailed");
    deepEqual(events, []);
  });

  it("go with a password, a user, and auth itself", () => {
    const bench = guarded();
    bench.root(user("bob"));
    const events = told(bench);
    bench.root({ kind: "userChangePassword", name: "ann", passwordHash: "h" });
    bench.root({ kind: "userDelete", name: "bob" });
    bench.root(take("r", "ann"));
    bench.root({ kind: "authDisable" });
    bench.as(undefined, { kind: "authDisable" });
    bench.store.reload();
    deepEqual(events, [
      { kind: "userChanged", user: "ann" },
      { kind: "userChanged", user: "bob" },
      { kind: "reset" },
      { kind: "reset" },
    ]);
  });
});
