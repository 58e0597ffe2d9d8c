import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { DiskFile } from "@flotilla/wal";
import { type Completion, DiskFault, SimulatedDisk } from "../../src/disk/simulated-disk.ts";
import { World } from "../../src/world/world.ts";

/** A disk whose operations end at once when they are waited for. */
class Bench {
  readonly world: World;
  readonly disk: SimulatedDisk;

  constructor(seed: number) {
    this.world = new World(seed);
    this.disk = new SimulatedDisk(
      {
        world: this.world,
        random: new Prng(seed),
        speed: { latencyMinMs: 1, latencyMaxMs: 2, bytesPerMs: 1_000 },
      },
      (completion: Completion) => completion.finish(),
    );
  }

  run(): void {
    this.world.run(this.world.nowMs + 10_000, () => false);
  }

  /** Starts an operation and lets it end; gives its value, or throws its error. */
  wait<Value>(start: (done: (error: unknown, value: Value) => void) => void): Value {
    const ends: { readonly error: unknown; readonly value: Value }[] = [];
    start((error, value) => void ends.push({ error, value }));
    ok(ends.length === 0, "called back before the method has returned");
    this.run();
    const [end, ...more] = ends;
    ok(end !== undefined && more.length === 0, "an operation ends once");
    if (end.error !== undefined) throw end.error;
    return end.value;
  }

  open(path: string): DiskFile {
    return this.wait<DiskFile>((done) => this.disk.open(path, done));
  }

  write(file: DiskFile, bytes: Uint8Array, offset = 0): void {
    this.wait<void>((done) => file.write(bytes, offset, done));
  }

  sync(): void {
    this.wait<void>((done) => this.disk.syncDirectory("member", done));
  }

  read(path: string): Uint8Array {
    return this.wait<Uint8Array>((done) => this.disk.read(path, done));
  }

  list(): readonly string[] {
    return this.wait<readonly string[]>((done) => this.disk.list("member", done));
  }

  errorOf(action: () => unknown): string {
    try {
      action();
    } catch (error) {
      if (error instanceof DiskFault) return error.code;
      throw error;
    }
    return "none";
  }
}

const bytesOf = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

describe("SimulatedDisk", () => {
  it("keeps what was written and synchronised through a crash", () => {
    const bench = new Bench(1);
    const file = bench.open("member/a");
    bench.write(file, bytesOf(700, 1));
    bench.write(file, bytesOf(10, 2), 100);
    bench.sync();
    bench.disk.crash();
    const found = bench.read("member/a");
    equal(found.length, 700);
    deepEqual([found[99], found[100], found[109], found[110]], [1, 2, 2, 1]);
  });

  it("loses names that were not synchronised, but not always (100 seeds)", () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const bench = new Bench(seed);
      bench.write(bench.open("member/old"), bytesOf(1, 1));
      bench.sync();
      bench.open("member/new");
      bench.wait<void>((done) => bench.disk.rename("member/old", "member/moved", done));
      deepEqual([...bench.list()].sort(), ["moved", "new"]);
      bench.disk.crash();
      left.add([...bench.list()].sort().join(" "));
    }
    deepEqual([...left].sort(), ["moved", "moved new", "new old", "old"]);
  });

  it("does not synchronise names that changed after the synchronisation began", () => {
    let isLost = false;
    for (let seed = 0; seed < 50; seed++) {
      const bench = new Bench(seed);
      let hasEnded = false;
      bench.disk.syncDirectory("member", () => {
        hasEnded = true;
      });
      bench.open("member/late");
      ok(hasEnded);
      bench.disk.crash();
      isLost ||= !bench.list().includes("late");
    }
    ok(isLost);
  });

  it("leaves whole sectors of a write that a crash cut short (300 seeds)", () => {
    const patterns = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const bench = new Bench(seed);
      const file = bench.open("member/a");
      bench.write(file, bytesOf(2_048, 1));
      bench.sync();
      let hasEnded = false;
      file.write(bytesOf(1_024, 2), 256, () => {
        hasEnded = true;
      });
      bench.disk.crash();
      bench.run();
      equal(hasEnded, false, `seed=${seed}: an operation of an earlier life has ended`);
      const found = bench.read("member/a");
      const parts = [
        found.subarray(256, 512),
        found.subarray(512, 1024),
        found.subarray(1024, 1280),
      ];
      for (const part of parts)
        ok(
          part.every((byte) => byte === part[0]),
          `seed=${seed}`,
        );
      ok([...found.subarray(0, 256), ...found.subarray(1_280)].every((byte) => byte === 1));
      patterns.add(parts.map((part) => part[0]).join(""));
    }
    equal(patterns.size, 8, "any subset of the three sectors");
  });

  it("ends or drops what was under way when only the process died (50 seeds)", () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const bench = new Bench(seed);
      const file = bench.open("member/a"); // Its name is not synchronised, and stays all the same.
      bench.write(file, bytesOf(1_024, 1));
      file.write(bytesOf(1_024, 2), 0, () => {});
      bench.disk.abandon();
      bench.run();
      found.add([...new Set(bench.read("member/a"))].join());
    }
    deepEqual([...found].sort(), ["1", "2"]);
  });

  it("takes acknowledged writes back when it has lied, newest first (100 seeds)", () => {
    const left = new Set<number>();
    for (let seed = 0; seed < 100; seed++) {
      const bench = new Bench(seed);
      const file = bench.open("member/a");
      bench.write(file, bytesOf(512, 1));
      bench.sync();
      bench.disk.setLying(true);
      for (const value of [2, 3, 4]) bench.write(file, bytesOf(512, value));
      bench.disk.crash();
      left.add(bench.read("member/a")[0] as number);
    }
    deepEqual([...left].sort(), [1, 2, 3, 4]);
  });

  it("keeps what it has lied about once it stops to lie", () => {
    for (let seed = 0; seed < 30; seed++) {
      const bench = new Bench(seed);
      const file = bench.open("member/a");
      bench.sync();
      bench.disk.setLying(true);
      bench.write(file, bytesOf(512, 9));
      bench.disk.setLying(false);
      bench.disk.crash();
      equal(bench.read("member/a")[0], 9, `seed=${seed}`);
    }
  });

  it("stands still until it is resumed", () => {
    const bench = new Bench(1);
    const file = bench.open("member/a");
    let hasEnded = false;
    bench.disk.stall();
    file.write(bytesOf(1, 1), 0, () => {
      hasEnded = true;
    });
    bench.run();
    equal(hasEnded, false);
    bench.disk.resume();
    bench.run();
    equal(hasEnded, true);
  });

  it("refuses to grow while it is full, and overwrites", () => {
    const bench = new Bench(1);
    const file = bench.open("member/a");
    bench.write(file, bytesOf(100, 1));
    bench.disk.setFull(true);
    equal(
      bench.errorOf(() => bench.write(file, bytesOf(100, 2), 50)),
      "ENOSPC",
    );
    equal(
      bench.errorOf(() => bench.open("member/b")),
      "ENOSPC",
    );
    bench.write(file, bytesOf(50, 3));
    deepEqual([...new Set(bench.read("member/a"))], [3, 1]);
  });

  it("fails a write, and leaves any part of it (100 seeds)", () => {
    const left = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const bench = new Bench(seed);
      const file = bench.open("member/a");
      bench.write(file, bytesOf(1_024, 1));
      bench.disk.failWrites(1);
      equal(
        bench.errorOf(() => bench.write(file, bytesOf(1_024, 2))),
        "EIO",
      );
      const found = bench.read("member/a");
      left.add(`${found[0]}${found[512]}`);
      bench.write(file, bytesOf(1_024, 3));
    }
    deepEqual([...left].sort(), ["11", "12", "21", "22"]);
  });

  it("flips exactly one bit of what is stored", () => {
    for (let seed = 0; seed < 20; seed++) {
      const bench = new Bench(seed);
      bench.write(bench.open("member/a"), bytesOf(600, 0xff));
      ok(bench.disk.rot(seed / 20));
      const flipped = [...bench.read("member/a")].filter((byte) => byte !== 0xff);
      equal(flipped.length, 1, `seed=${seed}`);
      const bits = 0xff ^ (flipped[0] as number);
      equal(bits & (bits - 1), 0, `seed=${seed}: one bit`);
    }
  });

  it("is empty and sound after it was replaced", () => {
    const bench = new Bench(1);
    bench.write(bench.open("member/a"), bytesOf(10, 1));
    bench.sync();
    bench.disk.setFull(true);
    bench.disk.replace();
    deepEqual(bench.list(), []);
    bench.write(bench.open("member/b"), bytesOf(10, 1));
  });

  it("says when the next write begins", () => {
    const bench = new Bench(1);
    const file = bench.open("member/a");
    let durationMs: number | undefined;
    bench.disk.onNextWrite((taken) => {
      equal(durationMs, undefined, "only once");
      durationMs = taken;
    });
    bench.sync();
    equal(durationMs, undefined);
    bench.write(file, bytesOf(1_000, 1));
    bench.write(file, bytesOf(1_000, 1));
    ok(durationMs !== undefined && durationMs >= 2 && durationMs <= 3);
  });
});
