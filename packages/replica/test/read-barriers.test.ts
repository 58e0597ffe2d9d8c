import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Engine } from "@flotilla/consensus";
import type { BarrierOutcome } from "../src/contract.ts";
import { readRoundsMax } from "../src/limits.ts";
import { ReadBarriers } from "../src/read-barriers.ts";

function scene() {
  const barriers = new ReadBarriers(1000, 10);
  const asked: number[] = [];
  const engine = { read: (requestId: number) => asked.push(requestId) } as unknown as Engine;
  const outcomes: BarrierOutcome["kind"][] = [];
  const ask = async (signal?: AbortSignal) => {
    outcomes.push((await barriers.barrier(0, signal)).kind);
  };
  const turn = () => {
    if (barriers.hasQueued) barriers.flush(engine);
    return new Promise((resolve) => setImmediate(resolve));
  };
  return { barriers, asked, outcomes, ask, turn };
}

describe("ReadBarriers", () => {
  it("shares one round among all calls of a turn", async () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    void ask();
    void ask();
    await turn();
    deepEqual(asked, [1]);
    barriers.take([{ requestId: 1, index: 10 }], []);
    await turn();
    deepEqual(outcomes, ["ready", "ready"]);
  });

  it("waits until the index is applied here", async () => {
    const { barriers, outcomes, ask, turn } = scene();
    void ask();
    await turn();
    barriers.take([{ requestId: 1, index: 12 }], []);
    barriers.applied(11);
    await turn();
    deepEqual(outcomes, []);
    barriers.applied(12);
    await turn();
    deepEqual(outcomes, ["ready"]);
  });

  it("never answers a call from a round that began before it", async () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    void ask();
    await turn();
    void ask();
    barriers.take([{ requestId: 1, index: 10 }], []);
    await turn();
    deepEqual(outcomes, ["ready"]);
    deepEqual(asked, [1, 2]);
  });

  it("keeps few rounds on their way", async () => {
    const { asked, ask, turn } = scene();
    for (let call = 0; call < readRoundsMax + 3; call++) {
      void ask();
      await turn();
    }
    equal(asked.length, readRoundsMax);
  });

  it("asks again what was dropped: under a new leader at once, else at the next tick", async () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    void ask();
    await turn();
    barriers.take([], [1]);
    await turn();
    deepEqual(asked, [1], "not in a busy loop");
    barriers.observe({ term: 2, leader: "b" });
    await turn();
    barriers.take([], [2]);
    barriers.tick(100);
    await turn();
    deepEqual(asked, [1, 2, 3]);
    barriers.take([{ requestId: 3, index: 1 }], []);
    await turn();
    deepEqual(outcomes, ["ready"]);
  });

  it("ends when the time is over, when given up, and when stopped", async () => {
    const { barriers, outcomes, ask, turn } = scene();
    void ask();
    barriers.tick(999);
    barriers.tick(1000);
    await turn();
    barriers.observe({ term: 1, leader: "a" });
    void ask();
    barriers.tick(1000);
    await turn();
    const stop = new AbortController();
    const given = ask(stop.signal);
    stop.abort();
    await rejects(given, { name: "AbortError" });
    void ask();
    barriers.stop();
    await turn();
    deepEqual(outcomes, ["noLeader", "timeout", "stopped"]);
  });
});
