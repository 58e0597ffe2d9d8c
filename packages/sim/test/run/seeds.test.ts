import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { runScenario } from "../../src/run/run.ts";
import { drawScenario } from "../../src/scenario/draw-scenario.ts";
import { faultKinds } from "../../src/scenario/scenario.ts";

describe("200 seeds", () => {
  it("keep every promise, and meet every fault", () => {
    const faults: Record<string, number> = {};
    let acknowledged = 0;
    let changed = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const result = runScenario(drawScenario(seed));
      const { violation } = result;
      equal(violation, undefined, `seed=${seed} ${violation?.oracle}: ${violation?.message}`);
      equal(result.unjudgedKey, undefined, `seed=${seed}: no order was found, and none excluded`);
      for (const [kind, count] of Object.entries(result.faults)) {
        faults[kind] = (faults[kind] ?? 0) + count;
      }
      acknowledged += result.histories.operations.filter(({ returnedAt }) => returnedAt).length;
      changed += result.changes["changed"] ?? 0;
    }
    deepEqual(
      faultKinds.filter((kind) => !((faults[kind] ?? 0) > 0)),
      [],
      "faults that never happened",
    );
    // A world in which nothing works keeps every promise, too.
    ok(acknowledged > 5_000, `${acknowledged} operations were acknowledged`);
    ok(changed > 50, `${changed} changes of who takes part were made`);
  });
});
