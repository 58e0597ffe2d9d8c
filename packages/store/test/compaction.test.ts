import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Bench, op } from "./fixtures.ts";

/** Revisions 2 to 8: a, a, b, delete a, a, delete b, c. */
function filled(compactRows: number): Bench {
  const bench = new Bench({ compactRows });
  bench.put("a", "1");
  bench.put("a", "2");
  bench.put("b", "1");
  bench.delete("a");
  bench.put("a", "3");
  bench.delete("b");
  bench.put("c", "1");
  return bench;
}

function finish(bench: Bench): void {
  while (bench.store.compact());
}

/** Revisions that are left in the history; a delete has a `t`. */
function left(bench: Bench): string {
  const rows = bench.backend.tables.get("history") ?? [];
  return rows.map(([key]) => `${key[7]}${key.length === 18 ? "t" : ""}`).join(" ");
}

describe("compact: what it decides", () => {
  it("goes forward only, and not into the future", () => {
    const bench = filled(100);
    equal(bench.store.compactRevision, -1);
    equal(bench.compact(9), "futureRevision");
    equal(bench.compact(0), "compact @8");
    equal(bench.compact(0), "compacted");
    equal(bench.compact(5), "compact @8");
    equal(bench.compact(5), "compacted");
    equal(bench.compact(4), "compacted");
    equal(bench.compact(8), "compact @8");
    equal(bench.store.compactRevision, 8);
  });
});

describe("compact: what it leaves", () => {
  // biome-ignore format: a table
  const cases = [
    // at  history that is left
    [2, "2 3 4 5t 6 7t 8"],
    [3, "3 4 5t 6 7t 8"],
    [4, "3 4 5t 6 7t 8"],
    [5, "4 5t 6 7t 8"],    // The delete at the compact revision stays.
    [6, "4 6 7t 8"],
    [7, "6 7t 8"],
    [8, "6 8"],
  ] as const;
  for (const [at, want] of cases) {
    for (const rows of [1, 2, 100]) {
      it(`is ${want} after ${at}, in slices of ${rows}`, () => {
        const bench = filled(rows);
        bench.compact(at);
        finish(bench);
        equal(left(bench), want);
        equal(bench.rows("versions"), want.split(" ").length);
      });
    }
  }

  it("is the same when it is overtaken by another one, or interrupted by a restart, at any point", () => {
    for (let slices = 0; slices < 6; slices++) {
      for (let first = 2; first < 8; first++) {
        const bench = filled(1);
        bench.compact(first);
        for (let slice = 0; slice < slices; slice++) bench.store.compact();
        bench.reopen();
        bench.compact(8);
        finish(bench);
        equal(left(bench), "6 8", `slices=${slices} first=${first}`);
      }
    }
  });

  it("has nothing that two compactions in a row would not have", () => {
    for (let first = 2; first < 8; first++) {
      const bench = filled(100);
      bench.compact(first);
      finish(bench);
      bench.compact(8);
      finish(bench);
      equal(left(bench), "6 8", `first=${first}`);
    }
  });

  it("keeps the revision when the newest row goes", () => {
    const bench = new Bench();
    bench.put("a");
    bench.delete("a");
    bench.compact(3);
    finish(bench);
    bench.put("b");
    bench.delete("b");
    bench.compact(5);
    bench.reopen();
    equal(bench.store.revision, 5);
    equal(bench.put("c"), "put @6");
  });

  it("keeps up with transactions that write more rows than a slice has", () => {
    const bench = new Bench({ compactRows: 2 });
    const success = Array.from({ length: 10 }, (_, at) => op.put(`key-${at}`));
    for (let round = 0; round < 20; round++) {
      bench.txn({ success });
      bench.compact(bench.store.revision);
    }
    ok(bench.rows("history") <= 40, `${bench.rows("history")} rows for 10 keys`);
  });
});

describe("hash()", () => {
  it("is the same before, while and after the rows are removed", () => {
    for (let at = 2; at <= 8; at++) {
      const bench = filled(1);
      bench.compact(at);
      const hashes = new Set([bench.store.hash(0)].map((hash) => JSON.stringify(hash)));
      while (bench.store.compact()) hashes.add(JSON.stringify(bench.store.hash(0)));
      hashes.add(JSON.stringify(bench.store.hash(0)));
      equal(hashes.size, 1, `compacted at ${at}: ${[...hashes].join()}`);
    }
  });

  it("differs when one byte or one revision differs", () => {
    const hashOf = (value: string) => {
      const bench = filled(100);
      bench.put("d", value);
      return bench.store.hash(0);
    };
    deepEqual(hashOf("x"), hashOf("x"));
    equal(JSON.stringify(hashOf("x")) === JSON.stringify(hashOf("y")), false);
  });

  it("is of a revision, and does not change with what comes later", () => {
    const bench = filled(100);
    const before = bench.store.hash(8);
    bench.put("d");
    deepEqual(bench.store.hash(8), before);
    deepEqual(bench.store.hash(99), { kind: "refused", error: "futureRevision" });
    bench.compact(9);
    deepEqual(bench.store.hash(8), { kind: "refused", error: "compacted" });
    const { kind, ...rest } = bench.store.hash(9) as { kind: string; hash: number };
    deepEqual({ ...rest, hash: 0 }, { hash: 0, compactRevision: 9, revision: 9 });
    equal(kind, "hash");
  });
});
