/** Reads in slices: each gives what the read at a stretch gives, whatever is written meanwhile. */
import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  type HashSlice,
  type KeyValue,
  type RangeCursor,
  type RangeRequest,
  type RangeSlice,
  rangeRequest,
} from "../src/index.ts";
import { Bench, b, everything, show } from "./fixtures.ts";

type Last = Extract<RangeSlice, { readonly isLast: true }>;

/** Reads to the end; `between` runs after each slice that is not the last. */
function drain(
  cursor: RangeCursor,
  between: () => void,
  bytesMax = 1000,
  rowsMax?: number,
): string {
  const kvs: KeyValue[] = [];
  for (let slices = 1; ; slices++) {
    equal(slices < 1000, true, "a cursor comes to its end");
    const slice = cursor.next(bytesMax, rowsMax);
    if (slice.kind === "refused") return slice.error;
    kvs.push(...slice.kvs);
    if (rowsMax !== undefined)
      equal(slice.kvs.length <= rowsMax, true, "no more rows than asked for");
    if (slice.isLast) return answer(cursor, kvs, slice);
    between();
  }
}

function answer(cursor: RangeCursor, kvs: readonly KeyValue[], last: Last): string {
  const { more, count } = last;
  return `${show({ kind: "range", kvs, more, count, revision: 0 })} @${cursor.revision}`;
}

function whole(bench: Bench, request: RangeRequest): string {
  const result = bench.store.range(request);
  return result.kind === "refused" ? result.error : `${show(result)} @${result.revision}`;
}

const letters = "abcdefg";

function randomRequest(prng: Prng, bench: Bench): RangeRequest {
  const { revision, compactRevision } = bench.store;
  const bounds = prng.pick([
    everything,
    { key: b(prng.pick([...letters])), rangeEnd: b("") },
    { key: b(prng.pick([...letters])), rangeEnd: b(prng.pick([...letters])) },
    { key: b(prng.pick([...letters])), rangeEnd: b("\0") },
  ]);
  const filter = () => (prng.chance(0.15) ? prng.below(revision + 2) : 0);
  return rangeRequest(bounds, {
    limit: prng.pick([0, 0, 1, 2, 3, 5, 100]),
    revision: prng.chance(0.4) ? Math.max(compactRevision, 0) + prng.below(revision + 2) : 0,
    sortOrder: prng.pick(["none", "none", "ascend", "descend"]),
    sortTarget: prng.pick(["key", "key", "key", "version", "create", "mod", "value"]),
    keysOnly: prng.chance(0.2),
    countOnly: prng.chance(0.15),
    minModRevision: filter(),
    maxModRevision: filter(),
    minCreateRevision: filter(),
    maxCreateRevision: filter(),
  });
}

function change(prng: Prng, bench: Bench): void {
  const key = prng.pick([...letters]);
  if (prng.chance(0.3)) bench.delete(key, prng.chance(0.2) ? "\0" : "");
  else bench.put(key, prng.pick(["", "1", "22", "333"]));
  if (prng.chance(0.05)) bench.compact(bench.store.revision - prng.below(3));
}

describe("rangeCursor()", () => {
  it("gives what range() gave, whatever is written between its slices (400 seeds)", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const prng = new Prng(seed);
      const bench = new Bench({ cursorRows: 1 + prng.below(4) });
      for (let count = prng.below(30); count > 0; count--) change(prng, bench);
      const request = randomRequest(prng, bench);
      const want = whole(bench, request);
      const rowsMax = prng.chance(0.3) ? 1 + prng.below(3) : undefined;
      const got = drain(
        bench.store.rangeCursor(request),
        () => change(prng, bench),
        1 + prng.below(6),
        rowsMax,
      );
      equal(got, want, `seed ${seed}: ${JSON.stringify(request)}`);
    }
  });

  const three = (limits = {}): Bench => {
    const bench = new Bench(limits);
    for (const key of ["a", "b", "c"]) bench.put(key, "12345");
    return bench;
  };
  const sizes = (bench: Bench, bytesMax: number, rowsMax?: number): number[] => {
    const cursor = bench.store.rangeCursor(rangeRequest(everything));
    const counts: number[] = [];
    for (;;) {
      const slice = cursor.next(bytesMax, rowsMax);
      equal(slice.kind, "rows");
      if (slice.kind !== "rows") return counts;
      counts.push(slice.kvs.length);
      if (slice.isLast) return counts;
    }
  };

  it("fills slices up to a size, with one row at least", () => {
    deepEqual(sizes(three(), 1), [1, 1, 1]);
    deepEqual(sizes(three(), 12), [2, 1]);
    deepEqual(sizes(three(), 1000), [3]);
    deepEqual(sizes(three(), 1000, 2), [2, 1]);
    deepEqual(sizes(three({ cursorRows: 2 }), 1000), [2, 1]);
  });

  it("is of the state at its first slice, not of that when it was made", () => {
    const bench = three();
    const cursor = bench.store.rangeCursor(rangeRequest(everything, { countOnly: true }));
    bench.put("d");
    equal(
      drain(cursor, () => {}),
      "[] count=4 @5",
    );
  });

  it("goes on after the revision that it reads was compacted", () => {
    const bench = three({ cursorRows: 1 });
    const request = rangeRequest(everything, { revision: 3 });
    const want = whole(bench, request);
    const cursor = bench.store.rangeCursor(request);
    equal(
      drain(cursor, () => {
        bench.put("a");
        bench.compact(bench.store.revision);
      }),
      want,
    );
    equal(
      drain(bench.store.rangeCursor(request), () => {}),
      "compacted",
    );
  });

  it("says so when too many are open, and when it was read too slowly", () => {
    const bench = three({ cursorRows: 1 });
    const { view } = bench.backend;
    bench.backend.view = () => undefined;
    const request = rangeRequest(everything);
    equal(
      drain(bench.store.rangeCursor(request), () => {}),
      "tooManyCursors",
    );
    bench.backend.view = view;
    const cursor = bench.store.rangeCursor(request);
    equal(
      drain(cursor, () => cursor.close()),
      "cursorExpired",
    );
  });

  it("takes no view when one slice is all", () => {
    const bench = three();
    bench.backend.view = () => {
      throw new Error("a view was taken");
    };
    equal(drain(bench.store.rangeCursor(rangeRequest(everything)), () => {}).endsWith("@4"), true);
  });
});

describe("hashCursor()", () => {
  function drainHash(next: () => HashSlice, between: () => void): HashSlice {
    for (;;) {
      const slice = next();
      if (slice.kind !== "unfinished") return slice;
      between();
    }
  }

  it("gives what hash() gave, whatever is written between its slices (100 seeds)", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const prng = new Prng(seed);
      const bench = new Bench({ cursorRows: 1 + prng.below(4), compactRows: 1 });
      for (let count = prng.below(30); count > 0; count--) change(prng, bench);
      const revision = prng.below(bench.store.revision + 2);
      const want = bench.store.hash(revision);
      const cursor = bench.store.hashCursor(revision);
      deepEqual(
        drainHash(
          () => cursor.next(),
          () => change(prng, bench),
        ),
        want,
        `seed ${seed}`,
      );
    }
  });

  it("is of the state at its first slice", () => {
    const bench = new Bench();
    bench.put("a");
    const cursor = bench.store.hashCursor(0);
    bench.put("a");
    deepEqual(cursor.next(), bench.store.hash(0));
  });
});

describe("onCompacted()", () => {
  it("tells when the last row is gone, in whichever way", () => {
    const bench = new Bench({ compactRows: 1 });
    let told = 0;
    const stop = bench.store.onCompacted(() => told++);
    for (let count = 0; count < 5; count++) bench.put("a");
    bench.compact(6);
    equal(bench.store.isCompacting, true);
    equal(told, 0);
    while (bench.store.compact());
    equal(bench.store.isCompacting, false);
    equal(told, 1);
    bench.store.compact();
    equal(told, 1, "there was nothing to compact");
    for (let count = 0; count < 5; count++) bench.put("a");
    bench.compact(11);
    for (let count = 0; bench.store.isCompacting; count++) {
      equal(count < 20, true, "each entry that is applied compacts a little");
      bench.delete("none");
    }
    equal(told, 2);
    stop();
    bench.put("a");
    bench.compact(12);
    while (bench.store.compact());
    equal(told, 2);
  });

  it("tells when the entry itself did all of it", () => {
    const bench = new Bench();
    let told = 0;
    bench.store.onCompacted(() => told++);
    bench.put("a");
    bench.compact(2);
    equal(bench.store.isCompacting, false);
    equal(told, 1);
  });
});
