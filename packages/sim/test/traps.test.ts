import { deepEqual, equal, ok } from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

interface Trap {
  readonly id: string;
  readonly test?: string;
}

interface Tools {
  readTraps(): Trap[];
  groupTraps(traps: readonly Trap[]): { readonly ids: readonly string[] }[];
  springTraps(options: {
    readonly ids: readonly string[];
    readonly jobs: number;
    readonly home: string;
  }): Promise<{ readonly id: string; readonly failure?: string; readonly oracle?: string }[]>;
}

/** From `dist/test` to the tools, which are not compiled. */
async function loadTools(): Promise<Tools> {
  const load = (file: string) => import(new URL(`../../../../tools/${file}`, import.meta.url).href);
  return { ...(await load("trapped-build.mjs")), ...(await load("traps.mjs")) };
}

const known = 43;

describe("the traps", () => {
  it("are there for every known bug, and fit the sources as they are", async () => {
    const { readTraps, groupTraps } = await loadTools();
    const traps = readTraps();
    const numbers = new Set(traps.map(({ id }) => Number.parseInt(id.slice(1), 10)));
    const missing = Array.from({ length: known }, (_, at) => at + 1).filter(
      (number) => !numbers.has(number),
    );
    deepEqual(missing, []);
    equal(new Set(traps.map(({ id }) => id)).size, traps.length, "every id is used once");
    const placed = groupTraps(traps).flatMap(({ ids }) => ids); // Throws where one does not fit.
    equal(placed.length, traps.length);
  });

  it("are sprung: some of those that are found soonest", async () => {
    const { springTraps } = await loadTools();
    const home = fileURLToPath(new URL("../trapped-few", import.meta.url));
    const oracles = {
      T1: "configuration",
      T4: "promises",
      T10b: "promises",
      T16: "committedOnQuorum",
      T28: "stalledDisk",
      T35: "appliedOnce",
      T41: "configurationInForce",
      T42: "appliedDurable",
    };
    const rows = await springTraps({ ids: Object.keys(oracles), jobs: 1, home });
    rmSync(`${home}-1`, { recursive: true, force: true });
    for (const { id, failure } of rows) ok(failure === undefined, `${id}: ${failure}`);
    const found = Object.fromEntries(rows.map(({ id, oracle }) => [id, oracle]));
    deepEqual(found, oracles);
  });
});
