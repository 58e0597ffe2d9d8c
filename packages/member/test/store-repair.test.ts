// A member whose store is wrong, damaged or gone has it replaced by the leader's; its log and vote stay.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openLmdbBackend } from "@flotilla/backend";
import { silentLogger } from "@flotilla/base";
import type { InitialMember, RunningMember } from "../src/options.ts";
import { startMember } from "../src/start-member.ts";
import { put, read, until } from "./fixtures.ts";

/** Ports that were free a moment ago: founders have to know each other's before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((done) => server.once("listening", done))));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Changes what the store of a stopped member holds. */
async function corrupt(store: string): Promise<void> {
  const backend = openLmdbBackend({ directory: store });
  for (const table of ["current", "history"]) {
    for (const [key, value] of [...backend.range(table, new Uint8Array(0), undefined)]) {
      const at = Buffer.from(value).indexOf("right");
      if (at < 0) continue;
      const changed = Buffer.from(value);
      changed.write("wrong", at);
      backend.write((writer) => writer.put(table, key, changed));
    }
  }
  await backend.sync();
  await backend.close();
}

describe("a member whose store is wrong", () => {
  let home = "";
  const members: RunningMember[] = [];
  let initialCluster: InitialMember[] = [];
  const store = (at: number): string => join(home, `m${at}`, "member", "db");
  const setAside = (at: number): string => join(home, `m${at}`, "member", "db-set-aside");
  const start = async (at: number): Promise<RunningMember> => {
    const member = await startMember({
      name: `m${at}`,
      dataDir: join(home, `m${at}`),
      listenPeerUrl: initialCluster[at]?.peerUrl ?? "",
      initialCluster,
      heartbeatMs: 30,
      electionMs: 300,
      snapshotEntries: 20,
      catchUpEntries: 5,
      logger: silentLogger,
    });
    members[at] = member;
    return member;
  };
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-repair-"));
    initialCluster = (await freePorts(3)).map((port, at) => ({
      name: `m${at}`,
      peerUrl: `http://127.0.0.1:${port}`,
    }));
    await Promise.all([0, 1, 2].map(start));
    const leading = await leader();
    for (let at = 0; at < 50; at++) await put(leading, `key-${at}`, "right");
  });
  after(async () => {
    await Promise.all(members.map((member) => member.stop()));
    await rm(home, { recursive: true, force: true });
  });

  const leader = async (): Promise<RunningMember> => {
    let found: RunningMember | undefined;
    await until(() => {
      found = members.find((member) => member.status().isLeader);
      return members.every((member) => member.status().leaderId === found?.id);
    }, "a leader that all follow");
    return found as RunningMember;
  };
  const follower = async (): Promise<number> => (members.indexOf(await leader()) === 2 ? 1 : 2);
  /** All hold the same, and go on. */
  const agree = async (): Promise<void> => {
    const leading = await leader();
    equal((await put(leading, "more")).kind, "applied");
    const { revision } = leading.store;
    const hashes = [];
    for (const member of members) {
      equal((await member.readBarrier()).kind, "ready");
      const hash = await member.stateHash(member.id, { revision });
      hashes.push(hash.kind === "hash" ? hash.hash : hash.kind);
    }
    equal(new Set(hashes).size, 1, hashes.join(" "));
  };

  it("gets the leader's while it runs, and keeps the old one aside", async () => {
    const at = await follower();
    await members[at]?.stop();
    await corrupt(store(at));
    const member = await start(at);
    equal(read(member, "key-3")?.value, "wrong");
    equal((await member.replaceState()).kind, "replaced");
    equal(read(member, "key-3")?.value, "right");
    await agree();
    await until(() => existsSync(setAside(at)), "what was set aside");
    await member.stop();
    deepEqual((await readdir(setAside(at))).sort(), ["checkpoint", "data.mdb", "lock.mdb"]);
    ok(readFileSync(join(setAside(at), "data.mdb")).includes("wrong"));
    await start(at);
    await agree();
  });

  it("gives its leadership away for that", async () => {
    const leading = await leader();
    equal((await leading.replaceState()).kind, "replaced");
    ok((await leader()) !== leading);
    await agree();
  });

  it("has it again before it starts when the file was cut short, and when it is gone", async () => {
    const at = await follower();
    for (const what of ["cut", "gone", "behind"]) {
      await members[at]?.stop();
      if (what === "gone") rmSync(store(at), { recursive: true });
      else if (what === "behind") {
        rmSync(store(at), { recursive: true });
        cpSync(join(home, "copy"), store(at), { recursive: true });
      } else {
        cpSync(store(at), join(home, "copy"), { recursive: true });
        const [generation = ""] = (await readdir(store(at))).filter((name) => /^gen/.test(name));
        truncateSync(join(store(at), generation, "data.mdb"), 8192);
      }
      const leading = await leader().catch(() => members.find((one) => one.status().isLeader));
      for (let more = 0; more < 60; more++) await put(leading as RunningMember, `${what}-${more}`);
      const member = await start(at);
      equal(read(member, "key-3")?.value, "right", what);
      equal(read(member, `${what}-0`)?.value, "v", what);
      await agree();
    }
  });

  it("has it from the one that has it, when two of three have lost theirs", async () => {
    for (let round = 0; round < 3; round++) {
      const lost = [round % 3, (round + 1) % 3];
      await Promise.all(lost.map((at) => members[at]?.stop()));
      for (const at of lost) rmSync(store(at), { recursive: true });
      await Promise.all(lost.map(start));
      for (const at of lost) equal(read(members[at] as RunningMember, "key-3")?.value, "right");
      await agree();
    }
  });

  it("is refused where nobody else has the data", async () => {
    const dataDir = join(home, "alone");
    const [port = 0] = await freePorts(1);
    const peerUrl = `http://127.0.0.1:${port}`;
    const alone = () =>
      startMember({
        ...{ name: "alone", dataDir, listenPeerUrl: peerUrl },
        ...{ initialCluster: [{ name: "alone", peerUrl }], electionMs: 500 },
      });
    await (await alone()).stop();
    truncateSync(join(dataDir, "member", "db", "generation-1", "data.mdb"), 4096);
    await rejects(alone(), { name: "BackendError", code: "damaged" });
  });
});
