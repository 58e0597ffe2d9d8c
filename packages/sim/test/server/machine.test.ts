import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { WalError } from "@flotilla/wal";
import { Cluster } from "../../src/run/cluster.ts";
import { drawScenario } from "../../src/scenario/draw-scenario.ts";
import { faultKinds } from "../../src/scenario/scenario.ts";
import type { MachineObserver } from "../../src/server/machine.ts";
import { World } from "../../src/world/world.ts";

/** A server alone, that runs, and what is heard of its end. */
function runningServer() {
  const world = new World(1);
  const broken: string[] = [];
  const ignore = (): void => {};
  const observer: MachineObserver = {
    touched: ignore,
    sent: ignore,
    received: ignore,
    ticked: ignore,
    writes: ignore,
    wrote: ignore,
    applied: ignore,
    broke: (_, error) => broken.push(String(error)),
    replaced: ignore,
    lost: ignore,
    isolated: ignore,
    recoveredByForce: ignore,
    note: ignore,
  };
  const scenario = drawScenario(1, {
    founders: 1,
    lacks: ["membership", "learner", ...faultKinds],
  });
  const machine = new Cluster(world, scenario, observer).machine(0);
  machine.start();
  const run = (forMs: number): void => world.run(world.nowMs + forMs, () => false);
  run(10_000);
  return { machine, broken, run };
}

describe("a machine whose log gives up", () => {
  it("starts again when its disk has failed", () => {
    const { machine, broken, run } = runningServer();
    machine.wipe(); // The next start has to make a file.
    machine.disk.setFull(true);
    machine.start();
    run(100);
    deepEqual({ isUp: machine.isUp, broken }, { isUp: false, broken: [] });
    machine.disk.setFull(false);
    run(10_000);
    deepEqual({ isUp: machine.isUp, broken }, { isUp: true, broken: [] });
  });

  it("has no reason to when its disk has not", () => {
    const { machine, broken } = runningServer();
    machine.failed(new WalError("syncFailed", "made up"));
    deepEqual(broken, ["WalError: made up"]);
  });

  it("has none either after a failure of the disk in an earlier life", () => {
    const { machine, broken, run } = runningServer();
    machine.wipe();
    machine.disk.setFull(true);
    machine.start();
    run(100);
    machine.disk.setFull(false);
    run(10_000);
    machine.failed(new WalError("syncFailed", "made up"));
    deepEqual(broken, ["WalError: made up"]);
  });
});
