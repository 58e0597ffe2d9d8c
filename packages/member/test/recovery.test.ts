import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createMemoryBackend, openLmdbBackend } from "@flotilla/backend";
import { silentLogger, utf8 } from "@flotilla/base";
import type { SnapshotSink } from "@flotilla/replica";
import { createStore, type DurableBackend, putRequest } from "@flotilla/store";
import { asFounder } from "../src/beginning.ts";
import { openDataDirectory } from "../src/data-directory.ts";
import { foundCluster, foundingConfiguration } from "../src/identity.ts";
import { appendToLog, closeLog, openLog } from "../src/log-directory.ts";
import { SnapshotFiles } from "../src/snapshot-files.ts";
import { startMember } from "../src/start-member.ts";
import { read, until } from "./fixtures.ts";

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

/** Does one step of a sink to its end. */
const ended = (step: (done: (error: unknown) => void) => void) =>
  new Promise<void>((resolve, reject) =>
    step((error) => (error === undefined ? resolve() : reject(error))),
  );

async function fill(sink: SnapshotSink, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of content) await ended((done) => sink.write(piece, done));
  await ended((done) => sink.finish(done));
}

describe("a data directory", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "flotilla-data-"));
    const { close } = await openDataDirectory(dataDir, asFounder(founding), silentLogger);
    await close();
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const log = async () => {
    const begin = () => Promise.reject(new Error("there is one"));
    return (await openLog(join(dataDir, "member", "wal"), begin)).wal;
  };
  const reopen = () => openDataDirectory(dataDir, asFounder(founding), silentLogger);

  it("is finished when the member was killed between log and store of a snapshot", async () => {
    const source = createMemoryBackend();
    applyTo(source, 5);
    const snapshot = { index: 5, term: 1, configuration };
    const files = await SnapshotFiles.open(join(dataDir, "member", "snap"));
    await fill(files.receive(snapshot), source.snapshot());
    const wal = await log();
    await appendToLog(wal, {
      hardState: { term: 1, vote: "", commit: 5 },
      snapshot,
      mustSync: true,
    });
    await closeLog(wal);

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
    const sink = files.receive({ index: 5, term: 1 });
    await ended((done) => sink.write(new Uint8Array(100), done));
    sink.abort();
    await until(async () => (await readdir(directory)).length === 0, "the end of the file");
    equal(files.find({ index: 5, term: 1 }), undefined);
  });

  it("keeps nothing of a snapshot that could not be finished", async () => {
    const directory = join(dataDir, "member", "snap");
    const files = await SnapshotFiles.open(directory);
    const name = "0000000000000001-0000000000000005.snap";
    await mkdir(join(directory, name)); // A file cannot take its place.
    const sink = files.receive({ index: 5, term: 1 });
    await ended((done) => sink.write(new Uint8Array(100), done));
    await rejects(ended((done) => sink.finish(done)));
    const left = async () => (await readdir(directory)).filter((other) => other !== name);
    await until(async () => (await left()).length === 0, "the end of the file");
  });

  it("keeps a snapshot that came after the one that is installed", async () => {
    const directory = join(dataDir, "member", "snap");
    const files = await SnapshotFiles.open(directory);
    for (const index of [5, 9])
      await ended((done) => files.receive({ index, term: 1 }).finish(done));
    await files.clear(5);
    equal(files.find({ index: 5, term: 1 }), undefined);
    equal(await files.find({ index: 9, term: 1 })?.sizeBytes(), 0);
  });

  it("is finished when a witness was killed between log and store of a snapshot", async () => {
    const files = await SnapshotFiles.open(join(dataDir, "member", "snap"));
    const snapshot = { index: 7, term: 3, configuration };
    await ended((done) => files.receive(snapshot).finish(done));
    const wal = await log();
    await appendToLog(wal, {
      hardState: { term: 3, vote: "", commit: 7 },
      snapshot,
      mustSync: true,
    });
    await closeLog(wal);
    const { store, close } = await reopen();
    deepEqual([store.appliedIndex, store.appliedTerm, store.revision], [7, 3, 1]);
    await close();
  });

  it("is refused when the log starts after the store ends", async () => {
    const wal = await log();
    const snapshot = { index: 5, term: 1, configuration };
    await appendToLog(wal, {
      hardState: { term: 1, vote: "", commit: 5 },
      snapshot,
      mustSync: true,
    });
    await closeLog(wal);
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
    await appendToLog(wal, {
      hardState: { term: 1, vote: "", commit: 0 },
      entries,
      mustSync: true,
    });
    await closeLog(wal);
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
    await appendToLog(wal, {
      hardState: { term: 1, vote: "", commit: 0 },
      entries,
      mustSync: true,
    });
    await closeLog(wal);
    const [name] = await readdir(join(dataDir, "member", "wal"));
    await truncate(join(dataDir, "member", "wal", name as string), 600);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    const { engineState, close } = await openDataDirectory(dataDir, asFounder(founding), logger);
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
