/**
 * Made-up parts of names: random suffixes and template hashes, in the alphabet that Kubernetes uses
 * because no word can be spelled with it.
 *
 * Source: apimachinery pkg/util/rand. Pure.
 */
import type { Random } from "@flotilla/base";
import type { Json } from "./types.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** `length` characters, uniformly chosen. */
export function randomSuffix(random: Random, length: number): string {
  let suffix = "";
  for (let count = 0; count < length; count++) suffix += alphabet[random.below(alphabet.length)];
  return suffix;
}

/**
 * A short name for what `json` says: equal for equal values, whatever the order of keys; a key whose
 * value is undefined counts as absent. FNV-1a, 32 bits, so two values may share it: compare too.
 */
export function stableHash(json: unknown): string {
  let hash = 0x811c9dc5;
  for (const character of canonicalJson(json)) {
    hash ^= character.codePointAt(0) as number;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return safeName(hash);
}

/** JSON text with sorted keys: equal values have equal text. */
export function canonicalJson(json: unknown): string {
  if (json === undefined) return "null";
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(json as { [key: string]: Json | undefined })
    .filter(([, value]) => value !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${canonicalJson(value)}`);
  return `{${entries.join(",")}}`;
}

/** The decimal digits of the hash, each character replaced: "pod-template-hash" as Kubernetes writes it. */
function safeName(hash: number): string {
  let name = "";
  for (const digit of String(hash)) name += alphabet[digit.charCodeAt(0) % alphabet.length];
  return name;
}
