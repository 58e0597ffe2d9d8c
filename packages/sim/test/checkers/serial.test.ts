import { equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Operation, Revision } from "../../src/checkers/history.ts";
import { checkSerials } from "../../src/checkers/serial.ts";
import { historyOf } from "./fixtures.ts";
import { randomHistory } from "./random-history.ts";
import { storeOf } from "./store-fixture.ts";

function check(operations: string, store: string): ReturnType<typeof checkSerials> {
  return checkSerials(historyOf(operations.replaceAll("; ", "\n")), storeOf(store));
}

describe("checkSerials()", () => {
  // biome-ignore format: a table
  const good = [
    ["nothing", "", ""],
    ["writes and reads", "1-2 put a @2; 3-4 get a @2 mod 2 v1", "2 k=a"],
    ["a delete, of something and of nothing", "1-2 put a @2; 3-4 delete 1 @3; 5-6 delete 0 @3; 7-8 get - @4", "2 k=a; 3 k; 4 other=x"],
    ["a version that starts anew", "5-6 get c @4 mod 4 v1", "2 k=a; 3 k; 4 k=c"],
    ["comparisons", "1-2 cas mod=0 a @2; 3-4 cas mod=0 b !@2; 5-6 cas value=a c @3; 7-8 cas version=2 d @4", "2 k=a; 3 k=c; 4 k=d"],
    ["an unknown write that happened", "1-? put a", "2 k=a"],
    ["an unknown write that did not", "1-? put a", ""],
    ["a read beside a write", "1-9 put a @2; 3-4 get - @1", "2 k=a"],
    ["an expiry", "1-? expire L", "2 k=a; 3 k"],
  ] as const;
  for (const [name, operations, store] of good) {
    it(`accepts ${name}`, () => equal(check(operations, store), undefined));
  }

  // biome-ignore format: a table
  const bad = [
    ["a value that is written twice", "1-? put a", "2 k=a; 3 k=a", "appliedOnce", /a was written at 2 and to k at 3/],
    ["an acknowledged write that is lost", "1-2 put a @2", "2 k=b", "lostWrite", /and a is nowhere/],
    ["an acknowledged write at another revision", "1-2 put a @2", "2 k=b; 3 k=a", "lostWrite", /a is at k, revision 3/],
    ["an acknowledged write at another key", "1-2 put a @2", "2 x=a", "lostWrite", /a is at x, revision 2/],
    ["an answer from the future", "1-2 put a @9", "2 k=a", "phantom", /the store only came to 2/],
    ["a phantom value", "1-2 get z @2 mod 2 v1", "2 k=a", "phantom", /the key had a of revision 2/],
    ["a phantom revision", "1-2 get a @3 mod 3 v1", "2 k=a; 3 x=y", "phantom", /the key had a of revision 2/],
    ["a phantom version", "1-2 get a @2 mod 2 v2", "2 k=a", "phantom", /version 1/],
    ["a key that should be there", "1-2 get - @2", "2 k=a", "phantom", /the key had a/],
    ["a key that should be gone", "1-2 get a @3 mod 2 v1", "2 k=a; 3 k", "phantom", /the key had nothing since 3/],
    ["a failed comparison that was written", "1-2 cas mod=9 b !@2", "2 k=a; 3 k=b", "phantom", /its value was written at 3/],
    ["a comparison that succeeds and does not hold", "1-2 cas mod=9 b @3", "2 k=a; 3 k=b", "comparison", /the key had a of revision 2/],
    ["a comparison that fails and holds", "1-2 cas version=1 b !@2", "2 k=a", "comparison", /the key had a/],
    ["a succeeded comparison that is lost", "1-2 cas value=a b @3", "2 k=a; 3 k=c", "lostWrite", /and b is nowhere/],
    ["a delete that is lost", "1-2 delete 1 @3", "2 k=a; 3 x=y", "lostWrite", /then a of revision 2/],
    ["a delete of nothing that deleted", "1-2 delete 1 @3", "2 x=a; 3 x=y", "lostWrite", /nothing since 0/],
    ["a delete of something that did not", "1-2 delete 0 @2", "2 k=a", "lostWrite", /the key had a/],
    ["a stale read by its revision", "1-2 put a @3; 3-4 get - @2", "2 x=y; 3 k=a", "realTime", /@?.*asked of k .*after somebody was told/],
    ["reads that go back", "1-2 get a @2 mod 2 v1; 3-4 get - @1", "2 k=a", "realTime", /after somebody was told/],
    ["writes against real time", "1-2 put a @3; 3-4 put b @2", "2 k=b; 3 k=a", "realTime", /"value":"b"/],
  ] as const;
  for (const [name, operations, store, oracle, facts] of bad) {
    it(`rejects ${name}`, () => {
      const found = check(operations, store);
      equal(found?.oracle, oracle, found?.message);
      match(found?.message ?? "", facts);
    });
  }

  it("rejects a write with the revision of another one that was over", () => {
    const operations = [...historyOf("1-2 delete 1 @3"), ...historyOf("3-4 delete 1 @3", "x")];
    equal(checkSerials(operations, storeOf("2 k=a x=b; 3 k x"))?.oracle, "realTime");
  });

  it("rejects a refusal that no lease explains", () => {
    for (const line of ["1-2 put a @2", "1-2 cas mod=0 a @2", "1-2 delete 1 @2", "1-2 get - @1"]) {
      const refused = historyOf(line).map((each) => ({
        ...each,
        output: { kind: "refused" } as const,
      }));
      equal(checkSerials(refused, storeOf("2 k=b"))?.oracle, "refused", line);
    }
  });

  it("rejects a refused write that is there", () => {
    const [operation] = historyOf("1-2 put a/L @2");
    const refused = { ...(operation as Operation), output: { kind: "refused" } } as const;
    equal(checkSerials([refused], storeOf("2 k=a"))?.oracle, "phantom");
    equal(checkSerials([refused], storeOf("2 k=b")), undefined);
  });

  it("lets serializable reads be old, but not wrong", () => {
    const old = historyOf("1-2 put a @3\n3-4 get - @2").map(serializable);
    equal(checkSerials(old, storeOf("2 x=y; 3 k=a")), undefined);
    const wrong = historyOf("1-2 put a @3\n3-4 get z @3 mod 3 v1").map(serializable);
    equal(checkSerials(wrong, storeOf("2 x=y; 3 k=a"))?.oracle, "phantom");
  });

  it("accepts what clients of a real store saw, 300 seeds", () => {
    for (let seed = 0; seed < 300; seed++) {
      const operations = randomHistory(new Prng(seed), {
        operations: 40,
        overlap: 5,
        openChance: 0,
        compareRevisions: true,
      });
      equal(
        checkSerials(operations, { revisions: revisionsOf(operations) }),
        undefined,
        `seed=${seed}`,
      );
    }
  });
});

function serializable(operation: Operation): Operation {
  return operation.input.kind === "get"
    ? { ...operation, input: { kind: "get", serializable: true } }
    : operation;
}

/** The history that acknowledged writes leave; other keys fill the rest. */
function revisionsOf(operations: readonly Operation[]): Revision[] {
  const revisions: Revision[] = [];
  for (const { input, output, key } of operations) {
    if (output === undefined || !("revision" in output)) continue;
    const value = "value" in input ? input.value : undefined;
    const isDelete = output.kind === "delete" && output.deleted > 0;
    const isPut = output.kind === "put" || (output.kind === "cas" && output.succeeded);
    while ((revisions.at(-1)?.revision ?? 1) < output.revision) {
      revisions.push({ revision: (revisions.at(-1)?.revision ?? 1) + 1, events: [] });
    }
    if (!isPut && !isDelete) continue;
    revisions[output.revision - 2] = {
      revision: output.revision,
      events: [{ kind: isPut ? "put" : "delete", key, value }],
    };
  }
  return revisions;
}
