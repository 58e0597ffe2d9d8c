/**
 * Every scenario in packages/sim/scenarios has broken a promise once, and must not do so again.
 *
 * They say something only while the world draws from them what it drew then; what they stand for has a
 * test of its own where it was mended.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { decodeSavedScenario, runScenario, type SavedScenario } from "../../src/index.ts";

const folder = new URL("../../../scenarios/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

function read(name: string): SavedScenario {
  const decoded = decodeSavedScenario(readFileSync(new URL(name, folder), "utf8"));
  ok(decoded.kind === "saved", `${name}: ${decoded.kind === "malformed" ? decoded.reason : ""}`);
  return decoded.saved;
}

describe("scenarios that were saved", () => {
  it("are there, under names in kebab case", () => {
    ok(names.length > 0);
    for (const name of names) ok(/^[a-z\d]+(-[a-z\d]+)*\.json$/.test(name), name);
  });

  for (const name of names) {
    it(`${name} breaks no promise`, () => {
      const { title, scenario } = read(name);
      const { violation, events } = runScenario(scenario);
      deepEqual(violation, undefined, `${title}: npm run sim -- --scenario ${name} --story`);
      ok(events > 0);
    });
  }

  it("are the same run every time", () => {
    for (const name of names) {
      const { scenario } = read(name);
      equal(runScenario(scenario).hash, runScenario(scenario).hash, name);
    }
  });
});
