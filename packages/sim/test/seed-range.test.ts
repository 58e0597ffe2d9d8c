import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";

interface Sum {
  readonly seeds: number;
  readonly events: number;
  readonly violations: readonly {
    readonly seed: number;
    readonly oracle: string;
    readonly message: string;
  }[];
}

type RunRange = (
  entry: string,
  options: {
    readonly from: number;
    readonly to: number;
    readonly jobs: number;
    readonly patienceMs?: number;
  },
) => Promise<Sum>;

/** From `dist/test` to the tools, which are not compiled. */
async function loadRunRange(): Promise<RunRange> {
  const { runRange } = await import(
    new URL("../../../../tools/seed-range.mjs", import.meta.url).href
  );
  return runRange;
}

/** A simulator in which every seed has one event; `fate` says what else becomes of it. */
function simulatorOf(fate: string): string {
  const source = `
    export const drawScenario = (seed) => seed;
    export function runScenario(seed) {
      ${fate}
      const histories = { operations: [], watches: [], leases: [], store: { revisions: [] } };
      return { hash: "", events: 1, simulatedMs: 1, faults: {}, histories };
    }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

describe("a range of seeds", () => {
  it("names seeds that come to no end, and runs all others", async () => {
    const runRange = await loadRunRange();
    const entry = simulatorOf("if (seed === 4 || seed === 7) for (;;) {}");
    const sum = await runRange(entry, { from: 1, to: 9, jobs: 2, patienceMs: 2_000 });
    const { seeds, events, violations } = sum;
    deepEqual({ seeds, events }, { seeds: 9, events: 7 });
    deepEqual(
      violations.map(({ seed, oracle }) => `${seed} ${oracle}`),
      ["4 progress", "7 progress"],
    );
    match(violations[0]?.message ?? "", /no end after 2000 ms/);
  });

  it("keeps what was found before a thread is lost", async () => {
    const runRange = await loadRunRange();
    const entry = simulatorOf(`
      if (seed === 2) for (;;) {}
      if (seed === 1) {
        const histories = { operations: [], watches: [], leases: [], store: { revisions: [] } };
        const violation = { oracle: "made up", message: "" };
        return { hash: "", events: 1, simulatedMs: 1, faults: {}, histories, violation };
      }`);
    const { violations } = await runRange(entry, { from: 1, to: 3, jobs: 1, patienceMs: 2_000 });
    deepEqual(
      violations.map(({ seed, oracle }) => `${seed} ${oracle}`),
      ["1 made up", "2 progress"],
    );
  });

  it("counts a thread that ends by itself as a seed that came to no end", async () => {
    const runRange = await loadRunRange();
    const entry = simulatorOf("if (seed === 2) process.exit(0);");
    const { seeds, violations } = await runRange(entry, { from: 1, to: 3, jobs: 1 });
    equal(seeds, 3);
    deepEqual(
      violations.map(({ seed, oracle }) => `${seed} ${oracle}`),
      ["2 progress"],
    );
  });
});
