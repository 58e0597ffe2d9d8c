// The soak in small: twenty seconds, and a fault every four.
import { deepEqual, equal, ok } from "node:assert/strict";
import { it } from "node:test";
import { judgeMemory } from "./soak/memory.ts";
import { soak } from "./soak/soak.ts";

it("clients of disturbed members are told the truth, and every write is kept (20 s)", async () => {
  const result = await soak({ seconds: 20, rate: 200, faultEveryMs: 4_000, windowMs: 5_000 });
  deepEqual(result.problems, []);
  ok(result.ok);
  const { operations = 0, watchEvents = 0, leases = 0, kept = 0, windows = 0 } = result.counts;
  ok(operations > 500, `${operations} operations`);
  ok(watchEvents > 500, `${watchEvents} events`);
  ok(leases > 3, `${leases} leases`);
  ok(kept > 5, `${kept} keys kept`);
  ok(windows >= 3, `${windows} windows`);
});

it("memory is flat when the floor of its last third is where that of the first was", () => {
  const samples = (mib: (at: number) => number) =>
    Array.from({ length: 30 }, (_, at) => ({ atMs: at * 10_000, pid: 1, mib: mib(at) }));
  const level = samples((at) => 100 + (at % 3));
  equal(judgeMemory(level, 0).isFlat, true);
  const growing = samples((at) => 100 + 3 * at);
  equal(judgeMemory(growing, 0).isFlat, false);
  equal(judgeMemory(growing, 0).slope, 18);
  equal(judgeMemory(growing, 250_000).isFlat, undefined, "too few");
  const restarted = growing.map((sample, at) => ({ ...sample, pid: at }));
  equal(judgeMemory(restarted, 0).isFlat, undefined);
});
