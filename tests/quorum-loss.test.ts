import { equal, match, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ask, EntryLoad, TestCluster, until } from "./harness/index.ts";

describe("two of three members dead", () => {
  const cluster = TestCluster.create();
  let load: EntryLoad;
  let dead: string[] = [];
  before(async () => {
    await cluster.up("--apply", await cluster.shopManifest());
    load = new EntryLoad(cluster.record.entry, () => ({ path: "/" }));
    dead = (await cluster.followers()).map(({ name }) => name);
    for (const name of dead) await cluster.command("chaos", "power-off", name);
  });
  after(async () => {
    await load.stop();
    await cluster.close();
  });

  it("refuses a write inside 8 s and says why", async () => {
    const survivor = (await cluster.members()).find(({ process }) => process === "running");
    const began = performance.now();
    const put = await cluster.flotilla(
      ...[
        "put",
        "greeting",
        "hello",
        "--endpoints",
        cluster.member(survivor?.name ?? "").clientUrl,
      ],
    );
    ok(performance.now() - began < 8000, "inside 8 s");
    ok(put.code === 1 || put.code === 2, `exit code ${put.code}: ${put.stderr}`);
    match(put.stderr, /no leader|timed out|did not answer/);
  });

  it("says in `status` what is missing, with exit code 1", async () => {
    const status = await cluster.flotilla("status", "--data-dir", cluster.dataDir);
    equal(status.code, 1);
    match(status.stderr, /No leader: 1 of 3 members answer, 2 are needed/);
  });

  it("goes on serving the shop", async () => {
    const answered = load.answered;
    await until("50 more answers", 10_000, () => load.answered > answered + 50);
    const written = await ask(`${cluster.record.entry}/items/x`, { method: "PUT", body: "1" });
    equal(written.status, 200, written.body);
  });

  it("works again when one comes back", async () => {
    await cluster.command("chaos", "power-on", dead[0] ?? "");
    await cluster.leader();
    await cluster.command("put", "greeting", "hello");
    equal(await cluster.command("get", "greeting"), "greeting\nhello\n");
    equal((await cluster.readyPods("web")).length, 3);
    equal(load.failures.length, 0, JSON.stringify(load.failures.slice(0, 3)));
  });
});
