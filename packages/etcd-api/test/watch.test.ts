import { deepEqual, equal, match } from "node:assert/strict";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { emptyBytes, utf8 } from "@flotilla/base";
import { type Command, putRequest, type RequestOp } from "@flotilla/store";
import {
  hasLeader,
  ManualTimers,
  type Running,
  SoloMember,
  startSolo,
  stopAll,
  until,
  type WatchSession,
} from "./fixtures.ts";

let running: Running;
beforeEach(async () => {
  running = await startSolo();
});
afterEach(stopAll);

async function apply(command: Command, to: Pick<Running, "member"> = running): Promise<void> {
  const outcome = await to.member.propose(command);
  if (outcome.kind !== "applied" || outcome.result.kind === "refused") throw new Error("refused");
}
const put = (key: string, value: string, to?: Running): Promise<void> =>
  apply({ kind: "put", request: putRequest(utf8(key), utf8(value)) }, to);
const remove = (key: string): Promise<void> =>
  apply({ kind: "deleteRange", request: { key: utf8(key), rangeEnd: emptyBytes, prevKv: false } });
const txn = (success: readonly RequestOp[]): Promise<void> =>
  apply({ kind: "txn", request: { compare: [], success, failure: [] } });
const opPut = (key: string, value: string): RequestOp => ({
  kind: "put",
  request: putRequest(utf8(key), utf8(value)),
});

describe("Watch", () => {
  it("says created, then events, with the ids that were chosen or given", async () => {
    const session = running.client.watch();
    session.create({ key: "w" });
    session.create({ key: "w", watchId: 7 });
    session.create({ key: "w", watchId: 7 });
    session.create({ key: "w", watchId: 1 });
    session.create({ key: "w" });
    deepEqual(await session.got(5), [
      "0: rev=1 created",
      "7: rev=1 created",
      '-1: rev=1 created canceled "mvcc: duplicate watch ID provided on the WatchStream"',
      "1: rev=1 created",
      "2: rev=1 created",
    ]);
    await put("w", "x");
    deepEqual((await session.got(4)).sort(), [
      "0: rev=2 [put w=x @2/2/1]",
      "1: rev=2 [put w=x @2/2/1]",
      "2: rev=2 [put w=x @2/2/1]",
      "7: rev=2 [put w=x @2/2/1]",
    ]);
  });

  it("cancels what is there, does not answer for what is not, and frees the id", async () => {
    const session = running.client.watch();
    session.create({ key: "w", watchId: 7 });
    session.cancel(99);
    session.cancel(7);
    session.create({ key: "w", watchId: 7 });
    session.send(() => {}); // Says nothing: ignored.
    deepEqual(await session.got(3), ["7: rev=1 created", "7: rev=1 canceled", "7: rev=1 created"]);
    await put("w", "x");
    deepEqual(await session.got(1), ["7: rev=2 [put w=x @2/2/1]"]);
  });

  it("gives history from a revision, then the present, nothing twice and nothing less", async () => {
    await put("a", "1");
    await put("b", "1");
    await remove("a");
    const session = running.client.watch();
    session.create({ key: "a", rangeEnd: "c", startRevision: 2, prevKv: true });
    deepEqual(await session.got(2), [
      "0: rev=4 created",
      "0: rev=4 [put a=1 @2/2/1] [put b=1 @3/3/1] [delete a @4 was a=1 @2/2/1]",
    ]);
    await put("b", "2");
    deepEqual(await session.got(1), ["0: rev=5 [put b=2 @3/5/2 was b=1 @3/3/1]"]);
  });

  it("keeps all events of a revision together, in the order of the writes", async () => {
    await put("gone", "1");
    const session = running.client.watch();
    session.create({ key: "\0", rangeEnd: "\0" });
    await session.got(1);
    const gone: RequestOp = {
      kind: "deleteRange",
      request: { key: utf8("gone"), rangeEnd: emptyBytes, prevKv: false },
    };
    await txn([opPut("m2", "1"), opPut("m1", "1"), gone]);
    deepEqual(await session.got(1), [
      "0: rev=3 [put m2=1 @3/3/1] [put m1=1 @3/3/1] [delete gone @3]",
    ]);
  });

  it("filters by kind, packed or not", async () => {
    const session = running.client.watch();
    session.create({ key: "a", filters: [0] });
    session.create({ key: "a", filters: [1] });
    session.send((writer) =>
      writer.fieldMessage(1, (create) => {
        create.fieldText(1, "a");
        create.tag(5, 0); // One by one, as proto2 clients write it; 0 is written out.
        create.varint(0);
        create.tag(5, 0);
        create.varint(1);
      }),
    );
    await session.got(3);
    await put("a", "1");
    await remove("a");
    deepEqual(await session.got(2), ["1: rev=2 [put a=1 @2/2/1]", "0: rev=3 [delete a @3]"]);
    session.progress();
    deepEqual(await session.got(1), ["-1: rev=3"]);
  });

  it("refuses a range that is empty, and a start below zero", async () => {
    const session = running.client.watch();
    session.create({ key: "b", rangeEnd: "a" });
    session.create({ key: "b", rangeEnd: "b" });
    session.create({ key: "b", startRevision: -1 });
    deepEqual(await session.got(3), [
      '-1: rev=1 created canceled "mvcc: watcher range is empty"',
      '-1: rev=1 created canceled "mvcc: watcher range is empty"',
      '-1: rev=1 created canceled "etcdserver: mvcc: required revision has been compacted"',
    ]);
  });

  it("watches the first key where none is named, and everything from it where the end is open", async () => {
    const session = running.client.watch();
    session.create({});
    session.create({ rangeEnd: "\0" });
    await session.got(2);
    await put("any", "1");
    deepEqual(await session.got(1), ["1: rev=2 [put any=1 @2/2/1]"]);
  });

  it("ends a watch whose history is compacted, and says up to where", async () => {
    for (let at = 0; at < 5; at++) await put("a", String(at));
    await apply({ kind: "compact", revision: 4, physical: true });
    const session = running.client.watch();
    session.create({ key: "a", startRevision: 3 });
    session.create({ key: "a", startRevision: 4 });
    session.cancel(0); // It is gone already, or goes now: one "canceled" either way.
    const lines = await session.got(4);
    equal(
      lines.filter((line) => line.startsWith("0:")).join(),
      "0: rev=6 created,0: rev=0 canceled compacted=4",
    );
    equal(lines.at(-1), "1: rev=6 [put a=2 @2/4/3] [put a=3 @2/5/4] [put a=4 @2/6/5]");
  });

  it("waits for a revision that is yet to come", async () => {
    const session = running.client.watch();
    session.create({ key: "f", startRevision: 4 });
    session.progress(); // Revision 4 is not there: no answer.
    session.create({ key: "other" });
    deepEqual(await session.got(2), ["0: rev=1 created", "1: rev=1 created"]);
    await put("f", "1");
    await put("f", "2");
    await put("f", "3");
    deepEqual(await session.got(1), ["0: rev=4 [put f=3 @2/4/3]"]);
    session.progress();
    deepEqual(await session.got(1), ["-1: rev=4"]);
  });

  it("goes on after the client has said its last", async () => {
    const session = running.client.watch();
    session.create({ key: "a" });
    session.halfClose();
    await session.got(1);
    await put("a", "1");
    deepEqual(await session.got(1), ["0: rev=2 [put a=1 @2/2/1]"]);
    session.abort();
  });

  it("ends the stream at a message that is not one", async () => {
    const session = running.client.watch();
    session.send((writer) => writer.byte(0xff));
    match(
      (await session.got(1))[0] as string,
      /^error 13 grpc: failed to unmarshal the received message/,
    );
  });

  it("ends with UNAVAILABLE when the server closes", async () => {
    const session = running.client.watch();
    session.create({ key: "a" });
    await session.got(1);
    await running.server.close({ graceMs: 1000 });
    deepEqual(await session.got(1), ["error 14 the server is shutting down"]);
  });

  it("takes turns between watches, and serves slow clients from history", async () => {
    const session = running.client.watch();
    session.create({ key: "big", rangeEnd: "bih" });
    session.create({ key: "small" });
    await session.got(2);
    session.pause();
    const value = "x".repeat(100_000);
    for (let at = 0; at < 60; at++) await put(`big${at}`, value);
    await put("small", "1");
    session.resume();
    const lines = await session.got(61);
    equal(
      lines
        .filter((line) => line.startsWith("0:"))
        .join()
        .match(/put/g)?.length,
      60,
    );
    const small = lines.findIndex((line) => line.startsWith("1:"));
    equal(small < lines.length - 1, true, `small came at ${small} of ${lines.length}`);
  });

  it("splits a large revision for clients that can join it", async () => {
    const session = running.client.watch();
    session.create({ key: "x", rangeEnd: "y", fragment: true });
    session.create({ key: "x", rangeEnd: "y", fragment: false });
    await session.got(2);
    const value = "x".repeat(700_000);
    await txn([opPut("x1", value), opPut("x2", value), opPut("x3", "1"), opPut("x4", value)]);
    deepEqual((await session.got(3)).sort(), [
      "0: rev=2 [put x4=(700000 bytes) @2/2/1]",
      "0: rev=2 fragment [put x1=(700000 bytes) @2/2/1] [put x2=(700000 bytes) @2/2/1] [put x3=1 @2/2/1]",
      "1: rev=2 [put x1=(700000 bytes) @2/2/1] [put x2=(700000 bytes) @2/2/1] [put x3=1 @2/2/1] [put x4=(700000 bytes) @2/2/1]",
    ]);
  });
});

describe("progress", () => {
  it("follows every event that it covers", async () => {
    const session = running.client.watch();
    session.create({ key: "a" });
    await session.got(1);
    for (let at = 0; at < 100; at++) {
      await put("a", String(at));
      session.progress();
    }
    await until(
      () => session.lines.filter((line) => line.startsWith("-1")).length > 0,
      () => "progress",
    );
    await until(
      () => session.lines.some((line) => line.startsWith("-1: rev=101")),
      () => session.lines.join(),
    );
    let seen = 1;
    for (const line of session.lines) {
      const revision = Number(/rev=(\d+)/.exec(line)?.[1]);
      if (line.startsWith("-1")) equal(revision <= seen, true, `${line} after ${seen}`);
      else seen = revision;
    }
  });

  it("is not told to a stream without watches", async () => {
    const session = running.client.watch();
    session.progress();
    session.create({ key: "a" });
    deepEqual(await session.got(1), ["0: rev=1 created"]);
  });

  it("is told to quiet watches that asked for it, each interval", async () => {
    const timers = new ManualTimers();
    const own = await startSolo({ progressIntervalMs: 1000 }, timers);
    const session = own.client.watch();
    session.create({ key: "a", progressNotify: true });
    session.create({ key: "b", progressNotify: true });
    session.create({ key: "c" });
    session.create({ key: "d", progressNotify: true, startRevision: 9 });
    await session.got(4);
    await put("a", "1", own);
    await session.got(1);
    timers.advance(1100);
    deepEqual(await session.got(1), ["1: rev=2"]); // `a` had an event, `c` did not ask, `d` is not there yet.
    timers.advance(1100);
    deepEqual((await session.got(2)).sort(), ["0: rev=2", "1: rev=2"]);
  });
});

describe("hasleader", () => {
  it("refuses a stream on a member without a leader", async () => {
    running.member.leaderId = 0n;
    const session = running.client.watch(hasLeader());
    deepEqual(await session.got(1), ["error 14 etcdserver: no leader"]);
  });

  it("ends a stream once the leader has been missing for three election time-outs", async () => {
    const timers = new ManualTimers();
    const own = await startSolo({}, timers);
    const session = own.client.watch(hasLeader());
    const patient = own.client.watch();
    session.create({ key: "a" });
    patient.create({ key: "a" });
    await session.got(1);
    await patient.got(1);
    own.member.leaderId = 0n;
    for (let ms = 0; ms < 3000; ms += 500) timers.advance(500);
    await put("a", "1", own);
    equal((await session.got(1))[0], "0: rev=2 [put a=1 @2/2/1]");
    timers.advance(500);
    deepEqual(await session.got(1), ["error 14 etcdserver: no leader"]);
    deepEqual(await patient.got(1), ["0: rev=2 [put a=1 @2/2/1]"]);
    await put("a", "2", own);
    deepEqual(await patient.got(1), ["0: rev=3 [put a=2 @2/3/2]"]);
  });
});

describe("hasleader of other streams", () => {
  /** What is said on a stream, as a line each: `answer`, or the error. */
  const follow = (stream: Readable): string[] => {
    const lines: string[] = [];
    stream.on("data", () => lines.push("answer"));
    stream.on("error", (error: Error & { code?: number; details?: string }) =>
      lines.push(`error ${error.code} ${error.details}`),
    );
    return lines;
  };

  it("ends them, too, once the leader has been missing for three election time-outs", async () => {
    const timers = new ManualTimers();
    const { client, member } = await startSolo({}, timers);
    await apply({ kind: "leaseGrant", id: 7n, ttlSeconds: 60 }, { member });
    const path = "/etcdserverpb.Lease/LeaseKeepAlive";
    const renewals = [client.bidi(path, hasLeader()), client.bidi(path)];
    const renewed = renewals.map(follow);
    for (const stream of renewals) stream.write(Uint8Array.of(8, 7));
    const observe = "/v3electionpb.Election/Observe";
    const observed = follow(client.serverStream(observe, Uint8Array.of(10, 1, 120), hasLeader()));
    const areAnswered = () => renewed.every((lines) => lines.length === 1);
    await until(areAnswered, () => `answers: ${JSON.stringify(renewed)}`);
    member.leaderId = 0n;
    for (let ms = 0; ms <= 3000; ms += 500) timers.advance(500);
    await until(
      () => observed.length > 0 && renewed[0]?.length === 2,
      () => `ends: ${JSON.stringify([renewed, observed])}`,
    );
    const lost = "error 14 etcdserver: no leader";
    deepEqual([renewed, observed], [[["answer", lost], ["answer"]], [lost]]);
  });
});

describe("hasleader at a member that has just started", () => {
  const start = async () => {
    const timers = new ManualTimers();
    const member = new SoloMember();
    member.leaderId = 0n;
    const own = await startSolo({}, timers, member);
    /** Once the server has it: the round trip of another call on the same connection is after it. */
    const held = async (): Promise<WatchSession> => {
      const session = own.client.watch(hasLeader());
      session.create({ key: "a" });
      await own.client.unary(statusPath, emptyBytes);
      deepEqual(session.lines, []);
      return session;
    };
    return { ...own, timers, held };
  };

  it("is answered at the first leader", async () => {
    const { client, member, timers, held } = await start();
    const session = await held();
    const status = client.status(statusPath, emptyBytes, hasLeader());
    timers.advance(2900);
    await held();
    member.leaderId = member.id;
    timers.advance(50);
    deepEqual(await session.got(1), ["0: rev=1 created"]);
    equal(await status, "ok");
  });

  it("is ended after three election time-outs, so that the client asks again or elsewhere", async () => {
    const { client, timers, held } = await start();
    const session = await held();
    const status = client.status(statusPath, emptyBytes, hasLeader());
    await held();
    timers.advance(2950);
    const late = await held();
    timers.advance(50);
    deepEqual(await session.got(1), ["error 14 etcdserver: unhealthy cluster"]);
    equal(await status, "14 etcdserver: unhealthy cluster");
    deepEqual(late.lines, []);
  });

  it("is refused at once when there was a leader, whether or not anybody waited for it", async () => {
    const { client, member, timers } = await start();
    member.leaderId = member.id;
    timers.advance(50);
    member.leaderId = 0n;
    equal(await client.status(statusPath, emptyBytes, hasLeader()), "14 etcdserver: no leader");
  });

  it("holds up no stop", async () => {
    const { server, held } = await start();
    const [left, stayed] = [await held(), await held()];
    left.abort();
    deepEqual(await left.got(1), ["error 1 Cancelled on client"]);
    await server.close({ graceMs: 60_000 }); // The timers stand still: it would wait for good.
    match((await stayed.got(1))[0] ?? "", /^error 14 /);
  });
});

const statusPath = "/etcdserverpb.Maintenance/Status";
