import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { timersOf } from "@flotilla/base";

/** A host that only notes what is asked of it. */
function notingHost() {
  const asked: { readonly delayMs: number; readonly callback: () => void; unrefs: number }[] = [];
  const cleared: unknown[] = [];
  return {
    asked,
    cleared,
    setTimeout(callback: () => void, delayMs: number) {
      const timer = { delayMs, callback, unrefs: 0, unref: () => timer.unrefs++ };
      asked.push(timer);
      return timer;
    },
    clearTimeout: (timer: unknown) => cleared.push(timer),
  };
}

describe("timersOf()", () => {
  it("runs once after whole milliseconds, and can be cancelled", () => {
    const host = notingHost();
    let runs = 0;
    const cancel = timersOf(host).after(0.2, () => runs++);
    equal(host.asked[0]?.delayMs, 1);
    host.asked[0]?.callback();
    equal(runs, 1);
    cancel();
    deepEqual(host.cleared, [host.asked[0]]);
  });

  it("lets the process end, unless it is told to keep it alive", () => {
    const host = notingHost();
    timersOf(host).after(1, () => {});
    timersOf(host, { keepAlive: true }).after(1, () => {});
    deepEqual(
      host.asked.map(({ unrefs }) => unrefs),
      [1, 0],
    );
  });

  it("does not fire a delay of months at once, as setTimeout would", () => {
    const host = notingHost();
    timersOf(host).after(90 * 24 * 3600 * 1000, () => {});
    equal(host.asked[0]?.delayMs, 2 ** 31 - 1);
  });
});
