import { deepEqual, equal, rejects } from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, it } from "node:test";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import { Etcd3 } from "etcd3";
import { startSolo, stopAll } from "./fixtures.ts";

const clients: Etcd3[] = [];
async function open(): Promise<Etcd3> {
  const { endpoint } = await startSolo();
  const client = new Etcd3({ hosts: `http://${endpoint}` });
  clients.push(client);
  return client;
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stopAll();
});

describe("the npm client etcd3", () => {
  it("puts, gets, lists and deletes", async () => {
    const client = await open();
    await client.put("foo/a").value("1");
    await client.put("foo/b").value("zwei");
    equal(await client.get("foo/b").string(), "zwei");
    equal(await client.get("none").string(), null);
    deepEqual(await client.getAll().prefix("foo/").strings(), { "foo/a": "1", "foo/b": "zwei" });
    deepEqual(await client.getAll().prefix("foo/").sort("Key", "Descend").limit(1).keys(), [
      "foo/b",
    ]);
    equal(await client.getAll().prefix("foo/").count(), 2);
    await client.delete().prefix("foo/");
    equal(await client.getAll().prefix("foo/").count(), 0);
  });

  it("runs transactions", async () => {
    const client = await open();
    const attempt = () =>
      client
        .if("lock", "Create", "==", 0)
        .then(client.put("lock").value("mine"))
        .else(client.get("lock"))
        .commit();
    equal((await attempt()).succeeded, true);
    const second = await attempt();
    equal(second.succeeded, false);
    equal(String(second.responses[0]?.response_range?.kvs[0]?.value), "mine");
  });

  it("watches", async () => {
    const client = await open();
    const watcher = await client.watch().prefix("w/").create();
    const put = once(watcher, "put");
    await client.put("w/a").value("1");
    const [kv] = await put;
    equal(`${kv.key}=${kv.value}`, "w/a=1");
    const deleted = once(watcher, "delete");
    await client.delete().key("w/a");
    equal(String((await deleted)[0].key), "w/a");
    await watcher.cancel();
  });

  it("keeps leases, locks and elects", async () => {
    const client = await open();
    const lease = client.lease(60, { autoKeepAlive: false });
    await lease.put("leased").value("1");
    await lease.keepaliveOnce();
    equal(await client.get("leased").string(), "1");
    await lease.revoke();
    equal(await client.get("leased").string(), null);

    const lock = await client.lock("door").acquire();
    await rejects(client.lock("door").acquire());
    await lock.release();
    const campaign = client.election("boss").campaign("me");
    await once(campaign, "elected");
    equal(await client.election("boss").leader(), "me");
    await campaign.resign();
  });
});
