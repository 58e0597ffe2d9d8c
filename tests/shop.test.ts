import { deepEqual, equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ask, TestCluster, until } from "./harness/index.ts";

describe("the shop on three members and three nodes", () => {
  const cluster = TestCluster.create();
  let entry = "";
  before(async () => {
    await cluster.up("--apply", await cluster.shopManifest());
    entry = cluster.record.entry;
  });
  after(() => cluster.close());

  it("is Ready 3/3 when `up --detach` returns, one web pod on each node", async () => {
    const pods = await cluster.readyPods("web");
    deepEqual(pods.map(({ node }) => node).toSorted(), ["n1", "n2", "n3"]);
    equal((await cluster.readyPods("db")).length, 1);
  });

  it("spreads a hundred requests at the entry over all three web pods", async () => {
    const seen = new Set<string>();
    for (let count = 0; count < 100; count++) {
      const { status, body } = await ask(entry);
      equal(status, 200, body);
      seen.add(JSON.parse(body).pod);
    }
    deepEqual(
      [...seen].toSorted(),
      (await cluster.readyPods("web")).map(({ name }) => name).toSorted(),
    );
  });

  it("reads through every web pod what was written through one", async () => {
    const written = await ask(`${entry}/items/color`, { method: "PUT", body: "blue" });
    equal(written.status, 200, written.body);
    const readers = new Set<string>();
    await until("an answer of all three pods", 10_000, async () => {
      const { status, body } = await ask(`${entry}/items/color`);
      equal(status, 200, body);
      const { pod, value } = JSON.parse(body);
      equal(value, "blue");
      readers.add(pod);
      return readers.size === 3;
    });
  });

  it("comes back Ready when a web pod's process is killed", async () => {
    const before = await cluster.readyPods("web");
    const { pid } = JSON.parse((await ask(entry)).body);
    process.kill(pid, "SIGKILL");
    await until("three ready web pods, and another process", 10_000, async () => {
      const seen = new Set<number>();
      for (let count = 0; count < 20; count++) seen.add(JSON.parse((await ask(entry)).body).pid);
      return seen.size === 3 && !seen.has(pid);
    });
    deepEqual((await cluster.readyPods("web")).length, before.length);
  });
});
