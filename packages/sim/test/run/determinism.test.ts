import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { runScenario } from "../../src/run/run.ts";
import { drawScenario } from "../../src/scenario/draw-scenario.ts";

const seeds = Array.from({ length: 15 }, (_, at) => 9_000 + at);

describe("a run", () => {
  it("is the same whenever its scenario is run again, after whatever other runs", () => {
    const first = seeds.map((seed) => runScenario(drawScenario(seed)));
    const second = seeds.toReversed().map((seed) => runScenario(drawScenario(seed)));
    second.reverse();
    for (const [at, seed] of seeds.entries()) {
      const [one, other] = [first[at], second[at]];
      equal(one?.hash, other?.hash, `seed=${seed}`);
      equal(one?.events, other?.events, `seed=${seed}`);
      deepEqual(one?.histories.operations, other?.histories.operations, `seed=${seed}`);
    }
    equal(new Set(first.map(({ hash }) => hash)).size, seeds.length, "every seed is another run");
  });

  it("does not depend on whether its trace is kept", () => {
    const [seed = 0] = seeds;
    const scenario = drawScenario(seed);
    const traced = runScenario(scenario, { traceLines: 50 });
    equal(traced.hash, runScenario(scenario).hash);
    equal(traced.trace.length, 50);
  });

  it("survives a round trip through JSON: it is data", () => {
    for (const seed of seeds.slice(0, 5)) {
      const scenario = drawScenario(seed);
      const copied = JSON.parse(JSON.stringify(scenario));
      equal(runScenario(copied).hash, runScenario(scenario).hash, `seed=${seed}`);
    }
  });

  it("is another one with one operation less", () => {
    const scenario = drawScenario(9_003);
    const fewer = { ...scenario, operations: scenario.operations.slice(1) };
    notEqual(runScenario(fewer).hash, runScenario(scenario).hash);
  });

  it("stops at an event when it is told to", () => {
    const result = runScenario(drawScenario(9_000), { untilEvent: 500 });
    equal(result.events, 500);
    equal(result.violation, undefined);
    ok(result.simulatedMs > 0);
  });
});
