import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Gathering } from "../src/gathering.ts";
import { gatherFrom, gatherMax, gatherMs } from "../src/limits.ts";

function gathering() {
  const timers: { readonly delayMs: number; readonly fire: () => void; isCancelled: boolean }[] =
    [];
  let due = 0;
  const subject = new Gathering({
    after(delayMs, fire) {
      const timer = { delayMs, fire, isCancelled: false };
      timers.push(timer);
      return () => {
        timer.isCancelled = true;
      };
    },
    onDue: () => {
      due++;
    },
  });
  return { subject, timers, due: () => due };
}

describe("Gathering", () => {
  it("holds nobody back while few are under way", () => {
    const { subject, timers } = gathering();
    equal(subject.isDue(1, 0), true);
    equal(subject.isDue(100, gatherFrom - 1), true);
    equal(timers.length, 0);
    equal(subject.isWaiting, false);
  });

  it("lets others join while many are under way, for a moment", () => {
    const { subject, timers, due } = gathering();
    equal(subject.isDue(1, gatherFrom), false);
    equal(subject.isDue(30, gatherFrom), false);
    deepEqual(
      timers.map(({ delayMs }) => delayMs),
      [gatherMs],
    );
    equal(subject.isWaiting, true);
    timers[0]?.fire();
    equal(due(), 1);
    equal(subject.isWaiting, false);
    equal(subject.isDue(31, gatherFrom), true);
    equal(subject.isDue(1, gatherFrom), false, "the next ones wait again");
  });

  it("waits no longer once there are enough, or those before have their answers", () => {
    for (const [queued, underWay] of [
      [gatherMax, gatherFrom],
      [2, gatherFrom - 1],
    ] as const) {
      const { subject, timers } = gathering();
      equal(subject.isDue(1, gatherFrom), false);
      equal(subject.isDue(queued, underWay), true);
      equal(timers[0]?.isCancelled, true);
      equal(subject.isWaiting, false);
    }
  });

  it("has no timer left when it is stopped", () => {
    const { subject, timers } = gathering();
    subject.isDue(1, gatherFrom);
    subject.stop();
    equal(timers[0]?.isCancelled, true);
    equal(subject.isWaiting, false);
  });
});
