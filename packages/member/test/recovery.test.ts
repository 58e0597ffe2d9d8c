import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createMemoryBackend, openLmdbBackend } from "@flotilla/backend";
import { silentLogger, utf8 } from "@flotilla/base";
import { createStore, type DurableBackend, putRequest } from "@flotilla/store";
import { openWal } from "@flotilla/wal";
import { openDataDirectory } from "../src/data-directory.ts";
import { foundCluster, foundingConfiguration } from "../src/identity.ts";
import { SnapshotFiles } from "../src/snapshot-files.ts";
import { startMember } from "../src/start-member.ts";
import { read } from "./fixtures.ts";

const initialCluster = [{ name: "m1", peerUrl: "http://127.0.0.1:1" }];
const founding = foundCluster("m1", initialCluster, "etcd-cluster");
const configuration = foundingConfiguration(founding.founders);

/** Brings a backend to entry `index`. */
function applyTo(backend: DurableBackend, index: number): void {
  const entries = Array.from({ length: index }, (_, at) => ({
    index: at + 1,
    term: 1,
    proposal: {
      session: 1n,
      openedAt: 0,
      sequence: at + 1,
      settledBelow: 1,
      onlyInTerm: 0,
      command: { kind: "put", request: putRequest(utf8(`k${at + 1}`), utf8("v")) } as const,
    },
  }));
  createStore(backend).apply(entries);
}

describe("a data directory", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "flotilla-data-"));
    const { close } = await openDataDirectory(dataDir, founding, silentLogger);
    await close();
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const log = async () => {
    const directory = join(dataDir, "member", "wal");
    return (await openWal({ directory, metadata: utf8(""), configuration })).wal;
  };
  const reopen = () => openDataDirectory(dataDir, founding, silentLogger);

  it("is finished when the member was killed between log and store of a snapshot", async () => {
    const source = createMemoryBackend();
    applyTo(source, 5);
    const snapshot = { index: 5, term: 1, configuration };
    const files = await SnapshotFiles.open(join(dataDir, "member", "snap"));
    await files.receive(snapshot, source.snapshot());
    const wal = await log();
    await wal.append({ hardState: { term: 1, vote: "", commit: 5 }, snapshot, mustSync: true });
    await wal.close();

    const { store, engineState, close } = await reopen();
    equal(store.appliedIndex, 5);
    equal(engineState.snapshot.index, 5);
    deepEqual(await readdir(join(dataDir, "member", "snap")), [], "it is not needed any more");
    await close();
  });

  it("ignores a snapshot that was not received completely", async () => {
    await appendFile(
      join(dataDir, "member", "snap", "0000000000000001-0000000000000005.snap.tmp"),
      "x",
    );
    const { store, close } = await reopen();
    equal(store.appliedIndex, 0);
    await close();
    deepEqual(await readdir(join(dataDir, "member", "snap")), []);
  });

  it("keeps nothing of a snapshot that broke off", async () => {
    const directory = join(dataDir, "member", "snap");
    const files = await SnapshotFiles.open(directory);
    async function* breaking() {
      yield new Uint8Array(100);
      throw new Error("broke off");
    }
    const received = files.receive({ index: 5, term: 1, configuration }, breaking());
    await rejects(received, /broke off/);
    deepEqual(await readdir(directory), []);
  });

  it("is refused when the log starts after the store ends", async () => {
    const wal = await log();
    const snapshot = { index: 5, term: 1, configuration };
    await wal.append({ hardState: { term: 1, vote: "", commit: 5 }, snapshot, mustSync: true });
    await wal.close();
    await rejects(reopen(), { name: "MemberError", code: "snapshotMissing" });
  });

  it("is refused when the store is ahead of the log", async () => {
    const backend = openLmdbBackend({ directory: join(dataDir, "member", "db") });
    applyTo(backend, 3);
    await backend.close();
    await rejects(reopen(), { name: "MemberError", code: "stateAhead" });
  });

  it("takes what the store has applied as committed", async () => {
    const wal = await log();
    const entries = [1, 2, 3].map((index) => ({
      index,
      term: 1,
      kind: "noop" as const,
      data: utf8(""),
    }));
    await wal.append({ hardState: { term: 1, vote: "", commit: 0 }, entries, mustSync: true });
    await wal.close();
    const backend = openLmdbBackend({ directory: join(dataDir, "member", "db") });
    applyTo(backend, 2);
    await backend.close();
    const { engineState, close } = await reopen();
    equal(engineState.hardState.commit, 2);
    equal(engineState.appliedIndex, 2);
    await close();
  });

  it("warns of a write that a crash cut off", async () => {
    const wal = await log();
    const entries = [
      { index: 1, term: 1, kind: "command" as const, data: new Uint8Array(900).fill(1) },
    ];
    await wal.append({ hardState: { term: 1, vote: "", commit: 0 }, entries, mustSync: true });
    await wal.close();
    const [name] = await readdir(join(dataDir, "member", "wal"));
    await truncate(join(dataDir, "member", "wal", name as string), 600);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    const { engineState, close } = await openDataDirectory(dataDir, founding, logger);
    equal(engineState.entries.length, 0);
    deepEqual(warnings, ["an unfinished write was cut off the log"]);
    await close();
  });
});

describe("a member that is killed", () => {
  it("has everything that it acknowledged when it starts again (5 kills)", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "flotilla-kill-"));
    try {
      for (let kill = 0; kill < 5; kill++) {
        const child = fork(new URL("./writer.js", import.meta.url), [dataDir, `${kill}`]);
        let acknowledged = 0;
        child.on("message", (count: number) => {
          acknowledged = count;
          if (count >= 60 + 37 * kill) child.kill("SIGKILL");
        });
        await once(child, "exit");
        ok(acknowledged > 0);
        const member = await startMember({
          name: "m1",
          dataDir,
          listenPeerUrl: "http://127.0.0.1:0",
          initialCluster,
          heartbeatMs: 20,
          electionMs: 100,
        });
        deepEqual(await member.readBarrier(), { kind: "ready" });
        for (let at = 1; at <= acknowledged; at++) {
          equal(read(member, `${kill}/${at}`)?.version, 1, `kill ${kill}, write ${at}`);
        }
        await member.stop();
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
