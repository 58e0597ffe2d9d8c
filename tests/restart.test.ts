import { deepEqual, equal, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { deployments, services } from "@flotilla/objects";
import {
  ask,
  equalHashes,
  hashKv,
  missingKeys,
  StoreWriter,
  TestCluster,
  until,
} from "./harness/index.ts";

describe("a cluster that stops and starts again", () => {
  const cluster = TestCluster.create();
  before(async () => {
    await cluster.up("--apply", await cluster.shopManifest());
    equal(
      (await ask(`${cluster.record.entry}/items/kept`, { method: "PUT", body: "yes" })).status,
      200,
    );
  });
  after(() => cluster.close());

  const urls = () => cluster.record.members.map(({ clientUrl }) => clientUrl);
  const uids = async () => {
    const client = cluster.kube();
    const lists = await Promise.all([client.list(deployments), client.list(services)]);
    client.close();
    return lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.uid)).toSorted();
  };

  it("has the same objects and the same history after `down` and `up`", async () => {
    const [before, history] = [await uids(), await equalHashes(urls())];
    await cluster.command("down");
    await cluster.up();
    deepEqual(await uids(), before);
    for (const url of urls()) deepEqual(await hashKv(url, history.revision), history, url);
    const { status, body } = await ask(`${cluster.record.entry}/items/kept`);
    equal(status, 200, body);
    equal(JSON.parse(body).value, "yes");
  });

  it("loses nothing acknowledged when everything is killed at once", async () => {
    const before = await uids();
    const writer = new StoreWriter(urls(), "killed/");
    await until("200 acknowledged puts", 20_000, () => writer.acknowledged.length >= 200);
    const { members, nodes } = cluster.record;
    for (const { pid } of [...members, ...nodes]) process.kill(pid, "SIGKILL");
    const upAgain = cluster.up();
    await upAgain;
    await writer.stop();
    deepEqual(await uids(), before);
    ok(writer.acknowledged.length >= 200);
    await equalHashes(urls());
    for (const url of urls())
      deepEqual(await missingKeys(url, "killed/", writer.acknowledged), [], url);
    equal((await cluster.readyPods("web")).length, 3);
  });
});
