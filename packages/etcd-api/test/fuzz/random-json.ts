/** Random requests by the gateway's table of messages: seeds of the fuzzers, for JSON and protobuf alike. */
import { Prng } from "@flotilla/base";
import type { Field, MessageType } from "../../src/gateway/schema.ts";

/** No message nests deeper than that. */
const depthMax = 5;
// `root` is none of them: nobody is to switch authentication on, after which all are refused.
const names: readonly string[] = [
  "a",
  "b",
  "ab",
  "key",
  "alice",
  "bob",
  "",
  "\u00e9",
  "x".repeat(300),
];
const numbers: readonly string[] = [
  ...["0", "1", "2", "3", "7", "10", "100", "-1", "5000", "9223372036854775807"],
  ...["-9223372036854775808", "18446744073709551615", "9007199254740993", "4294967296"],
];

/** How many requests of one type there are to begin with. */
const corpusSize = 60;
const corpora = new Map<MessageType, readonly string[]>();

/** Requests of one type, the same in every run: made once, for that takes longer than to change one. */
export function corpusOf(type: MessageType): readonly string[] {
  const known = corpora.get(type);
  if (known !== undefined) return known;
  const corpus = Array.from({ length: corpusSize }, (_, seed) => randomJson(new Prng(seed), type));
  corpora.set(type, corpus);
  return corpus;
}

/** The text of a message of that type, with some of its fields. */
function randomJson(prng: Prng, type: MessageType, depth = 0): string {
  const taken = new Set<string>();
  const fields = type.fields.filter(({ oneof }) => {
    if (prng.chance(0.4) || (oneof !== undefined && taken.has(oneof))) return false;
    if (oneof !== undefined) taken.add(oneof);
    return true;
  });
  const members = fields.map((field) => `"${field.name}":${fieldText(prng, field, depth)}`);
  return `{${members.join(",")}}`;
}

function fieldText(prng: Prng, field: Field, depth: number): string {
  if (!field.isRepeated) return oneOf(prng, field, depth);
  const count = depth >= depthMax ? 0 : prng.below(3);
  return `[${Array.from({ length: count }, () => oneOf(prng, field, depth)).join(",")}]`;
}

function oneOf(prng: Prng, { type }: Field, depth: number): string {
  switch (type.kind) {
    case "message":
      return depth >= depthMax ? "{}" : randomJson(prng, type.message, depth + 1);
    case "enum":
      return prng.chance(0.8) ? `"${prng.pick(type.values)}"` : String(prng.between(-1, 9));
    case "scalar":
      if (type.scalar === "u64") return `"${prng.pick(numbers).replace("-", "")}"`;
      if (type.scalar === "i64") return `"${BigInt.asIntN(64, BigInt(prng.pick(numbers)))}"`;
      if (type.scalar === "bool") return prng.pick(["true", "false"]);
      if (type.scalar === "string") return JSON.stringify(prng.pick(names));
      if (type.scalar === "bytes") return `"${Buffer.from(prng.pick(names)).toString("base64")}"`;
      return String(prng.below(100));
  }
}
