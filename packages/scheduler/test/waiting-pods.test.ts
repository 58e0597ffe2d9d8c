import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { isWaiting, retryMsMax, WaitingPods } from "../src/waiting-pods.ts";
import { podFrom } from "./fixtures.ts";

function names(waiting: WaitingPods, texts: readonly string[], nowMs: number): string {
  const pods = texts.map((text) => podFrom(text));
  return waiting
    .select(pods, nowMs)
    .map(({ metadata }) => metadata.name)
    .join(" ");
}

describe("WaitingPods", () => {
  it("takes the more important first, then the older", () => {
    const pods = ["a at=3", "b at=1", "c priority=5 at=9", "d priority=-1", "e on=n1", "f leaving"];
    equal(names(new WaitingPods(), pods, 0), "c b a d");
  });

  it("waits 1, 2, 4, 8, 10, 10 s between failures", () => {
    const waiting = new WaitingPods();
    const pod = podFrom("a");
    let nowMs = 0;
    const waits: number[] = [];
    for (let failures = 0; failures < 6; failures++) {
      waiting.failed(pod, nowMs);
      const dueMs = waiting.nextDueMs() ?? 0;
      waits.push(dueMs - nowMs);
      equal(names(waiting, ["a"], dueMs - 1), "");
      equal(names(waiting, ["a"], dueMs), "a");
      nowMs = dueMs;
    }
    equal(waits.join(" "), `1000 2000 4000 8000 ${retryMsMax} ${retryMsMax}`);
  });

  it("tries again sooner when the world has changed, but not at once", () => {
    const waiting = new WaitingPods();
    for (let failures = 0; failures < 5; failures++) waiting.failed(podFrom("a"), 0);
    waiting.hasten(100);
    equal(waiting.nextDueMs(), 1_000);
    waiting.hasten(5_000);
    equal(names(waiting, ["a"], 5_000), "a");
  });

  it("forgets who is not waiting any more", () => {
    const waiting = new WaitingPods();
    waiting.failed(podFrom("a"), 0);
    equal(names(waiting, ["a on=n1"], 0), "");
    equal(waiting.nextDueMs(), undefined);
  });
});

describe("isWaiting()", () => {
  it("leaves pods to the scheduler that they name", () => {
    const pod = podFrom("a");
    equal(isWaiting(pod), true);
    equal(isWaiting({ ...pod, spec: { ...pod.spec, schedulerName: "default-scheduler" } }), true);
    equal(isWaiting({ ...pod, spec: { ...pod.spec, schedulerName: "mine" } }), false);
    equal(isWaiting({ ...pod, status: { phase: "Failed" } }), false);
  });

  it("leaves a pod alone until its last scheduling gate is gone", () => {
    const pod = podFrom("a");
    const gated = (...names: string[]) => ({
      ...pod,
      spec: { ...pod.spec, schedulingGates: names.map((name) => ({ name })) },
    });
    equal(isWaiting(gated("example.com/quota")), false);
    equal(isWaiting(gated()), true);
  });
});
