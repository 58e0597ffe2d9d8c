import { deepEqual, equal } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { silentLogger, utf8 } from "@flotilla/base";
import { type RunningMember, startMember } from "@flotilla/member";
import { encodePutRequest, encodeRangeRequest, getRequest, putRequest } from "@flotilla/store";
import { type EtcdServer, serveEtcd } from "../src/index.ts";
import { encoded, show, TestClient, until } from "./fixtures.ts";

// The rest of this package's tests run over a member without consensus; this one has all of it.
let dataDir: string;
let member: RunningMember;
let server: EtcdServer;
let client: TestClient;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "flotilla-etcd-api-"));
  member = await startMember({
    name: "a",
    dataDir,
    listenPeerUrl: "http://127.0.0.1:0",
    initialCluster: [{ name: "a", peerUrl: "http://127.0.0.1:2380" }],
    heartbeatMs: 10,
    electionMs: 50,
    logger: silentLogger,
  });
  server = await serveEtcd({ member, logger: silentLogger }, { host: "127.0.0.1", port: 0 });
  client = new TestClient(`127.0.0.1:${server.port}`);
  await until(
    () => member.status().isLeader,
    () => "leader",
  );
});
after(async () => {
  client.close();
  await server.close({ graceMs: 1000 });
  await member.stop();
  await rm(dataDir, { recursive: true });
});

describe("over a real member", () => {
  it("puts through the log, reads behind the barrier, and watches", async () => {
    const watch = client.watch();
    watch.create({ key: "k" });
    const created = (await watch.got(1))[0] as string;
    const base = Number(/rev=(\d+)/.exec(created)?.[1]);
    const put = encodePutRequest(putRequest(utf8("k"), utf8("v")));
    await client.unary("/etcdserverpb.KV/Put", put);
    const shape = { 1: ["", "header"], 2: ["kv", "kv"], 4: ["count", "number"] } as const;
    const range = encodeRangeRequest(getRequest(utf8("k")));
    const at = base + 1;
    const kv = `k=v @${at}/${at}/1`;
    equal(
      show(await client.unary("/etcdserverpb.KV/Range", range), shape),
      `rev=${at} kv(${kv}) count=1`,
    );
    deepEqual(await watch.got(1), [`0: rev=${at} [put ${kv}]`]);
    watch.abort();
  });

  it("answers a hundred puts at once, each with a revision of its own", async () => {
    const shape = { 1: ["", "header"] } as const;
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, at) => {
        const request = encodePutRequest(putRequest(utf8(`many/${at}`), utf8("v")));
        return show(await client.unary("/etcdserverpb.KV/Put", request), shape);
      }),
    );
    equal(new Set(answers).size, 100);
  });

  it("grants and renews leases at the leader", async () => {
    const grant = encoded((writer) => {
      writer.fieldVarint(1, 1);
      writer.fieldVarint(2, 5);
    });
    const shape = { 1: ["", "header"], 2: ["id", "number"], 3: ["ttl", "number"] } as const;
    const text = show(await client.unary("/etcdserverpb.Lease/LeaseGrant", grant), shape);
    equal(text.replace(/rev=\d+ /, ""), `id=5 ttl=${member.leaseTtlMinSeconds}`);
    const revoke = encoded((writer) => writer.fieldVarint(1, 5));
    equal(await client.status("/etcdserverpb.Lease/LeaseRevoke", revoke), "ok");
  });
});
