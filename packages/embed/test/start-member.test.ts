import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MetricRegistry } from "@flotilla/base";
import { compare, createEtcdClient, op, textOf } from "@flotilla/client";
import {
  type EmbedError,
  type EmbedErrorCode,
  type StartMemberOptions,
  startMember,
} from "../src/index.ts";

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

  it("rejects with a code, keeps the cause, and leaves nothing open or behind", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flotilla-embed-test-"));
    const before = process.env["TMPDIR"];
    try {
      const dataDir = join(folder, "data");
      await writeFile(join(folder, "file"), "");
      const member = await startMember({ dataDir });
      const clientPort = Number(new URL(member.clientUrl).port);
      process.env["TMPDIR"] = join(folder, "tmp");
      await mkdir(join(folder, "tmp"));
      const { origin: peerUrl } = new URL(member.member.peerUrl);
      const cases: readonly (readonly [StartMemberOptions, EmbedErrorCode, cause: string])[] = [
        [{ clientPort }, "portInUse", "EADDRINUSE"],
        [{ peerUrl }, "portInUse", "cannotListen"],
        [{ host: "192.0.2.1" }, "cannotListen", "EADDRNOTAVAIL"],
        [{ clientPort: -1 }, "badOptions", "ERR_SOCKET_BAD_PORT"],
        [{ clientPort: 70_000 }, "badOptions", "ERR_SOCKET_BAD_PORT"],
        [{ peerUrl: "nonsense" }, "badOptions", "badAddress"],
        [{ initialCluster: [{ name: "b", peerUrl }] }, "badOptions", "badOptions"],
        [{ dataDir }, "directoryInUse", "locked"],
        [{ dataDir: join(folder, "file") }, "badDirectory", "badDirectory"],
      ];
      for (const [options, code, cause] of cases) {
        await rejects(startMember(options), (error) => {
          const { name, cause: found } = error as EmbedError;
          deepEqual(
            [name, (error as EmbedError).code, (found as NodeJS.ErrnoException).code],
            ["EmbedError", code, cause],
          );
          return true;
        });
      }
      deepEqual(await readdir(join(folder, "tmp")), []);
      await member.stop();
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
      await rm(folder, { recursive: true });
    }
  });

  it("leaves nothing behind in a program that throws", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flotilla-embed-test-"));
    try {
      const index = new URL("../src/index.js", import.meta.url);
      const program = `import { startMember } from "${index}"; await startMember(); throw new Error("late");`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        env: { ...process.env, TMPDIR: folder },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let errors = "";
      child.stderr.on("data", (chunk) => (errors += chunk));
      const [code] = await once(child, "close");
      equal(code, 1);
      match(errors, /late/);
      deepEqual(await readdir(folder), []);
    } finally {
      await rm(folder, { recursive: true });
    }
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
