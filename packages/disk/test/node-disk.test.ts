import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { type DiskFile, type Done, openWal, type Recovered, type Wal } from "@flotilla/wal";
import { inlineBytesMax } from "../src/inline-writes.ts";
import { nodeDisk } from "../src/node-disk.ts";

/** One operation as a promise; fails when it ends before it has returned. */
function ended<Value>(start: (done: Done<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    let hasReturned = false;
    start((error, value) => {
      if (!hasReturned) reject(new Error("ended before it has returned"));
      else if (error === undefined) resolve(value);
      else reject(error);
    });
    hasReturned = true;
  });
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: NodeJS.ErrnoException) => error.code,
  );

describe("nodeDisk", () => {
  let home = "";
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-disk-"));
  });
  after(() => rm(home, { recursive: true }));

  it("writes, cuts, renames, lists, reads and removes", async () => {
    const directory = `${home}/a/b`;
    await ended<void>((done) => nodeDisk.makeDirectory(directory, done));
    await ended<void>((done) => nodeDisk.makeDirectory(directory, done));
    const file = await ended<DiskFile>((done) => nodeDisk.open(`${directory}/new`, done));
    await ended<void>((done) => file.write(Uint8Array.of(1, 2, 3, 4), 2, done));
    await ended<void>((done) => file.write(Uint8Array.of(9), 0, done));
    await ended<void>((done) => file.truncate(5, done));
    await ended<void>((done) => file.close(done));
    await ended<void>((done) => nodeDisk.rename(`${directory}/new`, `${directory}/old`, done));
    await ended<void>((done) => nodeDisk.syncDirectory(directory, done));
    deepEqual(await ended<readonly string[]>((done) => nodeDisk.list(directory, done)), ["old"]);
    const bytes = await ended<Uint8Array>((done) => nodeDisk.read(`${directory}/old`, done));
    deepEqual(bytes, Uint8Array.of(9, 0, 1, 2, 3));
    equal(bytes.constructor, Uint8Array);
    await ended<void>((done) => nodeDisk.remove(`${directory}/old`, done));
    await ended<void>((done) => nodeDisk.remove(`${directory}/old`, done));
    deepEqual(await readdir(directory), []);
  });

  it("writes what is short and what is long, by whichever way", async () => {
    const path = `${home}/sizes`;
    const file = await ended<DiskFile>((done) => nodeDisk.open(path, done));
    const sizes = [1, inlineBytesMax, inlineBytesMax + 1, 3 * inlineBytesMax, 2];
    let offset = 0;
    for (const [at, size] of sizes.entries()) {
      const bytes = new Uint8Array(size).fill(at + 1);
      await ended<void>((done) => file.write(bytes, offset, done));
      offset += size;
    }
    await ended<void>((done) => file.close(done));
    const expected = sizes.flatMap((size, at) => new Array<number>(size).fill(at + 1));
    deepEqual([...(await readFile(path))], expected);
    for (const size of [1, inlineBytesMax + 1]) {
      const late = ended<void>((done) => file.write(new Uint8Array(size), 0, done));
      equal(await codeOf(late), "EBADF");
    }
  });

  it("reports a full disk, by whichever way", { skip: !existsSync("/dev/full") }, async () => {
    const file = await ended<DiskFile>((done) => nodeDisk.open("/dev/full", done));
    for (const size of [1, inlineBytesMax + 1]) {
      const write = ended<void>((done) => file.write(new Uint8Array(size), 0, done));
      equal(await codeOf(write), "ENOSPC", `${size} bytes`);
    }
    await ended<void>((done) => file.close(done));
  });

  it("opens what is there without changing it", async () => {
    const path = `${home}/kept`;
    for (const text of ["first", "second"]) {
      const file = await ended<DiskFile>((done) => nodeDisk.open(path, done));
      if (text === "first") {
        await ended<void>((done) => file.write(new TextEncoder().encode(text), 0, done));
      }
      await ended<void>((done) => file.close(done));
    }
    equal(await readFile(path, "utf8"), "first");
  });

  it("reports what the system reports", async () => {
    const absent = `${home}/absent`;
    equal(await codeOf(ended((done) => nodeDisk.list(absent, done))), "ENOENT");
    equal(await codeOf(ended((done) => nodeDisk.read(absent, done))), "ENOENT");
    equal(await codeOf(ended((done) => nodeDisk.open(`${absent}/file`, done))), "ENOENT");
    equal(await codeOf(ended((done) => nodeDisk.rename(absent, `${home}/x`, done))), "ENOENT");
    equal(await codeOf(ended((done) => nodeDisk.syncDirectory(absent, done))), "ENOENT");
  });

  it("defers a callback for a moment", async () => {
    await ended<void>((done) => nodeDisk.defer(() => done(undefined)));
  });
});

describe("a log on this machine's disk", () => {
  it("survives restarts with several files", async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-wal-"));
    const voters = [{ id: "a1", votes: 1 }];
    const configuration = { voters, learners: [], outgoing: [] };
    const options = { directory, metadata: Uint8Array.of(1), configuration };
    try {
      const expected: Recovered["entries"][number][] = [];
      const prng = new Prng(11);
      for (let life = 0; life < 3; life++) {
        const { wal, recovered } = await openLog({
          ...options,
          segmentBytes: 4096,
          stepBytes: 1024,
        });
        deepEqual(recovered.entries, expected, `life=${life}`);
        for (let step = 0; step < 25; step++) {
          const data = new Uint8Array(prng.between(1, 500)).fill(step + 1);
          const index = expected.length + 1;
          expected.push({ index, term: 1, kind: "command", data });
          const hardState = { term: 1, vote: "a1", commit: index };
          const batch = { hardState, entries: expected.slice(-1), mustSync: true };
          await ended<void>((done) => wal.append(batch, (error) => done(error)));
        }
        await ended<void>((done) => wal.close((error) => done(error)));
      }
      ok((await readdir(directory)).length > 1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

function openLog(options: Parameters<typeof openWal>[0]) {
  return new Promise<{ wal: Wal; recovered: Recovered }>((resolve, reject) => {
    openWal(options, nodeDisk, (opened) => {
      if (opened.kind === "opened") resolve(opened);
      else reject(opened.error);
    });
  });
}
