import { deepEqual, equal } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { silentLogger } from "@flotilla/base";
import { type Pod, pods } from "@flotilla/objects";
import { StatusPublisher } from "../../src/pods/status-publisher.ts";
import { FakeApi, ManualTime, podOf } from "../fixtures.ts";

const key = "default/web";

function publishing(t: TestContext) {
  const api = new FakeApi();
  const time = new ManualTime();
  const wanted = { message: "" };
  const present = api.put(pods, podOf("web", {}));
  const publisher = new StatusPublisher(
    { client: api, timers: time, logger: silentLogger },
    present,
    (pod) => ({ ...pod, status: { ...pod.status, message: wanted.message } }),
  );
  t.after(() => publisher.stop());
  const publish = (message: string) => {
    wanted.message = message;
    publisher.publish();
  };
  const message = () => api.find(pods, key)?.status?.message;
  return { api, time, publisher, publish, message };
}

describe("StatusPublisher", () => {
  it("writes what differs, and only that", async (t) => {
    const { api, time, publish, message } = publishing(t);
    publish("a");
    await time.advance(0);
    publish("a");
    await time.advance(0);
    equal(message(), "a");
    equal(api.writes.length, 1);
  });

  it("writes the newest of what changed while a write was under way", async (t) => {
    const { api, time, publish, message } = publishing(t);
    publish("a");
    publish("b");
    publish("c");
    await time.advance(0);
    equal(message(), "c");
    equal(api.writes.length <= 2, true);
  });

  it("reads again on conflict and keeps what others wrote", async (t) => {
    const { api, time, publish, message } = publishing(t);
    const others: Pod = { ...api.find(pods, key)!, status: { reason: "theirs" } };
    api.put(pods, others);
    publish("a");
    await time.advance(0);
    equal(message(), "a");
    equal(api.find(pods, key)?.status?.reason, "theirs");
  });

  it("does not write to another pod of the same name", async (t) => {
    const { api, time, publish } = publishing(t);
    const other = podOf("web", {});
    other.metadata.uid = "another";
    api.put(pods, other);
    publish("a");
    await time.advance(10_000);
    equal(api.find(pods, key)?.status, undefined);
  });

  it("keeps trying while the API is away", async (t) => {
    const { api, time, publish, message } = publishing(t);
    api.setDown(true);
    publish("a");
    await time.advance(60_000);
    equal(message(), undefined);
    api.setDown(false);
    await time.advance(5_000);
    equal(message(), "a");
  });

  it("does not fight a server that stores less than it was given", async (t) => {
    const { api, time, publisher, publish } = publishing(t);
    const update = api.updateStatus.bind(api);
    api.updateStatus = (resource, object) => {
      const { message: _, ...status } = (object as unknown as Pod).status ?? {};
      return update(resource, { ...object, status });
    };
    publish("a");
    await time.advance(0);
    publisher.observe(api.find(pods, key)!);
    await time.advance(60_000);
    deepEqual(api.writes, ["updateStatus pods default/web"]);
  });
});
