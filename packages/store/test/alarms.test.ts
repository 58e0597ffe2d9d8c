/** Alarms and what they forbid; the way to another version. */
import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Alarm, Command } from "../src/index.ts";
import { Bench, op, show } from "./fixtures.ts";

const alarm = (
  action: "activate" | "deactivate",
  memberId: bigint,
  kind: Alarm["kind"],
): Command => {
  return { kind: "alarm", action, alarm: { memberId, kind } };
};
const activate = (memberId: bigint, kind: Alarm["kind"]) => alarm("activate", memberId, kind);
const deactivate = (memberId: bigint, kind: Alarm["kind"]) => alarm("deactivate", memberId, kind);
const big = 1n << 63n;

describe("alarms", () => {
  it("are raised and taken back, each at one member", () => {
    const bench = new Bench();
    const run = (command: Command): string => show(bench.run(command));
    equal(run(deactivate(1n, "noSpace")), "[]");
    equal(run(activate(big, "noSpace")), `[${big} noSpace]`);
    equal(run(activate(1n, "corrupt")), "[1 corrupt]");
    equal(run(activate(1n, "noSpace")), "[1 noSpace]");
    equal(run(activate(1n, "noSpace")), "[1 noSpace]");
    const all = [
      { memberId: 1n, kind: "noSpace" },
      { memberId: 1n, kind: "corrupt" },
      { memberId: big, kind: "noSpace" },
    ];
    deepEqual(bench.store.alarms(), all);
    bench.reopen();
    deepEqual(bench.store.alarms(), all);
    equal(run(deactivate(1n, "noSpace")), "[1 noSpace]");
    equal(run(deactivate(1n, "noSpace")), "[]");
    equal(bench.store.alarms().length, 2);
    equal(bench.store.revision, 1);
  });

  // biome-ignore format: a table
  const cases: readonly (readonly [what: string, run: (bench: Bench) => string, free: string, noSpace: string, corrupt: string])[] = [
    ["put",                  (bench) => bench.put("a"),                         "put @4",             "noSpace",           "corrupt"],
    ["delete",               (bench) => bench.delete("k"),                      "deleted 1 @4",       "deleted 1 @4",      "corrupt"],
    ["txn without a put",    (bench) => bench.txn({ success: [op.delete("k")] }), "then(deleted 1 @4) @4", "then(deleted 1 @4) @4", "corrupt"],
    ["txn with a put",       (bench) => bench.txn({ success: [op.put("a")] }),  "then(put @4) @4",    "noSpace",           "corrupt"],
    ["put in the other branch", (bench) => bench.txn({ failure: [op.put("a")] }), "then() @3",        "noSpace",           "corrupt"],
    ["put nested",           (bench) => bench.txn({ success: [op.txn({ failure: [op.put("a")] })] }), "then(then() @3) @3", "noSpace", "corrupt"],
    ["lease grant",          (bench) => bench.grant(2n),                        "leaseGrant @3",      "noSpace",           "corrupt"],
    ["lease revoke",         (bench) => bench.revoke(1n),                       "leaseRevoke @4",     "leaseRevoke @4",    "corrupt"],
    ["compaction",           (bench) => bench.compact(2),                       "compact @3",         "compact @3",        "corrupt"],
    ["auth",                 (bench) => show(bench.run({ kind: "roleAdd", name: "r" })), "auth @3",   "auth @3",           "auth @3"],
    ["an alarm",             (bench) => show(bench.run(activate(5n, "noSpace"))), "[5 noSpace]",      "[5 noSpace]",       "[5 noSpace]"],
  ];
  for (const [what, run, free, noSpace, corrupt] of cases) {
    it(`${what} without an alarm, without space, with corruption`, () => {
      const answers = [[], ["noSpace"], ["corrupt"]].map((kinds) => {
        const bench = new Bench();
        bench.grant(1n);
        bench.put("k", "v");
        bench.put("k", "v", { lease: 1n });
        for (const kind of kinds) bench.run(activate(9n, kind as Alarm["kind"]));
        return run(bench);
      });
      deepEqual(answers, [free, noSpace, corrupt]);
    });
  }

  it("are over when the last one of their kind is", () => {
    const bench = new Bench();
    for (const id of [1n, 2n]) bench.run(activate(id, "noSpace"));
    bench.run(deactivate(1n, "noSpace"));
    equal(bench.put("a"), "noSpace");
    bench.run(deactivate(2n, "noSpace"));
    equal(bench.put("a"), "put @2");
  });

  it("say corrupt before they say that space is short", () => {
    const bench = new Bench();
    bench.run(activate(1n, "noSpace"));
    bench.run(activate(1n, "corrupt"));
    equal(bench.put("a"), "corrupt");
  });
});

describe("the way to another version", () => {
  it("begins and ends", () => {
    const bench = new Bench();
    equal(bench.store.downgrade(), undefined);
    equal(show(bench.run({ kind: "downgrade", enabled: true, version: "3.6.0" })), "downgrade @1");
    bench.reopen();
    deepEqual(bench.store.downgrade(), { version: "3.6.0" });
    bench.run({ kind: "downgrade", enabled: false, version: "" });
    equal(bench.store.downgrade(), undefined);
  });
});
