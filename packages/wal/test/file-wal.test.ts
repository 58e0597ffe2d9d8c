import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { WalError } from "../src/errors.ts";
import { FakeDisk } from "./fake-disk.ts";
import { append, close, configuration, entryOf, open, release, seeds } from "./fixtures.ts";

const hint = (commit: number) => ({ hardState: { term: 1, vote: "", commit }, mustSync: false });
const three = {
  hardState: { term: 1, vote: "", commit: 0 },
  entries: [1, 2, 3].map((index) => entryOf(index, 1, new Prng(index))),
  mustSync: true,
};

/** A log with so many entries, each in a file of its own. */
function manyFiles(count: number) {
  const disk = new FakeDisk();
  const { wal } = open(disk, { segmentBytes: 64, stepBytes: 512 });
  for (let index = 1; index <= count; index++) {
    append(disk, wal, { entries: [entryOf(index, 1, new Prng(index))], mustSync: true });
  }
  const snapshot = { index: count, term: 1, configuration };
  append(disk, wal, { snapshot, mustSync: true });
  const files = () => Object.keys(disk.files).sort();
  return { disk, wal, files };
}

describe("Wal.append()", () => {
  it("writes what arrives during a write as one batch, and ends in order", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    const prng = new Prng(3);
    const before = disk.count("write");
    const order: number[] = [];
    for (let at = 0; at < 10; at++) {
      const entries = [entryOf(at + 1, 1, prng, 50)];
      wal.append({ entries, mustSync: at % 3 !== 2 }, () => order.push(at));
    }
    equal(disk.count("write") - before, 1);
    deepEqual(order, []);
    disk.drain();
    equal(disk.count("write") - before, 2, "the first one's, and one for the other nine");
    deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    close(disk, wal);
    equal(open(disk).recovered.entries.length, 10);
  });

  it("starts the next write before it tells whom the last one was for", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    const writes: number[] = [];
    for (let at = 0; at < 2; at++) {
      wal.append({ mustSync: true }, () => writes.push(disk.count("write")));
    }
    const first = disk.count("write");
    disk.drain();
    deepEqual(writes, [first + 1, first + 1]);
  });

  it("never ends before it has returned, and in the order of the calls (300 seeds)", () => {
    for (const { seed, prng } of seeds(300)) {
      const disk = new FakeDisk();
      const { wal } = open(disk, { segmentBytes: 512, stepBytes: 512 });
      let isInside = false;
      const order: number[] = [];
      const calls: number[] = [];
      const call = (start: (done: () => void) => void, isOrdered = true) => {
        const number = calls.length;
        if (isOrdered) calls.push(number);
        isInside = true;
        start(() => {
          ok(!isInside, `seed=${seed}`);
          if (isOrdered) order.push(number);
        });
        isInside = false;
      };
      for (let step = 0; step < 40; step++) {
        if (prng.chance(0.03)) disk.failing = "write";
        if (prng.chance(0.02)) call((done) => wal.close(done), false);
        const what = prng.below(4);
        if (what === 0) call((done) => wal.append({ mustSync: true }, done));
        else if (what === 1) call((done) => wal.append({ mustSync: false }, done));
        else if (what === 2) call((done) => wal.release(prng.below(3), done), false);
        else for (let count = prng.below(4); count > 0; count--) disk.step();
      }
      disk.drain();
      deepEqual(order, calls, `seed=${seed}`);
    }
  });

  it("lets a commit index wait for the next write, and for close", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    append(disk, wal, three);
    const before = disk.count("write");
    for (const commit of [1, 2, 3]) append(disk, wal, hint(commit));
    append(disk, wal, { mustSync: false });
    equal(disk.count("write"), before);
    close(disk, wal);
    equal(disk.count("write"), before + 1);
    equal(open(disk).recovered.hardState.commit, 3);
  });

  it("does not write for a commit index that arrived during a write", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    append(disk, wal, three);
    const before = disk.count("write");
    wal.append({ mustSync: true }, () => {});
    let isEnded = false;
    wal.append(hint(2), () => {
      isEnded = true;
    });
    disk.drain();
    ok(isEnded);
    equal(disk.count("write"), before + 1);
    close(disk, wal);
    equal(open(disk).recovered.hardState.commit, 2);
  });

  it("keeps for good that the server was left behind", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    append(disk, wal, three);
    const hardState = { term: 1, vote: "", commit: 0, supersededBy: 7 };
    append(disk, wal, { hardState, mustSync: true });
    deepEqual(open(new FakeDisk(disk.files)).recovered.hardState, hardState);
  });

  it("is dead after a failed write, even when the disk recovers (trap T33)", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    disk.failing = "write";
    const errors: (WalError | undefined)[] = [];
    for (let at = 0; at < 2; at++) wal.append(three, (error) => errors.push(error));
    disk.drain();
    deepEqual(
      errors.map((error) => error?.code),
      ["syncFailed", "syncFailed"],
    );
    disk.failing = "";
    const before = disk.started.length;
    throws(() => append(disk, wal, three), { code: "syncFailed" });
    throws(() => release(disk, wal, 1), { code: "syncFailed" });
    equal(disk.started.length, before, "and never a second attempt");
    close(disk, wal);
    equal(open(disk).recovered.entries.length, 0);
  });

  it("is dead after a failed cut, too, and what was written before is acknowledged", () => {
    for (const failing of ["truncate", "open", "rename", "syncDirectory"]) {
      const disk = new FakeDisk();
      const { wal } = open(disk, { segmentBytes: 64 });
      disk.failing = failing;
      append(disk, wal, three);
      throws(() => append(disk, wal, { mustSync: true }), { code: "syncFailed" });
    }
  });

  it("refuses to append after close, and closes once", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    close(disk, wal);
    close(disk, wal);
    equal(disk.count("close"), 2, "the new file's first handle, and the log's");
    throws(() => append(disk, wal, { mustSync: true }), { code: "closed" });
  });

  it("says at close when what still waited could not be written", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk);
    append(disk, wal, three);
    append(disk, wal, hint(2));
    disk.failing = "write";
    throws(() => close(disk, wal), { code: "syncFailed" });
  });
});

describe("Wal.release()", () => {
  it("deletes what lies below, the oldest first, each for good (trap T34)", () => {
    const { disk, wal, files } = manyFiles(5);
    equal(files().length, 7);
    const before = disk.started.length;
    release(disk, wal, 3);
    deepEqual(
      disk.started.slice(before),
      Array.from({ length: 3 }, () => ["remove", "syncDirectory"]).flat(),
    );
    equal(files().length, 4);
    equal(open(new FakeDisk(disk.files)).recovered.snapshot.index, 5);
  });

  it("deletes one file at a time, also when asked again meanwhile", () => {
    const { disk, wal, files } = manyFiles(5);
    const ended: number[] = [];
    const before = disk.count("remove");
    for (const index of [2, 4, 4]) wal.release(index, () => ended.push(index));
    equal(disk.count("remove"), before + 1);
    disk.drain();
    deepEqual(ended.sort(), [2, 4, 4]);
    equal(files().length, 3);
  });

  it("tries again what it could not delete, and leaves no hole", () => {
    const { disk, wal, files } = manyFiles(5);
    disk.failing = "remove";
    throws(() => release(disk, wal, 4), { code: "diskFailed" });
    equal(files().length, 7);
    disk.failing = "";
    release(disk, wal, 4);
    equal(files().length, 3);
  });

  it("is waited for by close", () => {
    const { disk, wal } = manyFiles(3);
    const order: string[] = [];
    wal.release(3, () => order.push("released"));
    wal.close(() => order.push("closed"));
    disk.drain();
    deepEqual(order, ["released", "closed"]);
  });
});
