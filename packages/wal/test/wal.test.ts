import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { nodeDisk } from "../src/disk.ts";
import { WalError } from "../src/errors.ts";
import type { Recovered } from "../src/recover.ts";
import { openWal } from "../src/wal.ts";
import {
  configuration,
  emptyModel,
  entryOf,
  MemoryDisk,
  type Model,
  options,
  randomBatch,
  seeds,
} from "./fixtures.ts";

function check(recovered: Recovered, model: Model, message: string): void {
  const { term, vote, commit, snapshotIndex } = model;
  deepEqual(recovered.hardState, { term, vote, commit }, message);
  equal(recovered.snapshot.index, snapshotIndex, message);
  deepEqual(recovered.snapshot.configuration, configuration, message);
  deepEqual(recovered.entries, model.entries.slice(snapshotIndex), message);
  equal(recovered.repair, undefined, message);
}

describe("openWal()", () => {
  it("makes a log that says nothing", async () => {
    const { wal, recovered } = await openWal(options, new MemoryDisk());
    check(recovered, emptyModel(), "new");
    equal(new TextDecoder().decode(recovered.metadata), "who");
    await wal.close();
  });

  it("gives back what was appended, over cuts, releases and restarts (60 seeds)", async () => {
    for (const { seed, prng } of seeds(60)) {
      const disk = new MemoryDisk();
      const model = emptyModel();
      for (let life = 0; life < 4; life++) {
        const { wal, recovered } = await openWal(options, disk);
        check(recovered, model, `seed=${seed} life=${life}`);
        for (let step = 0; step < 30; step++) {
          const batch = randomBatch(prng, model);
          const appended = wal.append(batch);
          if (prng.chance(0.7)) await appended;
          if (batch.snapshot !== undefined) {
            await appended;
            await wal.release(batch.snapshot.index);
          }
        }
        await wal.close();
      }
      ok(disk.files.size >= 1, `seed=${seed}`);
    }
  });

  it("keeps a snapshot readable when the file it was written to is released", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal({ ...options, segmentBytes: 1024 }, disk);
    const prng = new Prng(1);
    for (let index = 1; index <= 20; index++) {
      await wal.append({
        hardState: { term: 1, vote: "a1", commit: index },
        entries: [entryOf(index, 1, prng, 300)],
        snapshot: { index, term: 1, configuration },
        mustSync: true,
      });
      await wal.release(index);
      const { recovered } = await openWal(options, disk.copy());
      equal(recovered.snapshot.index, index);
    }
    equal(disk.files.size, 1);
    await wal.close();
  });

  it("discards entries that a foreign snapshot contradicts, and keeps those it agrees with", async () => {
    for (const [term, left] of [
      [1, 3],
      [2, 0],
    ] as const) {
      const disk = new MemoryDisk();
      const { wal } = await openWal(options, disk);
      const prng = new Prng(term);
      const entries = [1, 2, 3, 4, 5].map((index) => entryOf(index, 1, prng));
      await wal.append({
        hardState: { term: 2, vote: "", commit: 2 },
        entries,
        snapshot: { index: 0, term: 0, configuration },
        mustSync: true,
      });
      await wal.append({ snapshot: { index: 2, term, configuration }, mustSync: true });
      await wal.close();
      const { recovered } = await openWal(options, disk);
      equal(recovered.entries.length, left, `snapshot of term ${term}`);
      equal(recovered.hardState.commit, 2);
    }
  });

  it("refuses a log with a missing file", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal({ ...options, segmentBytes: 512 }, disk);
    const prng = new Prng(7);
    for (let index = 1; index <= 20; index++) {
      await wal.append({ entries: [entryOf(index, 1, prng)], mustSync: true });
    }
    await wal.close();
    const second = [...disk.files.keys()].sort()[1] as string;
    disk.files.delete(second);
    await rejects(openWal(options, disk), { name: "WalError", code: "corrupt" });
  });

  it("refuses a log that ends before its commit index", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal({ ...options, segmentBytes: 64 }, disk);
    const hardState = { term: 1, vote: "", commit: 1 };
    await wal.append({ hardState, entries: [entryOf(1, 1, new Prng(1))], mustSync: true });
    await wal.close();
    const [first] = [...disk.files.keys()].sort();
    disk.files.delete(first as string); // The second file's head still says commit 1.
    await rejects(openWal(options, disk), { code: "corrupt" });
  });
});

describe("Wal.append()", () => {
  it("writes what arrives during a write as one batch, and resolves in order", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal(options, disk);
    const prng = new Prng(3);
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    disk.writes = 0;
    const order: number[] = [];
    const all = Array.from({ length: 10 }, (_, at) =>
      wal
        .append({ entries: [entryOf(at + 1, 1, prng, 50)], mustSync: at % 3 !== 2 })
        .then(() => order.push(at)),
    );
    equal(disk.writes, 1);
    equal(order.length, 0);
    open();
    await Promise.all(all);
    equal(disk.writes, 2, "the first one's, and one for the other nine");
    deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await wal.close();
    equal((await openWal(options, disk)).recovered.entries.length, 10);
  });

  it("lets a commit index wait for the next write, and for close", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal(options, disk);
    await wal.append({
      hardState: { term: 1, vote: "", commit: 0 },
      entries: [1, 2, 3].map((index) => entryOf(index, 1, new Prng(index))),
      mustSync: true,
    });
    disk.writes = 0;
    for (const commit of [1, 2, 3]) {
      await wal.append({ hardState: { term: 1, vote: "", commit }, mustSync: false });
    }
    equal(disk.writes, 0);
    await wal.close();
    equal(disk.writes, 1);
    equal((await openWal(options, disk)).recovered.hardState.commit, 3);
  });

  it("is dead after a failed write, even when the disk recovers", async () => {
    const disk = new MemoryDisk();
    const { wal } = await openWal(options, disk);
    const batch = { entries: [entryOf(1, 1, new Prng(1))], mustSync: true };
    disk.failing = true;
    const both = [wal.append(batch), wal.append({ mustSync: true })];
    for (const appended of await Promise.allSettled(both)) {
      equal(appended.status, "rejected");
      ok(appended.reason instanceof WalError);
      equal(appended.reason.code, "syncFailed");
    }
    disk.failing = false;
    await rejects(wal.append(batch), { code: "syncFailed" });
    await wal.close();
    equal((await openWal(options, disk)).recovered.entries.length, 0);
  });

  it("refuses to append after close", async () => {
    const { wal } = await openWal(options, new MemoryDisk());
    await wal.close();
    await rejects(wal.append({ mustSync: true }), { code: "closed" });
  });
});

describe("the log on a real disk", () => {
  it("survives restarts with several files (seed 11)", async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-wal-"));
    try {
      const prng = new Prng(11);
      const model = emptyModel();
      for (let life = 0; life < 3; life++) {
        const { wal, recovered } = await openWal({ ...options, directory }, nodeDisk);
        check(recovered, model, `life=${life}`);
        for (let step = 0; step < 25; step++) await wal.append(randomBatch(prng, model));
        await wal.close();
      }
      ok((await readdir(directory)).length > 1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
