import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import { type Json, pods } from "@flotilla/objects";
import type { Sequence } from "../src/decision.ts";
import { execute } from "../src/execute.ts";
import { sameJson } from "../src/same-json.ts";
import {
  backoffMs,
  backoffMsMax,
  keysInFlightMax,
  type Look,
  WakeQueue,
} from "../src/wake-queue.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A queue whose looks end when told. */
function makeQueue() {
  const time = new VirtualTime();
  const looks: { key: string; end: (look: Look) => void }[] = [];
  const queue = new WakeQueue(time.timers, (key) => {
    return new Promise((end) => looks.push({ key, end }));
  });
  return { time, looks, queue };
}

describe("WakeQueue", () => {
  it("looks once more, however often a key is woken during a look", async () => {
    const { time, looks, queue } = makeQueue();
    for (let count = 0; count < 3; count++) queue.wake("a");
    equal(looks.length, 1);
    for (let count = 0; count < 3; count++) queue.wake("a");
    looks[0]?.end({ kind: "done" });
    await time.advance(0);
    equal(looks.length, 2);
    looks[1]?.end({ kind: "done" });
    await time.advance(0);
    equal(looks.length, 2);
  });

  it("looks at different keys side by side, up to its limit", () => {
    const { looks, queue } = makeQueue();
    for (let count = 0; count < keysInFlightMax + 5; count++) queue.wake(`key-${count}`);
    equal(looks.length, keysInFlightMax);
  });

  it("backs off per key, and starts anew after a success", async () => {
    const { time, looks, queue } = makeQueue();
    queue.wake("a");
    const waits: number[] = [];
    for (const kind of ["retry", "retry", "retry"] as const) {
      looks.at(-1)?.end({ kind });
      const [from, count] = [time.nowMs(), looks.length];
      await time.advance(60_000, () => looks.length > count);
      waits.push(time.nowMs() - from);
    }
    deepEqual(waits, [5, 10, 20]);
    looks.at(-1)?.end({ kind: "done" });
    await time.advance(60_000);
    equal(looks.length, 4);
    equal(backoffMs(100), backoffMsMax);
  });

  it("looks again after the delay that a look asks for, or earlier when woken", async () => {
    const { time, looks, queue } = makeQueue();
    queue.wake("a");
    looks[0]?.end({ kind: "done", requeueAfterMs: 1_000 });
    await time.advance(999);
    equal(looks.length, 1);
    queue.wake("a");
    equal(looks.length, 2);
    looks[1]?.end({ kind: "done" });
    await time.advance(10_000);
    equal(looks.length, 2, "the delayed look was replaced by the earlier one");
  });

  it("is silent after stop(), whatever is still under way", async () => {
    const { time, looks, queue } = makeQueue();
    queue.wake("a");
    queue.wake("b");
    queue.stop();
    looks[0]?.end({ kind: "done", requeueAfterMs: 1 });
    looks[1]?.end({ kind: "retry" });
    queue.wake("c");
    await time.advance(60_000);
    equal(looks.length, 2);
    equal(time.pendingCount, 0);
  });
});

function makeDeps() {
  const time = new VirtualTime();
  const client = new MemoryCluster(time, new Prng(1));
  const deps = {
    component: "test-controller",
    client,
    clock: time,
    wallNowMs: () => time.wallNowMs(),
    random: new Prng(1),
    logger: silentLogger,
    timers: time.timers,
  };
  return { client, deps, time };
}

function creationOf(name: string): Sequence {
  const metadata = { namespace: "default", name };
  const object = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [] } };
  const about = { apiVersion: "v1", kind: "Pod", metadata };
  const event = { kind: "event", about, type: "Normal", reason: "Made", message: name } as const;
  return [{ kind: "create", resource: pods as never, object }, event];
}

describe("execute()", () => {
  it("tries only one of many when creations are refused, and tells no story of it", async () => {
    const { client, deps } = makeDeps();
    let tried = 0;
    const create = client.create.bind(client);
    client.create = (resource, object) => {
      tried++;
      return create(resource, object);
    };
    client.refuseCreation = { plural: "pods", message: "quota" };
    const names = Array.from({ length: 100 }, (_, at) => `p${at}`);
    deepEqual(await execute(deps, names.map(creationOf)), { kind: "failed", message: "quota" });
    equal(tried, 1);
  });

  it("goes on with the others when a write about one object is refused for good", async () => {
    const { client, deps } = makeDeps();
    const names = Array.from({ length: 5 }, (_, at) => `p${at}`);
    await execute(deps, names.map(creationOf));
    const remove = client.delete.bind(client);
    client.delete = async (resource, name, options) =>
      name.name === "p0" ? { kind: "invalid", message: "odd" } : remove(resource, name, options);
    const sequences = client
      .all(pods)
      .map((object): Sequence => [{ kind: "delete", resource: pods as never, object }]);
    deepEqual(await execute(deps, sequences), { kind: "refused", message: "odd" });
    deepEqual(
      client.all(pods).map(({ metadata }) => metadata.name),
      ["p0"],
    );
  });

  it("goes on with the others after a conflict, and says it is outdated", async () => {
    const { client, deps } = makeDeps();
    await execute(deps, [creationOf("b")]);
    const end = await execute(deps, ["a", "b", "c", "d"].map(creationOf));
    equal(end.kind, "outdated");
    deepEqual(
      client
        .all(pods)
        .map(({ metadata }) => metadata.name)
        .toSorted(),
      ["a", "b", "c", "d"],
    );
  });

  it("stops when fenced, and when the client throws", async () => {
    const { client, deps } = makeDeps();
    client.fenced = true;
    deepEqual(await execute(deps, [creationOf("a")]), { kind: "fenced" });
    client.create = () => Promise.reject(new Error("no leader"));
    deepEqual(await execute(deps, [creationOf("a")]), { kind: "failed", message: "no leader" });
  });

  it("takes what is gone already as deleted", async () => {
    const { deps } = makeDeps();
    const object = { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name: "x" } };
    const sequence: Sequence = [{ kind: "delete", resource: pods as never, object }];
    deepEqual(await execute(deps, [sequence]), { kind: "done" });
  });
});

describe("sameJson()", () => {
  // biome-ignore format: a table
  const cases: readonly [Json | undefined, Json | undefined, boolean][] = [
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: {} }, {}, true],
    [{ a: [] }, { a: null }, true],
    [undefined, {}, true],
    [{ a: 0 }, {}, false],
    [{ a: "" }, {}, false],
    [[1, 2], [2, 1], false],
    [[1], [1, 1], false],
    [{ a: [{ b: 1 }] }, { a: [{ b: 1, c: null }] }, true],
    [[], { a: 1 }, false],
    [["x"], { 0: "x" }, false],
  ];
  for (const [left, right, want] of cases) {
    it(`${JSON.stringify(left)} ${want ? "=" : "!="} ${JSON.stringify(right)}`, () => {
      equal(sameJson(left, right), want);
      equal(sameJson(right, left), want);
    });
  }
});
