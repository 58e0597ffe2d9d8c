import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger } from "@flotilla/base";
import { events } from "@flotilla/objects";
import { EventRecorder, eventQueueMax } from "../src/events.ts";
import { FakeApi, podOf, settle } from "./fixtures.ts";

function recording() {
  const api = new FakeApi();
  const time = { nowMs: 1_000_000 };
  const recorder = new EventRecorder({
    client: api,
    wallNowMs: () => time.nowMs,
    logger: silentLogger,
    nodeName: "n1",
  });
  const say = (message: string) =>
    recorder.record(podOf("web", {}), { type: "Warning", reason: "Unhealthy", message });
  const counts = () => api.all(events).map(({ message, count = 1 }) => `${message} x${count}`);
  return { api, time, say, counts };
}

describe("EventRecorder", () => {
  it("gives different events of one moment different names", async () => {
    const { say, counts } = recording();
    say("a");
    say("b");
    await settle();
    deepEqual(counts(), ["a x1", "b x1"]);
  });

  it("counts repetitions, and writes the count now and then only", async () => {
    const { api, time, say, counts } = recording();
    for (let second = 0; second < 25; second++) {
      say("a");
      await settle();
      time.nowMs += 1_000;
    }
    deepEqual(counts(), ["a x21"]);
    equal(api.writes.length, 3, "one create, two patches");
  });

  it("drops what it cannot deliver, and never grows without bound", async () => {
    const { api, say } = recording();
    api.setDown(true);
    for (let at = 0; at < 10; at++) say(`lost ${at}`);
    await settle(100);
    api.setDown(false);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    api.before = () => gate;
    for (let at = 0; at < 500; at++) say(`e${at}`);
    open();
    await settle(2_000);
    equal(api.all(events).length, eventQueueMax + 1, "one on its way and a full queue");
  });
});
