/**
 * Inputs for fuzzers: bytes that were good, a little changed. Pure; the same seed gives the same bytes.
 *
 * Of the usual kinds: bits and bytes that flip, values at the edges of varints and lengths, parts that
 * are lost, doubled, moved, or come from another input.
 */
import type { Prng } from "./prng.ts";

/** What parsers trip over: ends of ranges, of varints, and of text. */
const edges: readonly (readonly number[])[] = [
  [0x00],
  [0x01],
  [0x7f],
  [0x80],
  [0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0x22],
  [0x7b, 0x7d],
  [0xc3, 0x28],
];

/** Changes made to one input at most. */
const changesMax = 4;

/** `bytes`, changed in one to four places; `others` are inputs of which parts may be borrowed. */
export function mutateBytes(
  prng: Prng,
  bytes: Uint8Array,
  others: readonly Uint8Array[],
): Uint8Array {
  let mutated = bytes;
  for (let changes = prng.between(1, changesMax); changes > 0; changes--) {
    mutated = mutateOnce(prng, mutated, others);
  }
  return mutated;
}

function mutateOnce(prng: Prng, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const at = prng.below(bytes.length + 1);
  const size = prng.chance(0.7) ? prng.below(5) : prng.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + size);
  switch (prng.below(7)) {
    case 0:
      return replaced(bytes, at, at + 1, [(bytes[at] ?? 0) ^ (1 << prng.below(8))]);
    case 1:
      return replaced(bytes, at, at + 1, [prng.below(256)]);
    case 2:
      return replaced(bytes, at, end, []);
    case 3:
      return replaced(bytes, at, at, bytes.subarray(at, end));
    case 4: {
      const edge = prng.pick(edges);
      return replaced(bytes, at, prng.chance(0.5) ? at : at + edge.length, edge);
    }
    case 5: {
      const other = others.length === 0 ? bytes : prng.pick(others);
      const from = prng.below(other.length + 1);
      return replaced(bytes, at, end, other.subarray(from, from + prng.below(64)));
    }
    default:
      return bytes.subarray(0, at);
  }
}

function replaced(bytes: Uint8Array, from: number, to: number, by: ArrayLike<number>): Uint8Array {
  const rest = bytes.subarray(Math.min(to, bytes.length));
  const result = new Uint8Array(from + by.length + rest.length);
  result.set(bytes.subarray(0, from));
  result.set(by, from);
  result.set(rest, from + by.length);
  return result;
}
