import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { ageOf, formatMicroTime, formatTime, humanDuration, parseTime } from "../src/index.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("formatTime() and parseTime()", () => {
  it("agree with Date on every kind of year (2000 seeds)", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const prng = new Prng(seed);
      const ms = prng.between(-30_000, 60_000) * day + prng.below(86_400) * second;
      const iso = new Date(ms).toISOString().replace(".000Z", "Z");
      equal(formatTime(ms), iso, `seed=${seed}`);
      equal(parseTime(iso), ms, `seed=${seed}`);
    }
  });

  // biome-ignore format: a table
  const cases: [string, number | undefined][] = [
    ["1970-01-01T00:00:00Z",             0],
    ["2000-02-29T12:00:00Z",             951_825_600_000],
    ["2026-01-01T02:00:00+02:00",        1_767_225_600_000],
    ["2025-12-31T18:30:00-05:30",        1_767_225_600_000],
    ["2026-01-01T00:00:00.5Z",           1_767_225_600_500],
    ["2026-01-01T00:00:00.000001Z",      1_767_225_600_000.001],
    ["1900-02-29T00:00:00Z",             undefined],
    ["2026-13-01T00:00:00Z",             undefined],
    ["2026-04-31T00:00:00Z",             undefined],
    ["2026-01-01T24:00:00Z",             undefined],
    ["2026-01-01 00:00:00Z",             undefined],
    ["2026-01-01T00:00:00",              undefined],
    ["yesterday",                        undefined],
    ["",                                 undefined],
  ];
  for (const [text, ms] of cases) it(`"${text}" is ${ms}`, () => equal(parseTime(text), ms));

  it("cuts to seconds, and writes six digits where they are wanted", () => {
    equal(formatTime(1999), "1970-01-01T00:00:01Z");
    equal(formatMicroTime(1999), "1970-01-01T00:00:01.999000Z");
    equal(formatMicroTime(1_767_225_600_000.001), "2026-01-01T00:00:00.000001Z");
    equal(formatMicroTime(1999.9999), "1970-01-01T00:00:01.999999Z");
  });
});

describe("humanDuration()", () => {
  // The steps of apimachinery's duration.HumanDuration.
  // biome-ignore format: a table
  const cases: [number, string][] = [
    [-3 * second, "<invalid>"], [-1 * second, "0s"], [0, "0s"], [119 * second, "119s"],
    [2 * minute, "2m"], [9 * minute + 59 * second, "9m59s"], [10 * minute + 5 * second, "10m"],
    [179 * minute, "179m"], [3 * hour, "3h"], [3 * hour + 5 * minute, "3h5m"],
    [8 * hour + 5 * minute, "8h"], [47 * hour, "47h"], [48 * hour, "2d"], [50 * hour, "2d2h"],
    [8 * day + 5 * hour, "8d"], [729 * day, "729d"], [730 * day, "2y"], [800 * day, "2y70d"],
    [2920 * day, "8y"],
  ];
  for (const [ms, want] of cases) {
    it(`${ms / second} s is ${want}`, () => equal(humanDuration(ms), want));
  }

  it("does not know the age of what has no time", () => {
    equal(ageOf(undefined, 0), "<unknown>");
    equal(ageOf(null, 0), "<unknown>");
    equal(ageOf("1970-01-01T00:00:00Z", 5 * second), "5s");
  });
});
