import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Engine } from "@flotilla/consensus";
import type { BarrierOutcome } from "../src/contract.ts";
import { barriersMax, readRoundsMax } from "../src/limits.ts";
import type { Place } from "../src/place.ts";
import { ReadBarriers } from "../src/read-barriers.ts";

function scene() {
  const given = { place: "data" as Place };
  const options = { timeoutMs: 1000, appliedIndex: 10, place: () => given.place };
  const barriers = new ReadBarriers(options);
  const asked: number[] = [];
  const engine = { read: (requestId: number) => asked.push(requestId) } as unknown as Engine;
  const outcomes: BarrierOutcome["kind"][] = [];
  const ask = () => barriers.barrier(0, ({ kind }) => void outcomes.push(kind));
  const turn = () => {
    if (barriers.hasQueued) barriers.flush(engine);
  };
  return { barriers, given, asked, outcomes, ask, turn };
}

describe("ReadBarriers", () => {
  it("shares one round among all calls of a turn", () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    ask();
    ask();
    turn();
    deepEqual(asked, [1]);
    barriers.take([{ requestId: 1, index: 10 }], []);
    deepEqual(outcomes, ["ready", "ready"]);
  });

  it("waits until the index is applied here (trap T23)", () => {
    const { barriers, outcomes, ask, turn } = scene();
    ask();
    turn();
    barriers.take([{ requestId: 1, index: 12 }], []);
    barriers.applied(11);
    deepEqual(outcomes, []);
    barriers.applied(12);
    deepEqual(outcomes, ["ready"]);
  });

  it("never answers a call from a round that began before it", () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    ask();
    turn();
    ask();
    barriers.take([{ requestId: 1, index: 10 }], []);
    turn();
    deepEqual(outcomes, ["ready"]);
    deepEqual(asked, [1, 2]);
  });

  it("keeps few rounds on their way", () => {
    const { asked, ask, turn } = scene();
    for (let call = 0; call < readRoundsMax + 3; call++) {
      ask();
      turn();
    }
    equal(asked.length, readRoundsMax);
  });

  it("asks again what was dropped: under a new leader at once, else at the next tick", () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    ask();
    turn();
    barriers.take([], [1]);
    turn();
    deepEqual(asked, [1], "not in a busy loop");
    barriers.observe({ term: 2, leader: "b" });
    turn();
    barriers.take([], [2]);
    barriers.tick(100);
    turn();
    deepEqual(asked, [1, 2, 3]);
    barriers.take([{ requestId: 3, index: 1 }], []);
    deepEqual(outcomes, ["ready"]);
  });

  it("ends when the time is over, when given up, and when stopped", () => {
    const { barriers, asked, outcomes, ask, turn } = scene();
    ask();
    barriers.tick(999);
    deepEqual(outcomes, []);
    barriers.tick(1000);
    barriers.observe({ term: 1, leader: "a" });
    ask();
    barriers.tick(1000);
    ask()();
    turn();
    deepEqual(asked, [], "given up before it was asked");
    ask();
    barriers.stop();
    deepEqual(outcomes, ["noLeader", "timeout", "stopped"]);
  });

  it("says when it is full, and has room again once some are settled", () => {
    const { barriers, ask } = scene();
    for (let call = 0; call < barriersMax; call++) ask();
    equal(barriers.isFull, true);
    barriers.tick(1000);
    equal(barriers.isFull, false);
  });

  it("lets go of what is settled, also where no round begins", () => {
    const { barriers, given, ask } = scene();
    given.place = "none";
    ask();
    barriers.tick(1000);
    given.place = "data";
    equal(barriers.hasQueued, false);
  });

  it("survives that more than its limit is given up and dropped at once", () => {
    const { barriers, ask, turn } = scene();
    for (const _ of [1, 2]) {
      const cancels = Array.from({ length: barriersMax }, ask);
      turn();
      for (const cancel of cancels) cancel();
    }
    barriers.take([], [1, 2]);
    barriers.tick(0);
    equal(barriers.hasQueued, false);
  });

  it("answers nothing before the server knows its place, nor as a witness", () => {
    const { barriers, given, asked, outcomes, ask, turn } = scene();
    given.place = "none";
    ask();
    turn();
    deepEqual(asked, [], "what is applied here may lack its data");
    given.place = "data";
    turn();
    given.place = "none"; // Its place was rolled back.
    barriers.take([{ requestId: 1, index: 10 }], []);
    deepEqual(outcomes, []);
    given.place = "witness";
    barriers.observe({ term: 1, leader: "a" });
    deepEqual(outcomes, ["noData"]);
  });
});
