/** `flotilla chaos partition`: members that run, and cannot reach each other. */
import { equal, match, notEqual, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { equalHashes, TestCluster, until } from "./harness/index.ts";

describe("a leader that is parted from the others", () => {
  const cluster = TestCluster.create();
  let old = "";
  let others: readonly string[] = [];
  before(async () => {
    await cluster.up("--nodes", "0");
    old = (await cluster.leader()).name;
    others = cluster.record.members.map(({ name }) => name).filter((name) => name !== old);
    await cluster.command("chaos", "partition", `${old}|${others.join(",")}`);
  });
  after(() => cluster.close());

  const put = (name: string, ...words: string[]) =>
    cluster.flotilla("put", ...words, "--endpoints", cluster.member(name).clientUrl);

  it("leads no more, and takes no write; the others have another one", async () => {
    const next = await until("another leader", 20_000, async () =>
      (await cluster.members()).find(({ name, role }) => name !== old && role === "leader"),
    );
    notEqual(next.name, old);
    equal((await put(others[0] ?? "", "greeting", "from the majority")).code, 0);
    // Of another key: who asks does not learn whether it happens once the network is whole again.
    const refused = await put(old, "farewell", "from the minority");
    notEqual(refused.code, 0);
    match(refused.stderr, /no leader|timed out|did not answer/);
  });

  it("follows once the network is whole again", async () => {
    await cluster.command("chaos", "heal");
    await until("the write that it has missed", 20_000, async () => {
      const { stdout } = await cluster.flotilla(
        ...["get", "greeting", "--endpoints", cluster.member(old).clientUrl],
      );
      return stdout === "greeting\nfrom the majority\n";
    });
    await equalHashes(cluster.record.members.map(({ clientUrl }) => clientUrl));
  });

  it("says what it cannot do", async () => {
    const { code, stderr } = await cluster.flotilla(
      ...["chaos", "partition", "m1|m9", "--data-dir", cluster.dataDir],
    );
    equal(code, 3);
    ok(stderr.includes('There is no member "m9"'), stderr);
  });
});
