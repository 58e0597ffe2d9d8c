import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { runScenario } from "../../src/run/run.ts";
import { drawScenario } from "../../src/scenario/draw-scenario.ts";
import {
  decodeSavedScenario,
  encodeSavedScenario,
  type SavedScenario,
} from "../../src/shrink/saved-scenario.ts";

const found = { seed: 5, oracle: "electionSafety", message: "two lead" };
const saved: SavedScenario = { title: "Two lead", found, scenario: drawScenario(5) };

/** The text with something else in it. */
function changed(change: (fields: Record<string, Record<string, unknown>>) => void): string {
  const fields = JSON.parse(encodeSavedScenario(saved));
  change(fields);
  return JSON.stringify(fields);
}

function reasonOf(text: string): string {
  const decoded = decodeSavedScenario(text);
  ok(decoded.kind === "malformed", `was taken: ${text.slice(0, 100)}`);
  return decoded.reason;
}

describe("decodeSavedScenario()", () => {
  it("gives back the same run, for every seed", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const scenario = drawScenario(seed, { troubleMsMax: 3_000, operationsMax: 40 });
      const decoded = decodeSavedScenario(encodeSavedScenario({ ...saved, scenario }));
      ok(decoded.kind === "saved");
      // Fields that are undefined are not written; to a run that is the same.
      equal(JSON.stringify(decoded.saved.scenario), JSON.stringify(scenario), `seed ${seed}`);
      if (seed > 3) continue;
      equal(runScenario(decoded.saved.scenario).hash, runScenario(scenario).hash, `seed ${seed}`);
    }
  });

  it("keeps title, fix and how it was found", () => {
    const fix = "consensus: let one lead";
    const decoded = decodeSavedScenario(encodeSavedScenario({ ...saved, fix }));
    ok(decoded.kind === "saved");
    equal(decoded.saved.fix, fix);
    deepEqual(decoded.saved.found, found);
  });

  it("fills in plainly what an older simulator did not know", () => {
    const { compactRows: _, ...options } = saved.scenario.options;
    const text = changed(({ scenario }) => Object.assign(scenario ?? {}, { options }));
    const decoded = decodeSavedScenario(text);
    ok(decoded.kind === "saved");
    equal(decoded.saved.scenario.options.compactRows, 100);
  });

  it("refuses what is no scenario, and says why", () => {
    match(reasonOf("{"), /JSON/);
    match(reasonOf("[]"), /not an object/);
    match(reasonOf(changed((fields) => Reflect.deleteProperty(fields, "title"))), /title/);
    const withScenario = (fields: Record<string, unknown>): string =>
      changed(({ scenario }) => Object.assign(scenario ?? {}, fields));
    match(reasonOf(withScenario({ servers: [] })), /servers: there are none/);
    match(reasonOf(withScenario({ healAtMs: "soon" })), /healAtMs: no number/);
    const fault = (value: unknown): string => withScenario({ faults: [{ atMs: 1, fault: value }] });
    match(reasonOf(fault({ kind: "meteor" })), /no fault "meteor"/);
    match(reasonOf(fault({ kind: "wipe", server: 99 })), /no server 99/);
    match(reasonOf(fault({ kind: "clog", link: [0, -1], forMs: 1 })), /no server -1/);
  });
});
