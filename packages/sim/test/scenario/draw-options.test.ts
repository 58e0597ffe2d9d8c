import { ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { drawScenario } from "../../src/index.ts";

/** Beyond the largest state that runs come to. */
const snapshotBytes = 25_000;
const seeds = 300;

describe("drawn options", () => {
  it("let a whole snapshot be received before its receiver has to serve", () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { options } = drawScenario(seed, { needs: ["tiny"] });
      const { latencyMaxMs, pieceBytes } = options.state;
      const boundMs = 20 * options.electionTicks * options.heartbeatMs;
      // Reads and writes of pieces overlap; each waits for the slowest at worst.
      const worstMs = (snapshotBytes / pieceBytes) * latencyMaxMs;
      ok(2 * worstMs <= boundMs, `seed ${seed}: ${worstMs} ms of ${boundMs}`);
    }
  });

  it("still split snapshots into many pieces", () => {
    const pieces = Array.from({ length: seeds }, (_, at) =>
      Math.ceil(2_000 / drawScenario(at + 1, { needs: ["tiny"] }).options.state.pieceBytes),
    );
    ok(pieces.some((count) => count >= 20));
  });
});
