/** Small operations on JSON values. Pure; no value that is passed in is changed, but by {@link setKey}. */
import type { Json } from "./types.ts";

/** A JSON object. */
export type JsonRecord = { [key: string]: Json };

/** A JSON object, not a list and not null. */
export function isRecord(json: Json | undefined): json is JsonRecord {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Sets a key even if it is `__proto__`, which plain assignment would take for the prototype. */
export function setKey(record: JsonRecord, key: string, value: Json): void {
  Object.defineProperty(record, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** A copy that shares nothing with the original. */
export function copyJson(json: Json): Json {
  if (Array.isArray(json)) return json.map(copyJson);
  if (!isRecord(json)) return json;
  const copy: JsonRecord = {};
  for (const [key, value] of Object.entries(json)) setKey(copy, key, copyJson(value));
  return copy;
}

/** True when both say the same, whatever the order of keys. */
export function equalJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => equalJson(item, right[at]));
  }
  if (!isRecord(left) || !isRecord(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key], right[key]))
  );
}

/** Bodies and patches that nest deeper are refused: everything here that walks them recurses. */
export const jsonDepthMax = 128;

/** True when `json` nests deeper than {@link jsonDepthMax}. Does not recurse itself. */
export function isTooDeep(json: Json): boolean {
  let level: Json[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > jsonDepthMax) return true;
    const next: Json[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      for (const inner of Array.isArray(value) ? value : Object.values(value)) {
        if (typeof inner === "object" && inner !== null) next.push(inner);
      }
    }
    level = next;
  }
  return false;
}
