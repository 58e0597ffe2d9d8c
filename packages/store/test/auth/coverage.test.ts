/** Which keys permissions reach. */
import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { Coverage } from "../../src/auth/coverage.ts";
import type { KeyRange } from "../../src/index.ts";
import { b } from "../fixtures.ts";

const range = (key: string, rangeEnd = ""): KeyRange => ({ key: b(key), rangeEnd: b(rangeEnd) });
/** `a` a key, `a-c` a range, `a-` one without an end. */
function parse(text: string): KeyRange {
  const [key = "", end] = text.split("-");
  return range(key, end === undefined ? "" : end === "" ? "\0" : end);
}

// biome-ignore format: a table
const cases: readonly (readonly [why: string, granted: string, asked: string, isCovered: boolean])[] = [
  ["the key itself",                              "a",           "a",      true],
  ["another key",                                 "a",           "b",      false],
  ["a key that only begins like it",              "a",           "aa",     false],
  ["a single key never covers a range",           "a",           "a-b",    false],
  ["not even many of them",                       "a b c",       "a-c",    false],
  ["but the range that holds it alone",           "a",           "a-a\0",  true],
  ["two keys without one between them",           "a a\0",       "a-a\0\0", true],
  ["a key of a range",                            "a-c",         "b",      true],
  ["its first key",                               "a-c",         "a",      true],
  ["its end is not in it",                        "a-c",         "c",      false],
  ["a range of a range",                          "a-d",         "b-c",    true],
  ["all of it",                                   "a-d",         "a-d",    true],
  ["more than it",                                "a-d",         "a-e",    false],
  ["from before it",                              "b-d",         "a-c",    false],
  ["ranges that touch are one",                   "a-b b-c",     "a-c",    true],
  ["in whatever order they came",                 "c-d a-b b-c", "a-d",    true],
  ["overlapping ones too",                        "a-c b-d",     "a-d",    true],
  ["a short one within a long one",               "a-d b-c",     "a-d",    true],
  ["with a gap they are two",                     "a-b c-d",     "a-d",    false],
  ["a key that fills a gap",                      "a-b b b\0-c", "a-c",    true],
  ["no end",                                      "b-",          "b-",     true],
  ["no end, of a key behind",                     "b-",          "zzz",    true],
  ["no end, from a key behind",                   "b-",          "c-",     true],
  ["no end, from a key before",                   "b-",          "a-",     false],
  ["an end is less than none",                    "b-c",         "b-",     false],
  ["a great end too",                             "b-\xff\xff",  "b-",     false],
  ["one zero byte begins everything",             "\0-",         "\0-",    true],
  ["two zero bytes are an end like any other",    "\0-\0\0",     "\0-",    false],
  ["an empty range within",                       "a-d",         "c-b",    true],
  ["a range of nothing within",                   "a-c",         "b-b",    true],
  ["an empty range outside",                      "a-c",         "d-a",    false],
  ["nothing granted",                             "",            "a",      false],
];

describe("coverage", () => {
  for (const [why, granted, asked, isCovered] of cases) {
    it(`${why}: [${granted}] ${isCovered ? "covers" : "does not cover"} ${asked}`, () => {
      const ranges = granted.split(" ").filter((text) => text !== "");
      equal(new Coverage(ranges.map(parse)).covers(parse(asked)), isCovered);
    });
  }

  it("is what one gets by trying every key", () => {
    // Keys of one letter, and one letter behind it: a range is covered when all of these in it are.
    const letters = "abcdefg";
    const keys = [...letters].flatMap((first) => [first, `${first}\0`, `${first}m`]);
    for (let seed = 1; seed <= 300; seed++) {
      const prng = new Prng(seed);
      const draw = (): KeyRange => {
        const [from, to] = [prng.pick(keys), prng.pick(keys)];
        return prng.chance(0.3) ? range(from) : range(from, prng.chance(0.1) ? "\0" : to);
      };
      const granted = Array.from({ length: 1 + prng.below(5) }, draw).filter(isSound);
      const coverage = new Coverage(granted);
      for (let count = 0; count < 20; count++) {
        const asked = draw();
        if (!isSound(asked)) continue;
        const named = samples(keys).filter((key) => names(asked, key));
        const want = named.every((key) => granted.some((each) => names(each, key)));
        const text = JSON.stringify({ granted: granted.map(show), asked: show(asked) });
        equal(coverage.covers(asked), want, `seed ${seed}: ${text}`);
      }
    }
  });
});

function show({ key, rangeEnd }: KeyRange): string {
  return `${Buffer.from(key)}-${Buffer.from(rangeEnd)}`;
}

function isSound({ key, rangeEnd }: KeyRange): boolean {
  return rangeEnd.length === 0 || isOpen(rangeEnd) || Buffer.compare(key, rangeEnd) < 0;
}

function isOpen(rangeEnd: Uint8Array): boolean {
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}

/** Every key, and one between it and all that follow; and one behind everything. */
function samples(keys: readonly string[]): Uint8Array[] {
  return [...keys, ...keys.map((key) => `${key}\0\0`), ...keys.map((key) => `${key}zz`), "zzz"].map(
    b,
  );
}

function names({ key, rangeEnd }: KeyRange, candidate: Uint8Array): boolean {
  if (rangeEnd.length === 0) return Buffer.compare(key, candidate) === 0;
  if (Buffer.compare(candidate, key) < 0) return false;
  return isOpen(rangeEnd) || Buffer.compare(candidate, rangeEnd) < 0;
}
