import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { silentLogger } from "@flotilla/base";
import { leases } from "@flotilla/objects";
import { Heartbeat } from "../../src/node/heartbeat.ts";
import { FakeApi, leaseOf, ManualTime } from "../fixtures.ts";

const key = "kube-node-lease/n1";

function beating(t: TestContext, api = new FakeApi()) {
  const time = new ManualTime();
  const end = new AbortController();
  const log: string[] = [];
  const heartbeat = new Heartbeat({
    client: api,
    nodeName: "n1",
    clock: time,
    timers: time,
    logger: silentLogger,
    wallNowMs: () => 1_000_000 + time.nowMs(),
    recheckPods: async () => {
      log.push("recheck");
      await api.list(leases); // Fails while the API is down, as the real one does.
    },
    onAlive: () => log.push("alive"),
  });
  void heartbeat.run(end.signal);
  t.after(() => end.abort());
  const renewTime = () => api.find(leases, key)?.spec?.renewTime;
  return { api, time, log, renewTime };
}

describe("Heartbeat", () => {
  it("creates the lease and renews it every second, changing nothing else", async (t) => {
    const { api, time, log, renewTime } = beating(t);
    await time.advance(0);
    deepEqual(log, ["alive"]);
    const created = api.find(leases, key)!;
    equal(created.spec?.leaseDurationSeconds, 4);
    await time.advance(5_000);
    equal(renewTime(), "1970-01-01T00:16:45.000000Z");
    const renewed = api.find(leases, key)!;
    deepEqual(
      { ...renewed, spec: { ...renewed.spec, renewTime: "" } },
      {
        ...created,
        spec: { ...created.spec, renewTime: "" },
      },
    );
    deepEqual(api.writes, [`create leases ${key}`, ...Array(5).fill(`update leases ${key}`)]);
  });

  it("goes on with the lease of an earlier run", async (t) => {
    const api = new FakeApi();
    api.put(leases, leaseOf("n1"));
    const { time, renewTime, log } = beating(t, api);
    await time.advance(0);
    equal(renewTime(), "1970-01-01T00:16:40.000000Z");
    deepEqual(log, [], "it was alive all the time");
  });

  it("checks its pods before it comes back to life", async (t) => {
    const { api, time, log } = beating(t);
    await time.advance(1_000);
    api.drop(leases, key);
    await time.advance(1_000);
    deepEqual(log, ["alive", "recheck", "alive"]);
    ok(api.find(leases, key) !== undefined);
  });

  it("does not renew late after a pause, even when the server has not noticed", async (t) => {
    const { api, time, log } = beating(t);
    await time.advance(1_500);
    api.writes.length = 0;
    time.jump(10_000);
    await time.advance(1_000);
    equal(log[1], "recheck");
    equal(api.writes[0], `create leases ${key}`, "the old lease is not renewed before the check");
  });

  it("stays dead while the pods cannot be checked", async (t) => {
    const { api, time, log } = beating(t);
    await time.advance(1_000);
    api.drop(leases, key);
    api.before = (verb) => {
      if (verb === "list") throw new Error("no list");
    };
    await time.advance(3_000);
    equal(api.find(leases, key), undefined);
    api.before = () => {};
    await time.advance(2_000);
    ok(api.find(leases, key) !== undefined);
    equal(log.at(-1), "alive");
  });

  it("survives an API that is away", async (t) => {
    const { api, time, log } = beating(t);
    await time.advance(0);
    api.setDown(true);
    await time.advance(30_000);
    api.drop(leases, key);
    api.setDown(false);
    await time.advance(1_000);
    equal(log.at(-1), "alive");
  });

  it("gives a hanging request up and tries the next", async (t) => {
    const { api, time, renewTime } = beating(t);
    await time.advance(0);
    let hangs = 1;
    api.before = async (verb) => {
      if (verb === "update" && hangs-- > 0) await new Promise(() => {});
    };
    await time.advance(4_000);
    const last = Number(renewTime()?.slice(17, 19));
    ok(last >= 43, `renewed at second ${last}: the hanging request did not stop it`);
  });
});
