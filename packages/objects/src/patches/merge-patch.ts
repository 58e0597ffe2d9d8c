/** JSON merge patch (RFC 7396): null deletes, objects merge, everything else replaces. Pure. */

import { copyJson, isRecord, isTooDeep, type JsonRecord, setKey } from "../json.ts";
import type { Json } from "../types.ts";
import { type PatchOutcome, tooDeep } from "./outcome.ts";

/** Applies `patch` to `original`. A patch that is not an object is malformed here. */
export function mergePatch(original: Json, patch: Json): PatchOutcome {
  if (!isRecord(patch)) {
    const type = Array.isArray(patch) ? "array" : patch === null ? "null" : typeof patch;
    const message = `cannot unmarshal ${type} into Go value of type map[string]interface {}`;
    return { kind: "badRequest", message: `error decoding patch: json: ${message}` };
  }
  if (isTooDeep(patch)) return tooDeep;
  return { kind: "ok", object: merge(original, patch) };
}

function merge(original: Json | undefined, patch: Json): Json {
  if (!isRecord(patch)) return copyJson(patch);
  const merged = isRecord(original) ? (copyJson(original) as JsonRecord) : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else setKey(merged, key, merge(Object.hasOwn(merged, key) ? merged[key] : undefined, value));
  }
  return merged;
}
