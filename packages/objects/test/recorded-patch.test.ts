import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeObject,
  type Json,
  jsonPatch,
  mergePatch,
  type PatchOutcome,
  strategicMergePatch,
} from "../src/index.ts";
import { resourceNamed, testdata } from "./fixtures.ts";

interface Case {
  readonly name: string;
  readonly type: "strategic" | "merge" | "json";
  readonly original: string;
  readonly patch: Json;
  readonly answer: { readonly object?: Json; readonly message?: string };
}

const originals = testdata<{ resource: string; object: Json }[]>("originals.json");

function apply({ type, original, patch }: Case, object: Json): PatchOutcome {
  if (type === "merge") return mergePatch(object, patch);
  if (type === "json") return jsonPatch(object, patch);
  return strategicMergePatch(resourceNamed(original), object, patch);
}

/** Both sides go through the decoder: kubectl's answer went through Go's. */
function decoded(resource: string, object: Json | undefined): unknown {
  const outcome = decodeObject(resourceNamed(resource), object ?? null, {
    fieldValidation: "Strict",
  });
  equal(outcome.kind, "ok", JSON.stringify(outcome));
  return JSON.parse(JSON.stringify(outcome));
}

describe("patches, compared with the recorded answers of kubectl", () => {
  for (const entry of testdata<Case[]>("patch.json")) {
    it(entry.name, () => {
      const object = originals.find(({ resource }) => resource === entry.original)?.object ?? null;
      const before = JSON.stringify(object);
      const outcome = apply(entry, object);
      equal(JSON.stringify(object), before, "the original is untouched");
      if (entry.answer.object === undefined) {
        // The texts differ by prefix and wrapping; those of the API server are tested elsewhere.
        equal(outcome.kind === "ok", false, `kubectl: ${entry.answer.message}`);
        match(entry.answer.message ?? "", /./);
        return;
      }
      equal(outcome.kind, "ok", JSON.stringify(outcome));
      if (outcome.kind !== "ok") return;
      deepEqual(
        decoded(entry.original, outcome.object),
        decoded(entry.original, entry.answer.object),
      );
    });
  }
});
