import { deepEqual, equal } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { emptyBytes, Prng, utf8, wireType } from "@flotilla/base";
import type { TimeoutCause, Unavailable } from "@flotilla/member";
import { encodePutRequest, encodeRangeRequest, getRequest, putRequest } from "@flotilla/store";
import { createEtcdApi } from "../src/index.ts";
import {
  encoded,
  hasLeader,
  ManualTimers,
  type Running,
  type Shape,
  SoloMember,
  show,
  startSolo,
  stopAll,
} from "./fixtures.ts";

let running: Running;
before(async () => {
  running = await startSolo({ versions: { server: "3.6.9", cluster: "3.6.0" } });
});
after(stopAll);
afterEach(() => {
  running.member.unavailable = undefined;
  running.member.leaderId = running.member.id;
});

const header = ["", "header"] as const;
const lease = (id: bigint, ttl = 0, keys = false): Uint8Array =>
  encoded((writer) => {
    writer.fieldVarint64(1, id);
    writer.fieldVarint(2, ttl || Number(keys));
  });
const grant = (ttl: number, id: bigint): Uint8Array =>
  encoded((writer) => {
    writer.fieldVarint(1, ttl);
    writer.fieldVarint64(2, id);
  });
const run = async (path: string, request: Uint8Array, shape: Shape): Promise<string> =>
  show(await running.client.unary(`/etcdserverpb.${path}`, request), shape);
const status = (path: string, request: Uint8Array): Promise<string> =>
  running.client.status(`/etcdserverpb.${path}`, request);

describe("Lease", () => {
  const grantShape: Shape = { 1: header, 2: ["id", "number"], 3: ["ttl", "number"] };
  const lifeShape: Shape = {
    ...grantShape,
    4: ["granted", "number"],
    5: ["key", "text"],
  };

  it("grants, renews, tells and revokes as etcd does", async () => {
    equal(await run("Lease/LeaseGrant", grant(60, 777n), grantShape), "rev=1 id=777 ttl=60");
    equal(await run("Lease/LeaseGrant", grant(-3, -9n), grantShape), "rev=1 id=-9 ttl=2");
    equal(await status("Lease/LeaseGrant", grant(60, 777n)), "9 etcdserver: lease already exists");
    equal(
      await status("Lease/LeaseGrant", grant(9_000_000_001, 777n)),
      "11 etcdserver: too large lease TTL",
    );
    for (const key of ["l2", "l1"]) {
      const request = encodePutRequest(putRequest(utf8(key), emptyBytes, { lease: 777n }));
      equal(await status("KV/Put", request), "ok");
    }
    equal(
      await run("Lease/LeaseTimeToLive", lease(777n), lifeShape),
      "rev=3 id=777 ttl=59 granted=60",
    );
    equal(
      await run("Lease/LeaseTimeToLive", lease(777n, 0, true), lifeShape),
      "rev=3 id=777 ttl=59 granted=60 key=l1 key=l2",
    );
    equal(await run("Lease/LeaseTimeToLive", lease(31337n), lifeShape), "rev=3 id=31337 ttl=-1");
    equal(await run("Lease/LeaseTimeToLive", lease(0n), lifeShape), "rev=3 ttl=-1");
    const listShape: Shape = { 1: header, 2: ["", { 1: ["id", "number"] }] };
    const list = await run("Lease/LeaseLeases", emptyBytes, listShape);
    deepEqual(list.split(" ").sort(), ["rev=3", "{id=-9}", "{id=777}"]);
    equal(await run("Lease/LeaseRevoke", lease(777n), { 1: header }), "rev=4");
    equal(
      await status("Lease/LeaseRevoke", lease(777n)),
      "5 etcdserver: requested lease not found",
    );
    equal(await run("Lease/LeaseRevoke", lease(-9n), { 1: header }), "rev=4");
  });

  it("chooses a positive id where the client does not", async () => {
    for (let at = 0; at < 20; at++) {
      const text = await run("Lease/LeaseGrant", grant(60, 0n), grantShape);
      equal(Number(/ id=(-?\d+)/.exec(text)?.[1]) > 0, true, text);
    }
  });

  it("answers each keep-alive in order; a lease that is gone has no time left", async () => {
    await run("Lease/LeaseGrant", grant(60, 5n), grantShape);
    const stream = running.client.bidi("/etcdserverpb.Lease/LeaseKeepAlive");
    const answers: string[] = [];
    stream.on("data", (bytes: Buffer) =>
      answers.push(show(bytes, grantShape).replace(/rev=\d+ /, "")),
    );
    for (const id of [5n, 6n, 5n]) stream.write(lease(id));
    stream.end();
    await once(stream, "end");
    deepEqual(answers, ["id=5 ttl=60", "id=6", "id=5 ttl=60"]);
  });

  it("ends the keep-alive stream when the leader cannot be reached", async () => {
    running.member.unavailable = { kind: "noLeader" };
    const stream = running.client.bidi("/etcdserverpb.Lease/LeaseKeepAlive");
    stream.on("data", () => {});
    stream.write(lease(5n));
    const [error] = await once(stream, "error");
    equal(`${error.code} ${error.details}`, "14 etcdserver: no leader");
  });
});

describe("the other services", () => {
  const member: Shape = {
    1: ["id", "number"],
    2: ["name", "text"],
    3: ["peer", "text"],
    4: ["client", "text"],
    5: ["learner", "number"],
  };

  it("Cluster lists members, and its header has no revision", async () => {
    equal(
      await run("Cluster/MemberList", emptyBytes, { 1: header, 2: ["member", member] }),
      `rev=0 member{id=${BigInt.asIntN(64, running.member.id)} name=solo peer=http://127.0.0.1:2380 client=http://127.0.0.1:2379}`,
    );
    running.member.unavailable = { kind: "timeout" };
    equal(await status("Cluster/MemberList", emptyBytes), "ok");
    const linearizable = encoded((writer) => writer.fieldBool(1, true));
    equal(await status("Cluster/MemberList", linearizable), "14 etcdserver: request timed out");
  });

  it("Auth is off", async () => {
    const shape: Shape = { 1: header, 2: ["enabled", "number"], 3: ["revision", "number"] };
    equal((await run("Auth/AuthStatus", emptyBytes, shape)).replace(/rev=\d+ /, ""), "revision=1");
    equal(
      await status("Auth/Authenticate", emptyBytes),
      "9 etcdserver: authentication is not enabled",
    );
  });

  it("health says SERVING for the whole server", async () => {
    const check = (service: string): Promise<Buffer> =>
      running.client.unary(
        "/grpc.health.v1.Health/Check",
        encoded((w) => w.fieldText(1, service)),
      );
    deepEqual([...(await check(""))], [8, 1]);
    equal(await check("x").catch((error: Error) => error.message), "5 unknown service");
  });

  it("what is not there is UNIMPLEMENTED, by name", async () => {
    equal(
      await status("Maintenance/Restore", emptyBytes),
      "12 unknown method Restore for service etcdserverpb.Maintenance",
    );
    equal(
      await running.client.status("/v3lockpb.Key/Lock", emptyBytes),
      "12 unknown service v3lockpb.Key",
    );
  });
});

describe("a member that cannot", () => {
  // biome-ignore format: a table
  const outcomes: readonly (readonly [Unavailable["kind"], string])[] = [
    ["timeout", "14 etcdserver: request timed out"],
    ["tooManyRequests", "8 etcdserver: too many requests"],
    ["stopped", "14 etcdserver: server stopped"],
    ["noData", "9 etcdserver: rpc not supported for learner"],
  ];
  const get = encodeRangeRequest(getRequest(utf8("a")));
  // biome-ignore format: a table
  const causes: readonly (readonly [TimeoutCause, string])[] = [
    ["leaderFailed", "14 etcdserver: request timed out, possibly due to previous leader failure"],
    ["connectionLost", "14 etcdserver: request timed out, possibly due to connection lost"],
  ];
  for (const [cause, want] of causes) {
    it(`in time because of ${cause} says so`, async () => {
      running.member.unavailable = { kind: "timeout", cause };
      equal(await status("KV/Put", encodePutRequest(putRequest(utf8("a"), emptyBytes))), want);
    });
  }
  it("without a leader answers each request as etcd does once its time is over", async () => {
    running.member.unavailable = { kind: "noLeader" };
    const late = "4 context deadline exceeded";
    equal(await status("KV/Range", get), "14 etcdserver: request timed out");
    equal(await status("KV/Put", encodePutRequest(putRequest(utf8("a"), emptyBytes))), late);
    equal(await status("Lease/LeaseGrant", grant(5, 0n)), late);
    equal(await status("Lease/LeaseTimeToLive", lease(5n)), "14 etcdserver: no leader");
    for (const method of ["Auth/AuthStatus", "Auth/UserList", "Maintenance/Alarm"]) {
      equal(await status(method, emptyBytes), late, method);
    }
  });

  for (const [kind, want] of outcomes) {
    it(`because of ${kind} refuses writes and linearizable reads, not local ones`, async () => {
      running.member.unavailable = { kind };
      equal(await status("KV/Range", get), want);
      equal(await status("KV/Put", encodePutRequest(putRequest(utf8("a"), emptyBytes))), want);
      equal(await status("Lease/LeaseGrant", grant(5, 0n)), want);
      equal(await status("Lease/LeaseTimeToLive", lease(5n)), want);
      const local = encodeRangeRequest(getRequest(utf8("a"), { serializable: true }));
      equal(await status("KV/Range", local), "ok");
    });
  }

  it("refuses calls that ask for a leader, and only those, when there is none", async () => {
    running.member.leaderId = 0n;
    const path = "/etcdserverpb.KV/Range";
    equal(await running.client.status(path, get, hasLeader()), "14 etcdserver: no leader");
    equal(await running.client.status(path, get), "ok");
  });
});

describe("bytes that are not a request", () => {
  it("end in a status of the table or of decoding, whatever the method (2,000 seeds)", async () => {
    const member = new SoloMember();
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const deps = {
      member,
      logger,
      timers: new ManualTimers(),
      random: new Prng(1),
      unixSeconds: () => 1_700_000_000,
    };
    const api = createEtcdApi(deps, { bcryptCost: 4 });
    after(() => api.close());
    const waits = new Set(["/v3lockpb.Lock/Lock", "/v3electionpb.Election/Campaign"]);
    const { signal } = new AbortController();
    const call = { metadata: { get: () => undefined }, signal } as never;
    const paths = [...api.methods].filter(
      ([path, { kind }]) => kind === "unary" && !waits.has(path),
    );
    for (let seed = 0; seed < 2000; seed++) {
      const prng = new Prng(seed);
      const bytes = Uint8Array.from({ length: prng.below(40) }, () =>
        prng.chance(0.7) ? prng.pick([1, 2, 8, 10, 18, 24, 32, 0, 3]) : prng.below(256),
      );
      const [path, method] = prng.pick(paths);
      if (method.kind !== "unary") continue;
      let failure: unknown;
      try {
        await method.handle(call, bytes);
      } catch (error) {
        failure = error;
      }
      const name = failure === undefined ? "none" : (failure as Error).name;
      equal(/^(none|RpcError|GrpcError)$/.test(name), true, `seed=${seed} ${path}: ${failure}`);
    }
  });

  it("of a negative number on ten bytes are read as one", async () => {
    const request = encoded((writer) => {
      writer.fieldText(1, "a");
      writer.tag(4, wireType.varint);
      writer.varint64(-5n);
    });
    equal(await status("KV/Range", request), "ok");
  });
});

describe("HTTP/1 on the same port", () => {
  it("takes a request that comes in pieces", async () => {
    const [host, port] = running.endpoint.split(":");
    const socket = connect({ port: Number(port), host: host as string, noDelay: true });
    for (const part of [
      "G",
      "ET /health HT",
      "TP/1.1\r\nhost: a\r\n",
      "connection: close\r\n\r\n",
    ]) {
      socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await once(socket, "close");
    equal(text.includes('{"health":"true","reason":""}'), true, text);
  });
});
