import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { checkLinearizable } from "../../src/checkers/linearizability.ts";
import { storeModel } from "../../src/checkers/store-model.ts";
import { isLinearizable } from "./brute-force.ts";
import { historyOf } from "./fixtures.ts";
import { mutated, randomHistory } from "./random-history.ts";

function kindOf(text: string): string {
  const history = historyOf(text.replaceAll("; ", "\n"));
  const { kind } = checkLinearizable(history, storeModel);
  equal(kind === "ok", isLinearizable(history), "the twin that tries every order disagrees");
  return kind;
}

describe("checkLinearizable()", () => {
  // biome-ignore format: a table
  const bad = [
    ["a stale read", "1-2 put a @2; 3-4 put b @3; 5-6 get a @3 mod 2 v1"],
    ["a stale read by its revision", "1-2 put a @5; 3-4 get a @4 mod 4 v1"],
    ["a read that misses an acknowledged write", "1-2 put a @2; 3-4 get - @2"],
    ["a lost update", "1-2 put a @2; 3-9 cas value=a b @3; 4-8 cas value=a c @4"],
    ["a phantom value", "1-2 put a @2; 3-4 get z @2 mod 2 v1"],
    ["a read from the future", "1-2 get a @2 mod 2 v1; 3-4 put a @2"],
    ["a write that is applied twice", "1-2 put a @2; 3-4 get a @3 mod 3 v2"],
    ["two winners of one comparison", "1-9 cas mod=0 a @2; 1-9 cas mod=0 b @3"],
    ["two writers with the same revision", "1-9 put a @2; 1-9 put b @2"],
    ["revisions against real time", "1-2 put a @3; 3-4 put b @2"],
    ["reads that go back", "1-2 put a @2; 3-20 put b @3; 4-5 get b @3 mod 3 v2; 6-7 get a @3 mod 2 v1"],
    ["an unknown write that came and went", "1-2 put a @2; 3-? put b; 4-5 get b @3 mod 3 v2; 6-7 get a @3 mod 2 v1"],
    ["an unknown write seen before its call", "1-2 get b @2 mod 2 v1; 3-? put b"],
    ["an unknown write that took no revision", "1-2 put a @2; 3-? put b; 4-5 get b @2 mod 2 v2"],
    ["a key deleted twice", "1-2 put a @2; 3-9 delete 1 @3; 3-9 delete 1 @4"],
    ["a deleted key that is read", "1-2 put a @2; 3-4 delete 1 @3; 5-6 get a @3 mod 2 v1"],
    ["a comparison that fails though it holds", "1-2 put a @2; 3-4 cas value=a b !@2"],
    ["an expiry without a lease on the key", "1-2 put a @2; 2-? expire L; 3-4 get - @3"],
    ["an expiry of a lease that was put off", "1-2 put a/L @2; 3-4 put b @3; 5-? expire L; 6-7 get - @4"],
    ["an expiry before its time", "1-2 put a/L @2; 3-4 get - @3; 5-? expire L"],
    ["a refused write that is seen", "1-2 put a @2; 3-4 get b @3 mod 3 v2"],
  ] as const;
  for (const [name, text] of bad) {
    it(`rejects ${name}`, () => equal(kindOf(text), "violation"));
  }

  // biome-ignore format: a table
  const good = [
    ["nothing", ""],
    ["a sequence", "1-2 put a @2; 3-4 get a @2 mod 2 v1; 5-6 delete 1 @3; 7-8 get - @3"],
    ["overlapping writes in the order of their revisions", "1-9 put a @3; 2-8 put b @2; 10-11 get a @3 mod 3 v2"],
    ["a read beside a write, before it", "1-2 put a @2; 3-9 put b @3; 4-5 get a @2 mod 2 v1"],
    ["a read beside a write, after it", "1-2 put a @2; 3-9 put b @3; 4-5 get b @3 mod 3 v2"],
    ["an unknown write that never happened", "1-2 put a @2; 3-? put b; 9-10 get a @2 mod 2 v1"],
    ["an unknown write that happened late", "1-2 put a @2; 3-? put b; 9-10 get a @2 mod 2 v1; 11-12 get b @7 mod 6 v2"],
    ["an unknown write under another one", "1-2 put a @2; 3-? put b; 4-5 put c @9; 6-7 get c @9 mod 9 v3"],
    ["an unknown comparison that won", "1-2 put a @2; 3-? cas value=a b; 4-5 get b @3 mod 3 v2"],
    ["one winner of one comparison", "1-9 cas mod=0 a @2; 1-9 cas mod=0 b !@2"],
    ["a comparison with an unknown write's revision", "1-2 put a @2; 3-? put b; 5-6 cas mod=4 c @5"],
    ["an expiry", "1-2 put a/L @2; 3-? expire L; 4-5 get a @2 mod 2 v1; 6-7 get - @3"],
    ["an expiry that does not come", "1-2 put a/L @2; 3-? expire L; 4-5 get a @2 mod 2 v1"],
    ["an expiry after the key was put under another lease and back", "1-2 put a/L @2; 3-? expire L; 4-5 put b/M @3; 6-7 put c/L @4; 8-9 get - @5"],
    ["a revocation after a write that overlaps", "1-9 put a/L @2; 1-9 expire L; 10-11 get - @3"],
    ["a revision that grew by other keys", "1-2 put a @2; 3-4 get a @90 mod 2 v1; 5-6 put b @91"],
  ] as const;
  for (const [name, text] of good) {
    it(`accepts ${name}`, () => equal(kindOf(text), "ok"));
  }

  it("leaves serializable reads out", () => {
    const history = historyOf("1-2 put a @2\n3-4 get - @1").map((operation) =>
      operation.input.kind === "get"
        ? { ...operation, input: { kind: "get", serializable: true } as const }
        : operation,
    );
    equal(checkLinearizable(history, storeModel).kind, "ok");
  });

  it("judges keys apart and names the one that is wrong", () => {
    const history = [
      ...historyOf("1-2 put a @2\n5-6 get a @3 mod 2 v1", "x"),
      ...historyOf("3-4 put b @3\n5-6 get - @3", "y"),
    ];
    const result = checkLinearizable(history, storeModel);
    ok(result.kind === "violation");
    equal(result.key, "y");
  });

  it("gives the shortest part that is wrong", () => {
    const history = historyOf(`
      1-2 put a @2
      3-20 put b @3
      4-5 get z @3 mod 2 v1
      6-7 get a @3 mod 2 v1
      8-9 put c @4`);
    const result = checkLinearizable(history, storeModel);
    ok(result.kind === "violation");
    deepEqual(
      result.operations.map(({ input, returnedAt }) => [input.kind, returnedAt?.sequence]),
      [
        ["put", 2],
        ["put", undefined],
        ["get", 5],
      ],
    );
  });

  it("does not care in which order it gets the operations", () => {
    const history = historyOf("1-2 put a @2\n3-4 put b @3\n5-6 get b @3 mod 3 v2").reverse();
    equal(checkLinearizable(history, storeModel).kind, "ok");
  });

  it("goes by the revisions of many that are done at once, instead of trying every order", () => {
    const count = 40;
    const lines = Array.from({ length: count }, (_, at) => {
      const revision = 2 + ((at * 17) % count);
      return at % 4 === 0
        ? `${at}-${100 + at} get v${revision} @${revision} mod ${revision} v${revision - 1}`
        : `${at}-${100 + at} put v${revision} @${revision}`;
    });
    // Each get tells of a write of which nobody learned the outcome.
    const writes = lines.flatMap((line) => {
      const [, value] = / get (v\d+) /.exec(line) ?? [];
      return value === undefined ? [] : [`0-? put ${value}`];
    });
    const history = historyOf([...writes, ...lines].join("\n"));
    equal(checkLinearizable(history, storeModel, 20_000).kind, "ok");
    const late = historyOf([...writes, ...lines, "200-201 put late @20"].join("\n"));
    equal(checkLinearizable(late, storeModel, 20_000).kind, "violation");
  });

  it("gives up at the limit of steps", () => {
    const open = Array.from({ length: 14 }, (_, at) => `1-? put v${at}`).join("\n");
    const history = historyOf(`${open}\n2-3 get nobody @9 mod 9 v1`);
    deepEqual(checkLinearizable(history, storeModel, 1000), { kind: "unknown", key: "k" });
  });
});

describe("checkLinearizable() and its twin that tries every order", () => {
  const seeds = 3000;

  it(`agree on what correct stores showed, ${seeds} seeds`, () => {
    for (let seed = 0; seed < seeds; seed++) {
      const prng = new Prng(seed);
      const shape = { operations: 6, overlap: 4, openChance: 0.25, compareRevisions: true };
      const history = randomHistory(prng, shape);
      equal(checkLinearizable(history, storeModel).kind, "ok", `seed=${seed}`);
      ok(isLinearizable(history), `seed=${seed}: the twin`);
    }
  });

  it(`agree exactly on what was tampered with, ${seeds} seeds`, () => {
    let rejected = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const prng = new Prng(seed);
      const shape = { operations: 6, overlap: 3, openChance: 0.2, compareRevisions: false };
      const history = mutated(prng, randomHistory(prng, shape));
      const { kind } = checkLinearizable(history, storeModel);
      equal(kind === "ok", isLinearizable(history), `seed=${seed}`);
      if (kind === "violation") rejected++;
    }
    ok(rejected > seeds / 4, `only ${rejected} were rejected`);
  });

  it("never rejects what the twin accepts, with compared revisions too", () => {
    for (let seed = 0; seed < seeds; seed++) {
      const prng = new Prng(seed);
      const shape = { operations: 6, overlap: 3, openChance: 0.3, compareRevisions: true };
      const history = mutated(prng, randomHistory(prng, shape));
      const { kind } = checkLinearizable(history, storeModel);
      if (kind === "violation") ok(!isLinearizable(history), `seed=${seed}`);
    }
  });
});

describe("checkLinearizable() on long histories", () => {
  it("accepts 1,000 operations with 10 at once and some without outcome, 20 seeds", () => {
    for (let seed = 0; seed < 20; seed++) {
      const shape = { operations: 1000, overlap: 10, openChance: 0.01, compareRevisions: true };
      const history = randomHistory(new Prng(seed), shape);
      equal(checkLinearizable(history, storeModel).kind, "ok", `seed=${seed}`);
    }
  });

  it("rejects one stale answer among 1,000, and shows where, 20 seeds", () => {
    for (let seed = 0; seed < 20; seed++) {
      const shape = { operations: 1000, overlap: 6, openChance: 0, compareRevisions: true };
      const history = randomHistory(new Prng(seed), shape);
      const at = history.findIndex(
        ({ output }, index) => index > 500 && output?.kind === "get" && output.found !== undefined,
      );
      const stale = { kind: "get", revision: 1, found: undefined } as const;
      const wrong = history.map((operation, index) =>
        index === at ? { ...operation, output: stale } : operation,
      );
      const result = checkLinearizable(wrong, storeModel);
      ok(result.kind === "violation", `seed=${seed}`);
      ok(result.operations.length < at + 20, `seed=${seed}`);
    }
  });
});
