/** Scenarios to shrink. */
import type { RunResult } from "../../src/index.ts";
import { runScenario } from "../../src/run/run.ts";
import type {
  ClientOperation,
  Fault,
  Scenario,
  ScenarioServer,
} from "../../src/scenario/scenario.ts";
import { plainScenarioOptions } from "../../src/shrink/plain-options.ts";

export function founder(id: string): ScenarioServer {
  return { id, votes: 1, isWitness: false, isLearner: false };
}

export function pauseOf(server: number, forMs = 50): Fault {
  return { kind: "pause", server, forMs };
}

export function putOf(server: number, value: string): ClientOperation {
  return { kind: "put", server, key: "a", value };
}

export function getOf(server: number): ClientOperation {
  return { kind: "get", server, key: "a", isSerializable: false };
}

/** Three plain servers, and a step of each kind every 100 ms. */
export function scenarioOf(
  faults: readonly Fault[],
  operations: readonly ClientOperation[],
): Scenario {
  return {
    seed: 1,
    options: plainScenarioOptions,
    servers: [founder("a1"), founder("a2"), founder("a3")],
    clients: 1,
    faults: faults.map((fault, at) => ({ atMs: 100 * (at + 1), fault })),
    operations: operations.map((operation, at) => ({ atMs: 100 * (at + 1), client: 0, operation })),
    healAtMs: 10_000,
    untilMs: 70_000,
  };
}

/**
 * A stale read, in a world that breaks its side of the bargain: leases of reads allow for clocks that
 * drift by a few parts in a hundred, and the clock of the leader nearly stops. The rest is noise.
 */
export const staleRead: Scenario = {
  ...scenarioOf([], []),
  options: { ...plainScenarioOptions, leaseReadMs: 800, snapshotEntries: 20, isEncoded: true },
  clients: 2,
  faults: [
    { atMs: 500, fault: pauseOf(1, 30) },
    { atMs: 2_900, fault: { kind: "diskSlow", server: 2, factor: 3, forMs: 500 } },
    { atMs: 3_000, fault: { kind: "clockRate", server: 0, rate: 0.02 } },
    {
      atMs: 3_010,
      fault: {
        kind: "cut",
        shape: "isolate",
        links: [
          [0, 1],
          [0, 2],
          [1, 0],
          [2, 0],
        ],
        isNoticed: false,
        forMs: 5_000,
      },
    },
    { atMs: 3_500, fault: { kind: "slowApply", server: 2, stallMs: 1, forMs: 500 } },
  ],
  operations: [
    { atMs: 2_000, client: 0, operation: putOf(0, "1") },
    { atMs: 2_500, client: 1, operation: getOf(0) },
    { atMs: 3_000, client: 1, operation: { ...putOf(0, "3"), kind: "put", key: "b", value: "3" } },
    { atMs: 6_000, client: 0, operation: putOf(1, "2") },
    { atMs: 7_000, client: 1, operation: getOf(0) },
  ],
  healAtMs: 9_000,
  untilMs: 69_000,
};

/** What the simulator makes of it. */
export function violationOf(scenario: Scenario): RunResult["violation"] {
  return runScenario(scenario).violation;
}
