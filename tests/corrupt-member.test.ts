// A member in whose store a row was changed while it was down: found, named, repaired, and served again.
import { equal, match, ok } from "node:assert/strict";
import { existsSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openLmdbBackend } from "@flotilla/backend";
import { createEtcdClient, type EtcdClient, textOf } from "@flotilla/client/etcd";
import { equalHashes, hashKv, until } from "./harness/index.ts";
import { MemberProcesses } from "./harness/member-processes.ts";

const names = ["m1", "m2", "m3"];

/** Writes another value over one that is in the store of a member that is down. */
async function change(dataDir: string, from: string, to: string): Promise<void> {
  const backend = openLmdbBackend({ directory: join(dataDir, "member", "db") });
  let changed = 0;
  for (const table of ["current", "history"]) {
    for (const [key, value] of [...backend.range(table, new Uint8Array(0), undefined)]) {
      const at = Buffer.from(value).indexOf(from);
      if (at < 0) continue;
      const bytes = Buffer.from(value);
      bytes.write(to, at);
      backend.write((writer) => writer.put(table, key, bytes));
      changed++;
    }
  }
  ok(changed > 0, `${from} is in the store`);
  await backend.close();
}

describe("a member whose store was changed by hand", () => {
  const members = new MemberProcesses();
  let client: EtcdClient;
  before(async () => {
    members.flags = [
      ...["--compact-hash-check-time", "1s"],
      ...["--feature-gates", "InitialCorruptCheck=true"],
    ];
    await members.found(...names);
    client = createEtcdClient({ endpoints: names.map((name) => members.clientUrl(name)) });
    for (let at = 0; at < 20; at++) await client.put(`key${at}`, `right${at}!`);
  });
  after(async () => {
    client.close();
    await members.close();
  });

  const at = async (name: string, key: string): Promise<string> => {
    const one = createEtcdClient({ endpoints: [members.clientUrl(name)] });
    try {
      const kv = await one.get(key, { serializable: true });
      return kv === undefined ? "" : textOf(kv.value);
    } finally {
      one.close();
    }
  };
  const follower = async (): Promise<string> => {
    const leader = await members.leader();
    return names.find((name) => name !== leader) ?? "";
  };

  /** What is written is in the files of its store, and not only in its log. */
  const end = async (name: string): Promise<void> => {
    members.signal(name, "SIGTERM");
    await members.ended(name);
  };

  it("repairs itself before it serves", async () => {
    const name = await follower();
    await end(name);
    await change(members.dataDir(name), "right7!", "wrong7!");
    members.start(name);
    await until("the member to serve", 30_000, async () => (await at(name, "key7")) !== "");
    equal(await at(name, "key7"), "right7!");
    match(members.logs(), /it is being replaced by the leader's/);
    await until("its old store", 10_000, () =>
      existsSync(join(members.dataDir(name), "member", "db-set-aside")),
    );
  });

  it("is named by an alarm when it serves already, repairs itself, and the alarm goes", async () => {
    // Everybody is stopped, and the one that differs comes up first: nobody is there to compare with.
    const { revision } = await client.put("last", "right");
    await until("all to be as far", 10_000, async () => {
      const hashes = await Promise.all(names.map((name) => hashKv(members.clientUrl(name), 0)));
      return hashes.every((hash) => hash.revision >= revision);
    });
    await end("m2");
    for (const name of ["m1", "m3"]) await members.kill(name);
    await change(members.dataDir("m2"), "right9!", "wrong9!");
    members.start("m2");
    await until("wrong data to be served", 20_000, async () => {
      return (await at("m2", "key9")) === "wrong9!";
    });
    members.start("m1");
    members.start("m3");
    await until("the compaction", 20_000, async () => {
      await client.compact(revision);
      return true;
    });
    await until("the alarm", 20_000, () => /a member holds wrong data/.test(members.logs()));
    await until("its end", 30_000, () => /the alarm is disarmed/.test(members.logs()));
    equal(await at("m2", "key9"), "right9!");
    await client.put("after", "wards");
    const hashes = names.map((name) => members.clientUrl(name));
    const { hash } = await equalHashes(hashes);
    ok(hash !== 0);
    equal((await client.range({ prefix: "key" })).kvs.length, 20);
  });

  it("has its store again when that was cut short, or is gone", async () => {
    const name = await follower();
    for (const what of ["cut", "gone"]) {
      await members.kill(name);
      const store = join(members.dataDir(name), "member", "db");
      if (what === "gone") rmSync(store, { recursive: true });
      else {
        const generation = readdirSync(store).find((one) => one.startsWith("generation-")) ?? "";
        truncateSync(join(store, generation, "data.mdb"), 8192);
      }
      await client.put(what, "meanwhile");
      members.start(name);
      await until("the member to serve", 30_000, async () => (await at(name, what)) !== "");
      equal(await at(name, "key7"), "right7!");
    }
    await equalHashes(names.map((one) => members.clientUrl(one)));
  });
});
