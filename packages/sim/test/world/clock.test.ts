import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { SimulatedClock } from "../../src/world/clock.ts";
import { World } from "../../src/world/world.ts";

describe("SimulatedClock", () => {
  it("runs at its rate, without a leap where that changes", () => {
    const world = new World(1);
    const clock = new SimulatedClock(world, 500);
    world.nowMs = 100;
    equal(clock.nowMs(), 600);
    clock.setRate(2);
    equal(clock.nowMs(), 600);
    world.nowMs = 150;
    equal(clock.nowMs(), 700);
    equal(clock.worldMs(100), 50);
    clock.setRate(1);
    world.nowMs = 160;
    equal(clock.nowMs(), 710);
  });

  it("leaps ahead, and never back", () => {
    const clock = new SimulatedClock(new World(1), 0);
    clock.leap(30);
    equal(clock.nowMs(), 30);
    throws(() => clock.leap(-1));
    throws(() => clock.setRate(0));
  });
});
