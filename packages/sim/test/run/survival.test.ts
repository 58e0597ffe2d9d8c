import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Configuration } from "@flotilla/consensus";
import { survivesWithout } from "../../src/run/survival.ts";

/** `a1 b2w | c1`: voters with votes, witnesses marked, and the outgoing ones. */
function configurationOf(text: string): Configuration {
  const [now = "", before = ""] = text.split("|");
  const votersOf = (part: string) =>
    part
      .trim()
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => ({ id: word.slice(0, 1), votes: Number(word.slice(1, 2)) }));
  const witnesses = [...text.matchAll(/(\w)\dw/g)].map((match) => match[1] as string);
  return { voters: votersOf(now), learners: [], outgoing: votersOf(before), witnesses };
}

describe("survivesWithout()", () => {
  // biome-ignore format: a table
  const cases: [configuration: string, gone: string, survives: boolean][] = [
    ["a1 b1 c1",           "a",  true],
    ["a1 b1 c1",           "ab", false],
    ["a1 b1",              "a",  false],
    ["a3 b1 c1",           "bc", true],
    ["a3 b1 c1",           "a",  false],
    ["a1 b1 c1w",          "a",  true],
    ["a1 b1w c1w",         "a",  false], // Nobody with data is left.
    ["a1 b1 c1 | a1 d1",   "b",  true],
    ["a1 b1 c1 | a1 d1",   "d",  false], // The old half is not quorate.
    ["",                   "a",  true], // A blank configuration says nothing.
  ];
  for (const [configuration, gone, survives] of cases) {
    it(`${configuration || "nobody"} without ${gone}: ${survives}`, () => {
      equal(survivesWithout(configurationOf(configuration), new Set(gone)), survives);
    });
  }

  it("does not survive the loss of its only possible leader", () => {
    const configuration = { ...configurationOf("a1 b1 c1"), staticLeader: "a" };
    equal(survivesWithout(configuration, new Set("a")), false);
    equal(survivesWithout(configuration, new Set("b")), true);
  });
});
