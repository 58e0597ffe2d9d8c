import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { RestartDelay } from "../../src/pods/pod-record.ts";
import { delayLeftMs, nextDelay } from "../../src/pods/restart-delay.ts";

describe("nextDelay()", () => {
  it("restarts at once, then after 10 s doubling to 300 s", () => {
    const seconds: number[] = [];
    let delay: RestartDelay | undefined;
    for (let exit = 0, nowMs = 0; exit < 8; exit++) {
      delay = nextDelay(delay, nowMs);
      seconds.push(delay.delayMs / 1000);
      nowMs += delay.delayMs + 1;
    }
    deepEqual(seconds, [0, 10, 20, 40, 80, 160, 300, 300]);
  });

  it("forgets after more than 10 minutes without an exit", () => {
    const late = { delayMs: 300_000, sinceMs: 0 };
    equal(nextDelay(late, 600_000).delayMs, 300_000);
    equal(nextDelay(late, 600_001).delayMs, 0);
  });
});

describe("delayLeftMs()", () => {
  it("counts down to 0", () => {
    const delay = { delayMs: 10_000, sinceMs: 1_000 };
    deepEqual(
      [1_000, 6_000, 11_000, 20_000].map((now) => delayLeftMs(delay, now)),
      [10_000, 5_000, 0, 0],
    );
  });

  it("is not prolonged by a clock that was set back", () => {
    equal(delayLeftMs({ delayMs: 10_000, sinceMs: 1_000_000 }, 0), 10_000);
  });
});
