import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Recovered } from "../src/contract.ts";
import { FakeDisk } from "./fake-disk.ts";
import {
  append,
  close,
  configuration,
  emptyModel,
  end,
  entryOf,
  type Model,
  open,
  randomBatch,
  release,
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
  it("makes a log that says nothing", () => {
    const disk = new FakeDisk();
    const { wal, recovered } = open(disk);
    check(recovered, emptyModel(), "new");
    equal(new TextDecoder().decode(recovered.metadata), "who");
    close(disk, wal);
  });

  it("gives back what was appended, over cuts, releases and restarts (60 seeds)", () => {
    for (const { seed, prng } of seeds(60)) {
      const disk = new FakeDisk();
      const model = emptyModel();
      for (let life = 0; life < 4; life++) {
        const { wal, recovered } = open(disk);
        check(recovered, model, `seed=${seed} life=${life}`);
        let released = 0;
        for (let step = 0; step < 30; step++) {
          const { snapshot, ...batch } = randomBatch(prng, model);
          end(disk, (done) => {
            wal.append({ ...batch, snapshot }, snapshot === undefined ? done : () => {});
            if (snapshot !== undefined) wal.append({ mustSync: true }, done);
          });
          if (snapshot !== undefined) release(disk, wal, snapshot.index);
          released += disk.count("remove");
        }
        close(disk, wal);
        ok(released > 0, `seed=${seed}`);
      }
    }
  });

  it("keeps a snapshot readable when the file it was written to is released", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk, { segmentBytes: 1024 });
    const prng = new Prng(1);
    for (let index = 1; index <= 20; index++) {
      append(disk, wal, {
        hardState: { term: 1, vote: "a1", commit: index },
        entries: [entryOf(index, 1, prng, 300)],
        snapshot: { index, term: 1, configuration },
        mustSync: true,
      });
      release(disk, wal, index);
      const { recovered } = open(new FakeDisk(disk.files));
      equal(recovered.snapshot.index, index);
    }
    equal(Object.keys(disk.files).length, 1);
    close(disk, wal);
  });

  it("discards entries that a foreign snapshot contradicts, and keeps those it agrees with", () => {
    for (const [term, left] of [
      [1, 3],
      [2, 0],
    ] as const) {
      const disk = new FakeDisk();
      const { wal } = open(disk);
      const prng = new Prng(term);
      const entries = [1, 2, 3, 4, 5].map((index) => entryOf(index, 1, prng));
      append(disk, wal, {
        hardState: { term: 2, vote: "", commit: 2 },
        entries,
        snapshot: { index: 0, term: 0, configuration },
        mustSync: true,
      });
      append(disk, wal, { snapshot: { index: 2, term, configuration }, mustSync: true });
      close(disk, wal);
      const { recovered } = open(disk);
      equal(recovered.entries.length, left, `snapshot of term ${term}`);
      equal(recovered.hardState.commit, 2);
    }
  });

  it("refuses a log with a missing file", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk, { segmentBytes: 512 });
    const prng = new Prng(7);
    for (let index = 1; index <= 20; index++) {
      append(disk, wal, { entries: [entryOf(index, 1, prng)], mustSync: true });
    }
    close(disk, wal);
    const [first, , ...rest] = Object.entries(disk.files).sort();
    const holed = new FakeDisk(Object.fromEntries([first, ...rest] as [string, Uint8Array][]));
    throws(() => open(holed), { name: "WalError", code: "corrupt" });
  });

  it("refuses a log whose last file has lost its head, rather than write behind that", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk, { segmentBytes: 64 });
    append(disk, wal, { entries: [entryOf(1, 1, new Prng(7))], mustSync: true });
    close(disk, wal);
    const [first, last] = Object.entries(disk.files).sort() as [string, Uint8Array][];
    ok(first !== undefined && last !== undefined);
    for (const rest of [new Uint8Array(0), new Uint8Array(last[1].length)]) {
      const lost = new FakeDisk(Object.fromEntries([first, [last[0], rest]]));
      const facts = { name: "WalError", code: "corrupt", message: /it has no head/ };
      throws(() => open(lost), facts);
    }
  });

  it("refuses a log that ends before its commit index", () => {
    const disk = new FakeDisk();
    const { wal } = open(disk, { segmentBytes: 64 });
    const hardState = { term: 1, vote: "", commit: 1 };
    append(disk, wal, { hardState, entries: [entryOf(1, 1, new Prng(1))], mustSync: true });
    close(disk, wal);
    // The second file's head still says commit 1.
    const [, ...rest] = Object.entries(disk.files).sort();
    throws(() => open(new FakeDisk(Object.fromEntries(rest))), { code: "corrupt" });
  });

  it("starts a new member's log with nobody in it, and goes on from a snapshot", () => {
    const disk = new FakeDisk();
    const blank = { voters: [], learners: [], outgoing: [], epoch: 2 };
    const { wal } = open(disk, { configuration: blank });
    deepEqual(open(new FakeDisk(disk.files)).recovered.snapshot.configuration, blank);
    append(disk, wal, { snapshot: { index: 7, term: 3, configuration }, mustSync: true });
    close(disk, wal);
    const { snapshot } = open(disk).recovered;
    deepEqual(snapshot, { index: 7, term: 3, configuration });
  });

  it("makes the name of its directory durable, too (trap T34)", () => {
    const disk = new FakeDisk();
    open(disk);
    deepEqual(disk.synced, new Set(["/log", "/"]));
  });

  it("says what the disk said when it fails", () => {
    for (const failing of ["makeDirectory", "list", "open", "write", "rename", "syncDirectory"]) {
      const disk = new FakeDisk();
      disk.failing = failing;
      throws(() => open(disk), {
        code: "diskFailed",
        message: `Cannot open the log in "/log": EIO: i/o error, ${failing}`,
      });
    }
  });
});
