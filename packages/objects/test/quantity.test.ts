import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  resolveIntOrPercent,
} from "../src/index.ts";

describe("quantities", () => {
  // biome-ignore format: a table
  const cases: [text: string, value: number | undefined, canonical: string | undefined][] = [
    ["1",        1,             "1"],
    ["500m",     0.5,           "500m"],
    ["0.5",      0.5,           "500m"],
    [".5",       0.5,           "500m"],
    ["1.",       1,             "1"],
    ["1000m",    1,             "1"],
    ["1.5Gi",    1610612736,    "1536Mi"],
    ["1024Ki",   1048576,       "1Mi"],
    ["1023",     1023,          "1023"],
    ["128Mi",    134217728,     "128Mi"],
    ["0.5Ki",    512,           "512"],
    ["1500M",    1.5e9,         "1500M"],
    ["1000k",    1e6,           "1M"],
    ["1e3",      1000,          "1e3"],
    ["12e-1",    1.2,           "1200e-3"],
    ["5E",       5e18,          "5E"],
    ["-1",       -1,            "-1"],
    ["+2",       2,             "2"],
    ["0",        0,             "0"],
    ["0Gi",      0,             "0"],
    ["100n",     1e-7,          "100n"],
    ["0.1n",     1e-9,          "1n"],
    ["abc",      undefined,     undefined],
    ["",         undefined,     undefined],
    ["1 Gi",     undefined,     undefined],
    ["1gi",      undefined,     undefined],
    ["1e",       undefined,     undefined],
    ["Mi",       undefined,     undefined],
    ["1e99999",  undefined,     undefined],
  ];
  for (const [text, value, canonical] of cases) {
    it(`"${text}" is ${value}, written ${canonical}`, () => {
      equal(parseQuantity(text), value);
      equal(canonicalQuantity(text), canonical);
    });
  }

  it("compares exactly", () => {
    equal(compareQuantities("1Gi", "1024Mi"), 0);
    equal(compareQuantities("999m", "1"), -1);
    equal(compareQuantities("1n", "0"), 1);
    equal(compareQuantities("x", "1"), undefined);
  });

  it("formats numbers", () => {
    equal(formatQuantity(0.25), "250m");
    equal(formatQuantity(2), "2");
    equal(formatQuantity(0.0001), "1m");
    equal(formatQuantity(134_217_728, "binary"), "128Mi");
    equal(formatQuantity(1000, "binary"), "1000");
  });

  it("is stable: the canonical form is its own canonical form (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const text = `${prng.below(5000)}${prng.pick(["", "m", "k", "Ki", "Mi", "e2", ".25Gi"])}`;
      const once = canonicalQuantity(text);
      equal(once === undefined ? "none" : canonicalQuantity(once), once, `seed=${seed} ${text}`);
      equal(parseQuantity(once ?? ""), parseQuantity(text), `seed=${seed} ${text}`);
    }
  });
});

describe("resolveIntOrPercent()", () => {
  // biome-ignore format: a table
  const cases: [number | string, number, "up" | "down", number | undefined][] = [
    [3, 10, "up", 3], ["25%", 10, "up", 3], ["25%", 10, "down", 2], ["100%", 7, "down", 7],
    ["0%", 7, "up", 0], ["150%", 2, "up", 3], ["x%", 2, "up", undefined], ["3", 2, "up", undefined],
  ];
  for (const [value, total, round, want] of cases) {
    it(`${value} of ${total}, rounded ${round}, is ${want}`, () => {
      equal(resolveIntOrPercent(value, total, round), want);
    });
  }
});
