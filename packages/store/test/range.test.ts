import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  getRequest,
  openEnd,
  prefixRequest,
  type RangeOptions,
  rangeRequest,
} from "../src/index.ts";
import { Bench, b, everything, show } from "./fixtures.ts";

/** Revisions: a=1 at 2, b=9 at 3, c=5 at 4, a=3 at 5, and b deleted at 6. */
function filled(): Bench {
  const bench = new Bench();
  bench.put("a", "1");
  bench.put("b", "9");
  bench.put("c", "5");
  bench.put("a", "3");
  bench.delete("b");
  return bench;
}

const A = "a=3 c2 m5 v2";
const A1 = "a=1 c2 m2 v1";
const B = "b=9 c3 m3 v1";
const C = "c=5 c4 m4 v1";

describe("range(): revisions", () => {
  // biome-ignore format: a table
  const cases = [
    // revision want
    [0,  `[${A}, ${C}] count=2`],
    [-1, `[${A}, ${C}] count=2`],
    [1,  "[] count=0"],
    [2,  `[${A1}] count=1`],
    [3,  `[${A1}, ${B}] count=2`],
    [4,  `[${A1}, ${B}, ${C}] count=3`],
    [5,  `[${A}, ${B}, ${C}] count=3`],
    [6,  `[${A}, ${C}] count=2`],
    [7,  "futureRevision"],
  ] as const;
  for (const [revision, want] of cases) {
    it(`reads everything at ${revision}`, () => {
      equal(show(filled().store.range(rangeRequest(everything, { revision }))), want);
    });
  }

  it("reads one key at a revision, before it was there and after it is gone", () => {
    const { store } = filled();
    const at = (revision: number) => show(store.range(getRequest(b("b"), { revision })));
    equal([2, 3, 5, 6].map(at).join(" "), `[] count=0 [${B}] count=1 [${B}] count=1 [] count=0`);
  });

  it("says the store's revision, not the one that was asked for", () => {
    const result = filled().store.range(getRequest(b("a"), { revision: 2 }));
    equal(result.kind === "range" && result.revision, 6);
  });

  it("refuses what is compacted, and reads the compact revision itself", () => {
    const bench = filled();
    bench.compact(4);
    const at = (revision: number) => show(bench.store.range(getRequest(b("b"), { revision })));
    equal(`${at(3)}; ${at(4)}; ${at(0)}`, `compacted; [${B}] count=1; [] count=0`);
  });
});

describe("range(): which keys", () => {
  // biome-ignore format: a table
  const cases = [
    // key   rangeEnd  want
    ["a",    "",       "a"],
    ["b",    "",       ""],
    ["a",    "c",      "a"],
    ["a",    "d",      "a c"],
    ["b",    "\0",     "c"],
    ["\0",   "\0",     "a c"],
    ["c",    "a",      ""],
    ["c",    "c",      ""],
    ["a",    "a\0",    "a"],
  ] as const;
  for (const [key, end, want] of cases) {
    it(`finds "${want}" in [${JSON.stringify(key)}, ${JSON.stringify(end)})`, () => {
      const request = rangeRequest({ key: b(key), rangeEnd: b(end) });
      const result = filled().store.range(request);
      const keys =
        result.kind === "range" ? result.kvs.map((kv) => String.fromCharCode(...kv.key)) : [];
      equal(keys.join(" "), want);
    });
  }

  it("finds a prefix of 0xff bytes, which has no end", () => {
    const bench = new Bench();
    const key = new Uint8Array([255, 255, 1]);
    bench.run({ kind: "put", request: { ...getPut("x"), key } });
    bench.put("z", "");
    const result = bench.store.range(prefixRequest(new Uint8Array([255, 255])));
    equal(result.kind === "range" && result.count, 1);
    equal(prefixRequest(new Uint8Array([255])).rangeEnd, openEnd);
  });
});

function getPut(value: string) {
  return { value: b(value), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
}

describe("range(): limit, order, filters", () => {
  // Values in the order of keys: a=3 (create 2, mod 5, version 2), b=9 (3, 3, 1), c=5 (4, 4, 1).
  // biome-ignore format: a table
  const cases: readonly (readonly [string, RangeOptions, string])[] = [
    ["cuts, and says that there is more",              { limit: 2 }, "a b count=3 more"],
    ["has no more when the limit is what there is",    { limit: 3 }, "a b c count=3"],
    ["takes a negative limit for none",                { limit: -1 }, "a b c count=3"],
    ["counts without rows and without more",           { countOnly: true, limit: 1 }, " count=3"],
    ["sorts by key backwards",                         { sortOrder: "descend" }, "c b a count=3"],
    ["sorts before it cuts",                           { sortOrder: "descend", limit: 1 }, "c count=3 more"],
    ["sorts by value",                                 { sortOrder: "ascend", sortTarget: "value" }, "a c b count=3"],
    ["sorts by value backwards",                       { sortOrder: "descend", sortTarget: "value" }, "b c a count=3"],
    ["sorts by modification",                          { sortOrder: "ascend", sortTarget: "mod" }, "b c a count=3"],
    ["sorts by creation backwards",                    { sortOrder: "descend", sortTarget: "create" }, "c b a count=3"],
    ["sorts by version",                               { sortOrder: "descend", sortTarget: "version", limit: 1 }, "a count=3 more"],
    ["sorts without an order too, ascending",          { sortTarget: "mod" }, "b c a count=3"],
    ["but then only the first limit + 1 rows by key",  { sortTarget: "value", limit: 1 }, "a count=3 more"],
    ["which shows when the order is backwards by key", { sortTarget: "mod", limit: 1 }, "b count=3 more"],
    ["filters by modification, from",                  { minModRevision: 4 }, "a c count=3"],
    ["filters by modification, to",                    { maxModRevision: 4 }, "b c count=3"],
    ["filters by creation, both ends included",        { minCreateRevision: 3, maxCreateRevision: 3 }, "b count=3"],
    ["filters before it cuts, and counts all",         { minModRevision: 4, limit: 1 }, "a count=3 more"],
    ["has no more when the filter leaves the limit",   { minModRevision: 5, limit: 1 }, "a count=3"],
  ];
  for (const [name, options, want] of cases) {
    it(name, () => {
      const bench = filled();
      const result = bench.store.range(rangeRequest(everything, { ...options, revision: 5 }));
      if (result.kind !== "range") throw new Error(result.error);
      const keys = result.kvs.map((kv) => String.fromCharCode(...kv.key)).join(" ");
      equal(`${keys} count=${result.count}${result.more ? " more" : ""}`, want);
    });
  }

  it("leaves out value and lease for keys only, and keeps the lease when it sorts by value", () => {
    const bench = new Bench();
    bench.grant(7n);
    bench.put("a", "1", { lease: 7n });
    const keysOnly = (options: RangeOptions) =>
      show(bench.store.range(rangeRequest(everything, { keysOnly: true, ...options })));
    equal(keysOnly({}), "[a= c2 m2 v1] count=1");
    equal(keysOnly({ sortTarget: "value" }), "[a= c2 m2 v1 l7] count=1");
  });
});
