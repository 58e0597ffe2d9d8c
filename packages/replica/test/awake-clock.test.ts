import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { AwakeClock, awakeStepMsMax } from "../src/awake-clock.ts";
import { ManualClock } from "./fixtures.ts";

describe("AwakeClock", () => {
  it("goes with the clock that it is given", () => {
    const clock = new ManualClock();
    clock.advance(5_000);
    const awake = new AwakeClock(clock);
    equal(awake.nowMs(), 0);
    for (let step = 1; step <= 20; step++) {
      clock.advance(200);
      equal(awake.nowMs(), 200 * step);
    }
  });

  it("does not count the time in which nobody could ask", () => {
    const clock = new ManualClock();
    const awake = new AwakeClock(clock);
    clock.advance(3_600_000);
    equal(awake.nowMs(), awakeStepMsMax);
    clock.advance(200);
    equal(awake.nowMs(), awakeStepMsMax + 200);
  });
});
