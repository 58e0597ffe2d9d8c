// One death after the other, under customers of the shop and a writer to the store that never pause.
import { deepEqual, equal, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  EntryLoad,
  equalHashes,
  missingKeys,
  StoreWriter,
  TestCluster,
  until,
} from "./harness/index.ts";

describe("a cluster under load", () => {
  const cluster = TestCluster.create();
  before(async () => {
    await cluster.up("--apply", await cluster.shopManifest());
  });
  after(() => cluster.close());

  /** Runs `harm` while both clients work, lets them go on until `healed`, and checks that nothing is lost. */
  async function survive(
    prefix: string,
    harm: () => Promise<unknown>,
    healed: () => Promise<boolean>,
  ) {
    const { entry, members } = cluster.record;
    const urls = members.map(({ clientUrl }) => clientUrl);
    const customers = new EntryLoad(entry, (at) => ({
      path: `/items/${prefix}${at % 50}`,
      method: "PUT",
      body: `${at}`,
    }));
    const writer = new StoreWriter(urls, prefix);
    try {
      await until(
        "both clients to get going",
        10_000,
        () => customers.answered > 20 && writer.acknowledged.length > 20,
      );
      await harm();
      await until("the cluster to heal", 30_000, healed);
      const [answered, acknowledged] = [customers.answered, writer.acknowledged.length];
      await until(
        "both clients to go on",
        15_000,
        () => customers.answered > answered + 20 && writer.acknowledged.length > acknowledged + 20,
      );
    } finally {
      await customers.stop();
      await writer.stop();
    }
    return { customers, writer };
  }

  /** Every acknowledged put is on every member that runs, and their histories are equal. */
  async function nothingLost(prefix: string, writer: StoreWriter) {
    const running = (await cluster.members()).filter(({ process }) => process === "running");
    const urls = running.map(({ name }) => cluster.member(name).clientUrl);
    await equalHashes(urls);
    for (const url of urls) deepEqual(await missingKeys(url, prefix, writer.acknowledged), [], url);
  }

  const allWebReady = async () => (await cluster.readyPods("web")).length === 3;
  const everybodyBack = async () => {
    await cluster.up();
    await until("all members to agree again", 20_000, async () =>
      (await cluster.members()).every(({ role }) => role === "leader" || role === "follower"),
    );
  };

  it("heals a node with web on it: no request fails after the first second", async () => {
    const db = (await cluster.readyPods("db"))[0]?.node;
    const node = (await cluster.readyPods("web")).find((pod) => pod.node !== db)?.node ?? "";
    let deathMs = 0;
    const { customers, writer } = await survive(
      "web-node/",
      async () => {
        deathMs = performance.now();
        await cluster.command("chaos", "power-off", node);
      },
      async () => (await cluster.readyPods("web")).filter((pod) => pod.node !== node).length === 3,
    );
    deepEqual(customers.failuresAfter(deathMs, 1000), []);
    await nothingLost("web-node/", writer);
    await everybodyBack();
  });

  it("moves db when its node dies, with what it stored", async () => {
    const before = await cluster.readyPods("db");
    const node = before[0]?.node ?? "";
    let deathMs = 0;
    const { customers, writer } = await survive(
      "db-node/",
      async () => {
        deathMs = performance.now();
        await cluster.command("chaos", "power-off", node);
      },
      async () =>
        (await cluster.readyPods("db")).some((pod) => pod.node !== node) && (await allWebReady()),
    );
    deepEqual(customers.failuresAfter(deathMs, 1000), []);
    await nothingLost("db-node/", writer);
    await everybodyBack();
  });

  it("elects a new leader when the leader is killed", async () => {
    const leader = await cluster.leader();
    const { customers, writer } = await survive(
      "leader/",
      () => cluster.command("chaos", "power-off", leader.name),
      async () => (await cluster.leader()).name !== leader.name,
    );
    deepEqual(customers.failures, [], "customers notice nothing");
    ok(writer.longestGapMs < 10_000, `the store accepted nothing for ${writer.longestGapMs} ms`);
    await everybodyBack();
    await nothingLost("leader/", writer);
  });

  it("does not notice the death of a follower", async () => {
    const leader = await cluster.leader();
    const follower = (await cluster.followers())[0];
    const { customers, writer } = await survive(
      "follower/",
      () => cluster.command("chaos", "power-off", follower?.name ?? ""),
      async () => (await cluster.leader()).name === leader.name,
    );
    deepEqual(customers.failures, [], "customers notice nothing");
    await everybodyBack();
    await nothingLost("follower/", writer);
  });

  it("takes a leader back that was paused for five seconds", async () => {
    const leader = await cluster.leader();
    const { writer } = await survive(
      "pause/",
      () => cluster.command("chaos", "pause", leader.name, "--for", "5s"),
      async () => {
        const members = await cluster.members();
        return members.every(({ role }) => role === "leader" || role === "follower");
      },
    );
    await nothingLost("pause/", writer);
    equal((await cluster.members()).filter(({ role }) => role === "leader").length, 1);
  });
});
