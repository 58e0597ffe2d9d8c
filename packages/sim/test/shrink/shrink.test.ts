import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Scenario } from "../../src/scenario/scenario.ts";
import { plainScenarioOptions } from "../../src/shrink/plain-options.ts";
import { type RunToShrink, shrink, shrinkRunsMax } from "../../src/shrink/shrink.ts";
import { founder, getOf, pauseOf, putOf, scenarioOf, staleRead, violationOf } from "./fixtures.ts";

/** Fails exactly when `isBad`. */
function failingWhen(isBad: (scenario: Scenario) => boolean): RunToShrink {
  return (scenario) => (isBad(scenario) ? { oracle: "fake", message: "it fails" } : undefined);
}

function hasPause(scenario: Scenario, server: number): boolean {
  return scenario.faults.some(({ fault }) => fault.kind === "pause" && fault.server === server);
}

const many = scenarioOf(
  Array.from({ length: 40 }, (_, at) => pauseOf(at % 3)),
  Array.from({ length: 90 }, (_, at) => putOf(at % 3, `${at}`)),
);

describe("shrink()", () => {
  it("returns a scenario that breaks no promise as it is", () => {
    const { scenario, violation, runs } = shrink(many, () => undefined);
    equal(scenario, many);
    equal(violation, undefined);
    equal(runs, 1);
  });

  it("leaves the two faults and the operation that it takes", () => {
    const value = (scenario: Scenario): boolean =>
      scenario.operations.some(
        ({ operation }) => operation.kind === "put" && operation.value === "5",
      );
    const { scenario, isMinimal } = shrink(
      many,
      failingWhen((each) => hasPause(each, 0) && hasPause(each, 1) && value(each)),
    );
    ok(isMinimal);
    deepEqual(
      scenario.faults.map(({ fault }) => fault.kind),
      ["pause", "pause"],
    );
    equal(scenario.operations.length, 1);
    ok(value(scenario));
  });

  it("takes away what the failure comes before, at once", () => {
    let runs = 0;
    const run: RunToShrink = (scenario) => {
      runs++;
      const isBad = hasPause(scenario, 0) && scenario.faults[0]?.atMs === 100;
      return isBad ? { oracle: "fake", message: "it fails", atMs: 150 } : undefined;
    };
    const { scenario } = shrink(many, run);
    equal(scenario.faults.length, 1);
    equal(scenario.operations.length, 0);
    ok(runs < 30, `${runs} runs`);
  });

  it("does not slip to another promise", () => {
    const run: RunToShrink = ({ faults }) =>
      faults.length > 3
        ? { oracle: "fake", message: "it fails" }
        : { oracle: "other", message: "it fails, too" };
    equal(shrink(many, run).scenario.faults.length, 4);
    equal(shrink(many, run).violation?.oracle, "fake");
  });

  it("takes exceptions for the same when they say the same but for numbers and names", () => {
    const run: RunToShrink = ({ faults }) => {
      const text = faults.length > 3 ? "commit 7 is beyond the log's end" : "no such thing";
      return { oracle: "exception", message: `a${1 + (faults.length % 3)} ended with ${text}` };
    };
    equal(shrink(many, run).scenario.faults.length, 4);
  });

  it("comes to the same whenever it is asked", () => {
    const run = failingWhen((each) => each.faults.length >= 5 && each.operations.length >= 2);
    deepEqual(shrink(many, run), shrink(many, run));
  });

  it("stops when its runs are used up, with the smallest so far", () => {
    const run = failingWhen((each) => each.faults.length >= 5);
    const { scenario, runs, isMinimal } = shrink(many, run, 4);
    equal(runs, 4);
    equal(isMinimal, false);
    ok(scenario.faults.length < many.faults.length && scenario.faults.length >= 5);
  });

  it("never runs more often than its limit, whatever it is asked", () => {
    let runs = 0;
    // Fails now and then, and not for what is in it: there is always something that seems to go.
    const run: RunToShrink = ({ faults, operations }) => {
      runs++;
      const isBad = (faults.length * 31 + operations.length * 17 + runs) % 5 !== 0;
      return isBad && operations.length > 10 ? { oracle: "fake", message: "sometimes" } : undefined;
    };
    ok(shrink(many, run, Number.POSITIVE_INFINITY).runs <= shrinkRunsMax);
    ok(runs <= shrinkRunsMax);
  });
});

describe("shrink() of servers", () => {
  it("renumbers what is left, and asks the first instead of one that is gone", () => {
    const faults = [pauseOf(2), pauseOf(1)];
    const scenario = scenarioOf(faults, [putOf(1, "1"), getOf(2)]);
    const run = failingWhen(
      (each) =>
        each.servers.some(({ id }) => id === "a3") &&
        each.operations.length === 2 &&
        each.faults.some(
          ({ fault }) => fault.kind === "pause" && each.servers[fault.server]?.id === "a3",
        ),
    );
    const shrunk = shrink(scenario, run).scenario;
    deepEqual(shrunk.servers, [founder("a3")]);
    deepEqual(
      shrunk.faults.map(({ fault }) => fault.kind === "pause" && fault.server),
      [0],
    );
    deepEqual(
      shrunk.operations.map(({ operation }) => operation.server),
      [0, 0],
    );
  });

  it("keeps somebody with data and a vote, who outvotes the witnesses", () => {
    const servers = [founder("a1"), founder("a2"), { ...founder("a3"), isWitness: true }];
    const hasWitness = (each: Scenario): boolean => each.servers.some((server) => server.isWitness);
    const shrunk = shrink({ ...scenarioOf([], []), servers }, failingWhen(hasWitness)).scenario;
    deepEqual(
      shrunk.servers.map(({ id }) => id),
      ["a1", "a2", "a3"],
    );
    const any = shrink(
      { ...scenarioOf([], []), servers },
      failingWhen(() => true),
    ).scenario;
    deepEqual(any.servers, [founder("a1")]);
  });

  it("cuts only links that are left", () => {
    const cut = {
      kind: "cut",
      shape: "isolate",
      links: [
        [0, 2],
        [2, 0],
        [1, 2],
      ],
      isNoticed: true,
      forMs: 100,
    } as const;
    const hasCut = (each: Scenario): boolean =>
      each.faults.some(({ fault }) => fault.kind === "cut") && each.servers.length >= 2;
    const [step] = shrink(scenarioOf([cut], []), failingWhen(hasCut)).scenario.faults;
    ok(step?.fault.kind === "cut");
    equal(step.fault.links.length, 1);
    equal(step.fault.isNoticed, false);
    ok(step.fault.links.flat().every((server) => server < 2));
  });
});

describe("shrink() of times and options", () => {
  it("heals early, closes gaps and makes faults brief, as far as the failure lets it", () => {
    const scenario = scenarioOf([pauseOf(0, 900)], []);
    const run = failingWhen(({ faults: [step] }) => {
      return step?.fault.kind === "pause" && step.fault.forMs >= 100 && step.atMs >= 20;
    });
    const shrunk = shrink(scenario, run).scenario;
    const [step] = shrunk.faults;
    ok(step?.fault.kind === "pause");
    ok(step.fault.forMs < 200 && step.atMs < 40, JSON.stringify(step));
    ok(shrunk.healAtMs <= step.atMs + 2);
    equal(shrunk.untilMs - shrunk.healAtMs, 60_000, "as long after the heal as before");
  });

  it("puts back to plain every option that has no part in it", () => {
    const options = {
      ...plainScenarioOptions,
      inflightMessagesMax: 1,
      snapshotEntries: 3,
      network: { ...plainScenarioOptions.network, loss: 0.05, duplicate: 0.1 },
    };
    const run = failingWhen(
      (each) => each.options.snapshotEntries < 10 && each.options.network.loss > 0,
    );
    const shrunk = shrink({ ...scenarioOf([], []), options }, run).scenario;
    deepEqual(shrunk.options, {
      ...plainScenarioOptions,
      snapshotEntries: 3,
      network: { ...plainScenarioOptions.network, loss: 0.05 },
    });
  });

  it("changes the election timeout with all that is measured by it", () => {
    const options = {
      ...plainScenarioOptions,
      heartbeatMs: 50,
      electionTicks: 5,
      leaseReadMs: 190,
    };
    const scenario = { ...scenarioOf([], []), options, untilMs: 10_000 + 60 * 250 };
    const run = failingWhen((each) => each.options.leaseReadMs > 0);
    const shrunk = shrink(scenario, run).scenario;
    equal(shrunk.options.heartbeatMs * shrunk.options.electionTicks, 1_000);
    equal(shrunk.options.leaseReadMs, 190 * (900 / 200));
    equal(shrunk.untilMs - shrunk.healAtMs, 60 * 1_000);
  });
});

describe("shrink() of a real run", () => {
  it("leaves of a stale read the clock, the cut, the write and the read", () => {
    const before = violationOf(staleRead);
    equal(before?.oracle, "realTime");
    const { scenario, violation, isMinimal, runs } = shrink(staleRead, violationOf);
    ok(isMinimal, `${runs} runs`);
    equal(violation?.oracle, "realTime");
    deepEqual(scenario.faults.map(({ fault }) => fault.kind).sort(), ["clockRate", "cut"]);
    deepEqual(
      scenario.operations.map(({ operation }) => operation.kind),
      ["put", "get"],
    );
    equal(scenario.options.isEncoded, false);
    ok(scenario.options.leaseReadMs > 0, "without leases the read is not stale");
    equal(violationOf(scenario)?.message, violation?.message);
  });
});
