import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { emptyBytes, Prng, silentLogger } from "@flotilla/base";
import type { Call, Method, WriterCall } from "@flotilla/grpc";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import { Metadata } from "@grpc/grpc-js";
import { accessRuleOf } from "../src/auth/access-table.ts";
import { Authority } from "../src/auth/authority.ts";
import { createTokens } from "../src/auth/tokens.ts";
import { createEtcdApi } from "../src/index.ts";
import { slicedRangesMax, tokenWaitsMax } from "../src/limits.ts";
import { askAuth, authCases, type Fields, type Wallet, type Who } from "./auth-cases.ts";
import { ManualTimers, type Running, SoloMember, startSolo, stopAll, until } from "./fixtures.ts";

after(stopAll);

const options = { bcryptCost: 4 };
const recorded = new URL("../../test/testdata/auth.json", import.meta.url);

describe("authentication", () => {
  it("answers every request as a real etcd has answered it", async () => {
    const answers: readonly string[] = JSON.parse(await readFile(recorded, "utf8"));
    equal(answers.length, authCases.length, "the recording is of other requests: record anew");
    const { client } = await startSolo(options);
    const wallet: Wallet = new Map([["forged", "abcdefghijklmnop.1"]]);
    const differences: string[] = [];
    for (const [at, one] of authCases.entries()) {
      const answer = await askAuth(client, wallet, one);
      if (answer === answers[at]) continue;
      const request = `${at} ${one.who} ${one.method} ${JSON.stringify(one.fields)}`;
      differences.push(`${request}: ${answer}, etcd: ${answers[at]}`);
    }
    deepEqual(differences, []);
  });
});

/** Root with all rights, and a user who may use the keys that begin with k. */
async function enable(running: Running): Promise<Wallet> {
  const wallet: Wallet = new Map();
  const ask = (who: Who, method: string, fields: Fields = []): Promise<string> =>
    askAuth(running.client, wallet, { who, method, fields });
  for (const [method, fields] of [
    [
      "UserAdd",
      [
        [1, "root"],
        [2, "secret"],
      ],
    ],
    [
      "UserGrantRole",
      [
        [1, "root"],
        [2, "root"],
      ],
    ],
    [
      "UserAdd",
      [
        [1, "user"],
        [2, "pass"],
      ],
    ],
    ["RoleAdd", [[1, "r"]]],
    [
      "RoleGrantPermission",
      [
        [1, "r"],
        [
          2,
          [
            [1, 2],
            [2, "k"],
            [3, "l"],
          ],
        ],
      ],
    ],
    [
      "UserGrantRole",
      [
        [1, "user"],
        [2, "r"],
      ],
    ],
    ["AuthEnable", []],
  ] as const) {
    equal((await ask("nobody", `Auth/${method}`, fields)).slice(0, 4), "rev=", method);
  }
  equal(
    await ask("user", "Auth/Authenticate", [
      [1, "user"],
      [2, "pass"],
    ]),
    "token",
  );
  equal(
    await ask("root", "Auth/Authenticate", [
      [1, "root"],
      [2, "secret"],
    ]),
    "token",
  );
  return wallet;
}

describe("tokens of calls", () => {
  const timers = new ManualTimers();
  let running: Running;
  let wallet: Wallet;
  before(async () => {
    running = await startSolo({ ...options, authTokenTtlMs: 1000 }, timers);
    wallet = await enable(running);
  });

  const get = (metadata: Metadata): Promise<string> =>
    running.client.status("/etcdserverpb.KV/Range", Uint8Array.of(10, 1, 107), metadata);
  const withField = (name: string, value: string): Metadata => {
    const metadata = new Metadata();
    metadata.set(name, value);
    return metadata;
  };

  it("are taken from either field, with or without Bearer", async () => {
    const token = wallet.get("user") ?? "";
    equal(await get(withField("token", token)), "ok");
    equal(await get(withField("token", `Bearer ${token}`)), "ok");
    equal(await get(withField("authorization", token)), "ok");
    equal(await get(withField("authorization", `Bearer ${token}`)), "ok");
    const invalid = "16 etcdserver: invalid auth token";
    equal(await get(withField("authorization", `bearer ${token}`)), invalid);
    equal(await get(withField("token", "")), invalid);
    equal(await get(new Metadata()), "3 etcdserver: user name is empty");
  });

  it("live on as long as they are used, and end after that", async () => {
    const token = withField("token", wallet.get("user") ?? "");
    for (let turn = 0; turn < 3; turn++) {
      timers.advance(900);
      equal(await get(token), "ok", `turn ${turn}`);
    }
    timers.advance(1001);
    equal(await get(token), "16 etcdserver: invalid auth token");
  });
});

/** A call that comes from nowhere. */
function callOf(fields: Readonly<Record<string, string>>, clientName?: string): Call {
  const metadata = { get: (name: string) => fields[name] };
  return { metadata, clientName, ended: false, path: "/test" } as never;
}

describe("Authority", () => {
  const timers = new ManualTimers();
  const deps = { clock: timers, timers, logger: silentLogger, unixSeconds: () => 1_700_000_000 };

  async function solo(): Promise<{ member: SoloMember; authority: Authority }> {
    const member = new SoloMember();
    for (const command of [
      { kind: "userAdd", name: "root", passwordHash: "", hasNoPassword: true },
      { kind: "userGrantRole", name: "root", role: "root" },
      { kind: "authEnable" },
    ] as const) {
      await member.propose(command, { principal: "cluster" });
    }
    const tokens = createTokens(deps, { authToken: "simple", authTokenTtlMs: 1000 });
    return { member, authority: new Authority({ member, timers, tokens }) };
  }

  it("knows a client by its certificate, but not one behind the gateway", async () => {
    const { member, authority } = await solo();
    const authRevision = member.store.auth.revision;
    deepEqual(await authority.principal(callOf({}, "root")), { user: "root", authRevision });
    equal(await authority.principal(callOf({ "grpcgateway-accept": "*/*" }, "root")), undefined);
    equal(await authority.principal(callOf({})), undefined);
    authority.close();
  });

  it("waits for the entry that made a token, and not for ever", async () => {
    const { member, authority } = await solo();
    let appliedIndex = 5;
    member.status = () => ({ ...SoloMember.prototype.status.call(member), appliedIndex });
    const early = authority.principal(callOf({ token: "abcdefghijklmnop.7" }));
    const never = authority.principal(callOf({ token: "abcdefghijklmnop.99999" }));
    await Promise.resolve();
    authority.tokens.follow({ kind: "token", user: "root", token: "abcdefghijklmnop.7" });
    appliedIndex = 7;
    timers.advance(5);
    equal((await early)?.user, "root");
    const refused = never.then(
      () => "",
      (error: Error) => error.message,
    );
    timers.advance(10_000);
    equal(await refused, "etcdserver: invalid auth token");
    authority.close();
  });

  it("waits for any number of tokens by one timer, and for no more than a bounded number", async () => {
    const { authority } = await solo();
    const before = timers.pending;
    const messageOf = (error: Error): string => error.message;
    const calls = Array.from({ length: tokenWaitsMax + 3 }, () =>
      authority.principal(callOf({ token: "abcdefghijklmnop.99999" })).then(() => "", messageOf),
    );
    await new Promise(setImmediate);
    equal(timers.pending, before + 1);
    timers.advance(10_000);
    const messages = await Promise.all(calls);
    equal(messages.filter((text) => text === "etcdserver: too many requests").length, 3);
    equal(timers.pending, before);
    authority.close();
  });

  it("judges what waited for a barrier by then, though authentication was off when it asked", async () => {
    const { member, authority } = await solo();
    authority.close();
    const api = createEtcdApi({ ...deps, member, random: new Prng(1) });
    const key = Uint8Array.of(10, 1, 107);
    const requests = [
      ["Range", key],
      ["Range", Uint8Array.of(...key, 18, 1, 0)],
      ["Txn", Uint8Array.of(18, 5, 10, 3, ...key)],
    ] as const;
    for (const [name, request] of requests) {
      await member.propose({ kind: "authDisable" }, { principal: "cluster" });
      member.readBarrier = async () => {
        await member.propose({ kind: "authEnable" }, { principal: "cluster" });
        return { kind: "ready" };
      };
      const method = api.methods.get(`/etcdserverpb.KV/${name}`);
      ok(method?.kind === "unary");
      const answer = Promise.resolve(method.handle(callOf({}), request));
      await rejects(answer, { message: "etcdserver: user name is empty" }, name);
    }
    api.close();
  });

  it("gives nothing away for which somebody waited until authentication was on", async () => {
    const { member, authority } = await solo();
    await member.propose({ kind: "authDisable" }, { principal: "cluster" });
    const range = { key: Uint8Array.of(107), rangeEnd: emptyBytes };
    const read = authority.read(callOf({}), { kind: "read", range }, async () => {
      await member.propose({ kind: "authEnable" }, { principal: "cluster" });
      return "secret";
    });
    await rejects(Promise.resolve(read), { message: "etcdserver: user name is empty" });
    authority.close();
  });

  it("gives keys to nobody who comes by another revision, leases to root by any", async () => {
    const { member, authority } = await solo();
    authority.close();
    let authRevision = member.store.auth.revision + 5;
    const tokens = createTokens(deps, { authToken: "", authTokenTtlMs: 0 });
    tokens.read = () => ({ kind: "known", principal: { user: "root", authRevision } });
    const signed = new Authority({ member, timers, tokens });
    const call = callOf({ token: "signed" });
    const range = { key: Uint8Array.of(107), rangeEnd: emptyBytes };
    const old = { message: "etcdserver: revision of auth store is old" };
    const read = signed.read(call, { kind: "read", range }, () => "of a later revision");
    await rejects(Promise.resolve(read), old);
    authRevision = 1;
    equal(await signed.read(call, { kind: "leaseKeys", id: 7n }, async () => "keys"), "keys");
    const during = signed.read(call, { kind: "leaseKeys", id: 7n }, async () => {
      await member.propose({ kind: "roleAdd", name: "r" }, { principal: "cluster" });
    });
    await rejects(Promise.resolve(during), old);
    signed.close();
  });

  it("tells of a lease no keys that only the leader knows yet, and that the caller may not read", async () => {
    const { member, authority } = await solo();
    authority.close();
    for (const command of [
      { kind: "userAdd", name: "user", passwordHash: "", hasNoPassword: true },
      { kind: "leaseGrant", id: 7n, ttlSeconds: 60 },
    ] as const) {
      await member.propose(command, { principal: "cluster" });
    }
    const times = { remainingSeconds: 1, grantedSeconds: 60 };
    member.leaseTimeToLive = async () => ({ kind: "live", ...times, keys: [Uint8Array.of(107)] });
    const api = createEtcdApi({ ...deps, member, random: new Prng(1) });
    const method = api.methods.get("/etcdserverpb.Lease/LeaseTimeToLive");
    ok(method?.kind === "unary");
    const ask = (name: string): Promise<unknown> =>
      Promise.resolve(method.handle(callOf({}, name), Uint8Array.of(8, 7, 16, 1)));
    await rejects(ask("user"), { message: "etcdserver: permission denied" });
    await ask("root");
    api.close();
  });

  it("catches up before it refuses what was allowed elsewhere a moment ago", async () => {
    const { member, authority } = await solo();
    await member.propose(
      { kind: "userAdd", name: "new", passwordHash: "", hasNoPassword: true },
      { principal: "cluster" },
    );
    const call = callOf({}, "new");
    const access = { kind: "admin" } as const;
    member.readBarrier = async () => {
      const grant = { kind: "userGrantRole", name: "new", role: "root" } as const;
      await member.propose(grant, { principal: "cluster" });
      return { kind: "ready" };
    };
    equal((await authority.permit(call, access))?.user, "new");
    authority.close();
  });

  it("gives nothing away that was read while rights have changed", async () => {
    const { member, authority } = await solo();
    const range = { key: Uint8Array.of(107), rangeEnd: emptyBytes };
    const read = authority.read(callOf({}, "root"), { kind: "read", range }, async () => {
      await member.propose({ kind: "roleAdd", name: "r" }, { principal: "cluster" });
      return "secret";
    });
    await Promise.resolve(read).then(
      () => ok(false, "it was given away"),
      (error: Error) => equal(error.message, "etcdserver: revision of auth store is old"),
    );
    authority.close();
  });

  it("judges a stream of a range when it is its turn, not when it asked", async () => {
    const { member, authority } = await solo();
    authority.close();
    for (const command of [
      { kind: "userAdd", name: "user", passwordHash: "", hasNoPassword: true },
      { kind: "userGrantRole", name: "user", role: "root" },
    ] as const) {
      await member.propose(command, { principal: "cluster" });
    }
    const api = createEtcdApi({ ...deps, member, random: new Prng(1) });
    const stream = api.methods.get("/etcdserverpb.KV/RangeStream");
    ok(stream?.kind === "serverStream");
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let writes = 0;
    const ask = (name: string): Promise<string> => {
      const writeInParts = (): Promise<void> => {
        writes++;
        return held;
      };
      const call = { ...callOf({}, name), writeInParts } as unknown as WriterCall;
      return stream.handle(call, Uint8Array.of(10, 1, 107)).then(
        () => "answered",
        (error: Error) => error.message,
      );
    };
    const first = Array.from({ length: slicedRangesMax }, () => ask("root"));
    await until(
      () => writes === slicedRangesMax,
      () => "streams that hold all places",
    );
    const late = ask("user");
    const revoke = { kind: "userDelete", name: "user" } as const;
    await member.propose(revoke, { principal: "cluster" });
    letGo();
    equal(await late, "etcdserver: permission denied");
    equal(writes, slicedRangesMax);
    await Promise.all(first);
    api.close();
  });

  it("waits for a token before a stream of a range takes its place", async () => {
    const { member, authority } = await solo();
    authority.close();
    const api = createEtcdApi({ ...deps, member, random: new Prng(1) });
    const stream = api.methods.get("/etcdserverpb.KV/RangeStream");
    ok(stream?.kind === "serverStream");
    const ask = (fields: Readonly<Record<string, string>>, name?: string): Promise<string> => {
      const call = {
        ...callOf(fields, name),
        writeInParts: async () => {},
      } as unknown as WriterCall;
      return stream.handle(call, Uint8Array.of(10, 1, 107)).then(
        () => "answered",
        (error: Error) => error.message,
      );
    };
    const forged = Array.from({ length: slicedRangesMax }, () =>
      ask({ token: "abcdefghijklmnop.99999" }),
    );
    await new Promise(setImmediate);
    equal(await ask({}, "root"), "answered");
    timers.advance(10_000);
    deepEqual([...new Set(await Promise.all(forged))], ["etcdserver: invalid auth token"]);
    api.close();
  });

  it("does not serve a method that nobody has a rule for, nor an answer that nobody asked for", async () => {
    const { authority } = await solo();
    const method: Method = { kind: "unary", handle: () => emptyBytes };
    throws(() => authority.guard("/etcdserverpb.KV/New", method), /nobody has decided/);
    throws(() => accessRuleOf("toString"), /nobody has decided/);
    const careless = authority.guard("/etcdserverpb.KV/Range", method);
    ok(careless.kind === "unary");
    const answer = Promise.resolve(careless.handle(callOf({}, "root"), emptyBytes));
    await answer.then(
      () => ok(false, "it was answered"),
      (error: Error) => ok(/without asking/.test(error.message), error.message),
    );
    authority.close();
  });

  it("has a rule for every method that there is", () => {
    const api = createEtcdApi({ ...deps, member: new SoloMember(), random: new Prng(1) });
    for (const path of api.methods.keys()) ok(accessRuleOf(path) !== undefined, path);
    api.close();
  });
});
