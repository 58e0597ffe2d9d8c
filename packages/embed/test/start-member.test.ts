import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MetricRegistry } from "@flotilla/base";
import { compare, createEtcdClient, op, textOf } from "@flotilla/client";
import { startMember } from "../src/index.ts";

describe("startMember()", () => {
  it("gives a store in two lines", async () => {
    const member = await startMember();
    await member.client.put("greeting", "hello");
    const kv = await member.client.get("greeting");
    equal(kv && textOf(kv.value), "hello");
    await member.stop();
    equal(await member.stopped, undefined);
  });

  it("counts what it does where it is told to, and shows it", async () => {
    const metrics = new MetricRegistry();
    const member = await startMember({ metrics });
    await member.client.put("k", "v");
    match(metrics.text(), /^etcd_server_proposals_committed_total [1-9]/m);
    const shown = await (await fetch(`${member.clientUrl}/metrics`)).text();
    match(shown, /^etcd_disk_wal_fsync_duration_seconds_count [1-9]/m);
    await member.stop();
  });

  it("keeps what it was told in a directory that is named", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flotilla-embed-test-"));
    try {
      const first = await startMember({ dataDir: join(folder, "data") });
      const { revision } = await first.client.put("k", "v");
      await first.stop();
      const second = await startMember({ dataDir: join(folder, "data") });
      equal((await second.client.get("k"))?.modRevision, revision);
      await second.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("serves other clients, within a namespace, too", async () => {
    const member = await startMember();
    const options = { endpoints: [member.clientUrl], namespace: "app/" };
    const client = createEtcdClient(options);
    const { succeeded, responses } = await client
      .txn()
      .if(compare.missing("k"))
      .then(op.put("k", "v"), op.range({ prefix: "" }))
      .commit();
    const [, range] = responses;
    equal(succeeded, true);
    deepEqual(range?.kind === "range" && range.kvs.map(({ key }) => textOf(key)), ["k"]);
    equal((await member.client.get("app/k"))?.version, 1);
    client.close();
    await member.stop();
  });

  it("reads pages of one revision while others write", async () => {
    const member = await startMember();
    for (let at = 0; at < 10; at++) await member.client.put(`k${at}`, "v");
    const keys: string[] = [];
    for await (const { key } of member.client.scan({ prefix: "k" }, { pageSize: 3 })) {
      keys.push(textOf(key));
      if (keys.length === 2) await member.client.delete({ prefix: "k" });
    }
    equal(keys.length, 10);
    await member.stop();
  });

  it("makes one cluster of several", async () => {
    const names = ["a", "b", "c"];
    const urls = await freeUrls(names.length);
    const initialCluster = names.map((name, at) => ({ name, peerUrl: urls[at] ?? "" }));
    const members = await Promise.all(
      initialCluster.map(({ name, peerUrl }) => startMember({ name, peerUrl, initialCluster })),
    );
    const [first, second] = members;
    await first?.client.put("k", "v");
    equal((await second?.client.get("k"))?.version, 1);
    await Promise.all(members.map((member) => member.stop()));
  });

  const hasIPv6 = Object.values(networkInterfaces())
    .flat()
    .some((one) => one?.address === "::1");
  it("listens to an address of IPv6", { skip: !hasIPv6 }, async () => {
    const member = await startMember({ host: "::1" });
    equal((await member.client.put("k", "v")).revision, 2);
    await member.stop();
  });

  it("rejects, and leaves nothing open, when its port is taken", async () => {
    const member = await startMember();
    const clientPort = Number(new URL(member.clientUrl).port);
    await rejects(startMember({ clientPort }), { code: "EADDRINUSE" });
    await member.stop();
  });
});

/** Addresses that were free a moment ago. */
async function freeUrls(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const urls = servers.map(
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return urls;
}
