import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { withDeletions } from "../src/cluster/manifests.ts";

describe("withDeletions()", () => {
  const cases = [
    ["keeps what is new", {}, { a: 1 }, { a: 1 }],
    ["deletes what is gone", { a: 1, b: 2 }, { a: 1 }, { a: 1, b: null }],
    ["goes into maps", { m: { a: 1, b: 2 } }, { m: { b: 3 } }, { m: { a: null, b: 3 } }],
    ["replaces lists whole", { l: [1, 2] }, { l: [1] }, { l: [1] }],
    ["replaces a map by a value", { m: { a: 1 } }, { m: "x" }, { m: "x" }],
    ["knows nothing of null", null, { a: 1 }, { a: 1 }],
  ] as const;
  for (const [name, previous, next, want] of cases) {
    it(name, () => deepEqual(withDeletions(previous as never, next as never), want));
  }
});
