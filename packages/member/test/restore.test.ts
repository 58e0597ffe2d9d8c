import { deepEqual, equal, rejects } from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { deleteRequest, getRequest, putRequest } from "@flotilla/store";
import type { RunningMember } from "../src/options.ts";
import { restoreMember } from "../src/restore-member.ts";
import { Cluster, put, read, revisionOf, until } from "./fixtures.ts";

async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return chunks;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("a snapshot that is restored", () => {
  let cluster: Cluster;
  let snapshot: Uint8Array[] = [];
  let revision = 0;
  before(async () => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    for (let at = 0; at < 50; at++) revisionOf(await put(leader, `key-${at}`, "old"));
    await leader.propose({ kind: "leaseGrant", id: 77n, ttlSeconds: 600 });
    const attached = putRequest(utf8("leased"), utf8("v"), { lease: 77n });
    revisionOf(await leader.propose({ kind: "put", request: attached }));
    const request = deleteRequest(utf8("key-0"));
    revision = revisionOf(await leader.propose({ kind: "deleteRange", request }));
    const taken = leader.snapshot();
    await put(leader, "later");
    equal(taken.revision, revision);
    snapshot = await collect(taken.content);
    await cluster.stopAll();
  });
  after(() => cluster.close());

  /** Restores every founder and starts it. */
  async function restoreAll(options: {
    readonly bumpRevision?: number;
    readonly markCompacted?: boolean;
  }): Promise<RunningMember> {
    for (const at of cluster.members.keys()) {
      const { name, dataDir, initialCluster } = cluster.optionsOf(at);
      await rm(dataDir, { recursive: true, force: true });
      const content = { snapshot: streamOf(snapshot), initialCluster };
      const outcome = await restoreMember({ name, dataDir, ...content, ...options });
      equal(outcome.revision, revision + (options.bumpRevision ?? 0));
    }
    await Promise.all([...cluster.members.keys()].map((at) => cluster.startOne(at)));
    return cluster.leader();
  }

  it("goes on where it was taken, at all founders", async () => {
    const leader = await restoreAll({});
    deepEqual(leader.store.leases(), [77n]);
    equal(revisionOf(await put(leader, "new")), revision + 1);
    for (const member of cluster.members) {
      await member.readBarrier();
      equal(read(member, "key-0"), undefined);
      equal(read(member, "key-1")?.value, "old");
      equal(read(member, "later"), undefined);
      equal(read(member, "new")?.value, "v");
    }
    const hashes = await Promise.all(
      cluster.members.map(({ id }) => leader.stateHash(id, { revision })),
    );
    deepEqual(new Set(hashes.map((hash) => hash.kind === "hash" && hash.hash)).size, 1);
    await until(
      () => leader.members().every(({ name }) => name !== ""),
      "members tell who they are",
    );
  });

  it("reaches who joins with an empty directory, and lasts over a restart", async () => {
    const joined = await cluster.grow(await cluster.leader(), { votes: 0 });
    await until(() => read(joined, "key-1") !== undefined, "the joiner has what was restored");
    deepEqual(joined.store.leases(), [77n]);
    await cluster.stopAll();
    await Promise.all([...cluster.members.keys()].map((at) => cluster.startOne(at)));
    const leader = await cluster.leader();
    await leader.readBarrier();
    equal(read(leader, "new")?.value, "v");
    equal(read(leader, "key-1")?.value, "old");
    await cluster.stopAll();
    cluster.members.length = 3;
  });

  it("begins at a higher revision, below which nothing can be read, when that is asked for", async () => {
    const leader = await restoreAll({ bumpRevision: 1000, markCompacted: true });
    equal(leader.store.compactRevision, revision + 1000);
    equal(read(leader, "key-1")?.value, "old");
    const old = { ...getRequest(utf8("key-1")), revision: revision + 999 };
    deepEqual(leader.store.range(old), { kind: "refused", error: "compacted" });
    const wholeRange = { key: utf8("key-1"), rangeEnd: new Uint8Array(0), prevKv: false };
    const watcher = leader.store.watch(
      { ...wholeRange, startRevision: revision, noPut: false, noDelete: false },
      () => {},
    );
    const compactRevision = revision + 1000;
    deepEqual(watcher.take(1000), { kind: "compacted", compactRevision });
    equal(revisionOf(await put(leader, "new")), revision + 1001);
  });
});

describe("a restore that fails", () => {
  let home = "";
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-restore-"));
  });
  after(() => rm(home, { recursive: true, force: true }));

  const options = (dataDir: string, snapshot: readonly Uint8Array[] = []) => ({
    name: "m1",
    dataDir,
    initialCluster: [{ name: "m1", peerUrl: "http://127.0.0.1:1" }],
    snapshot: streamOf(snapshot),
  });

  it("leaves alone what is there", async () => {
    const dataDir = join(home, "used");
    await mkdir(dataDir);
    await writeFile(join(dataDir, "something"), "");
    await rejects(restoreMember(options(dataDir)), { code: "notEmpty" });
    deepEqual(await readdir(dataDir), ["something"]);
  });

  it("leaves nothing of bytes that are no snapshot", async () => {
    await rejects(restoreMember(options(join(home, "bad"), [utf8("FLOTSNP1 and no more")])), {
      code: "badSnapshot",
    });
    deepEqual(await readdir(home), ["used"]);
  });
});
