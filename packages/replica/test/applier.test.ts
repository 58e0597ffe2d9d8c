import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLogger } from "@flotilla/base";
import type { Entry } from "@flotilla/consensus";
import { createStore } from "@flotilla/store";
import { Applier } from "../src/applier.ts";
import type { ApplyLimits } from "../src/contract.ts";
import { ArrayBackend } from "./fixtures.ts";

const configuration = { voters: [], learners: [], outgoing: [] };

/** Entries from `first` on, of so many bytes each. */
function entriesOf(first: number, ...sizes: number[]): Entry[] {
  return sizes.map((size, at) => ({
    index: first + at,
    term: 1,
    kind: "noop",
    data: new Uint8Array(size),
  }));
}

function scene(limits: Partial<ApplyLimits>): Applier {
  const store = createStore(new ArrayBackend());
  return new Applier({ store, logger: silentLogger, configuration, limits }, []);
}

describe("Applier", () => {
  it("is full with as many entries as may wait, also with empty ones", () => {
    const applier = scene({ sliceEntriesMax: 2, queueEntriesMax: 3 });
    applier.add(entriesOf(1, 0, 0));
    equal(applier.isFull, false);
    applier.add(entriesOf(3, 0, 0, 0));
    equal(applier.isFull, true);
    deepEqual(applier.applySlice(), { index: 2, bytes: 0 });
    equal(applier.isFull, true);
    applier.applySlice();
    equal(applier.isFull, false);
  });

  it("is full with as many bytes as may wait, until they are applied or replaced", () => {
    const applier = scene({ sliceEntriesMax: 1, queueBytesMax: 100 });
    applier.add(entriesOf(1, 99));
    equal(applier.isFull, false);
    applier.add(entriesOf(2, 1, 50, 60));
    equal(applier.isFull, true);
    deepEqual(applier.applySlice(), { index: 1, bytes: 99 });
    equal(applier.isFull, true);
    applier.applySlice();
    equal(applier.isFull, true);
    applier.applySlice();
    equal(applier.isFull, false);
    applier.add(entriesOf(5, 40));
    equal(applier.isFull, true);
    applier.reset(configuration);
    deepEqual([applier.isFull, applier.isBehind], [false, false]);
    applier.add(entriesOf(4, 99));
    equal(applier.isFull, false, "what was replaced is not counted any more");
  });

  it("does not count what the store holds already", () => {
    const applier = scene({ queueBytesMax: 100 });
    applier.add(entriesOf(1, 60));
    applier.applySlice();
    applier.add(entriesOf(1, 60, 60));
    equal(applier.isFull, false);
    deepEqual(applier.applySlice(), { index: 2, bytes: 60 });
  });
});
