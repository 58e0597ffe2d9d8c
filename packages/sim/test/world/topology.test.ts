import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { drawPartition, type PartitionShape } from "../../src/world/topology.ts";

const servers = [0, 1, 2, 3, 4];

/** For each server: how many others it hears, and is heard by. */
function reach(shape: PartitionShape, seed: number): { hears: number[]; heard: number[] } {
  const hears = servers.map(() => servers.length - 1);
  const heard = servers.map(() => servers.length - 1);
  const seen = new Set<string>();
  for (const [from, to] of drawPartition(shape, servers, new Prng(seed))) {
    ok(from !== to && !seen.has(`${from} ${to}`), `seed=${seed} ${shape}`);
    seen.add(`${from} ${to}`);
    hears[to] = (hears[to] as number) - 1;
    heard[from] = (heard[from] as number) - 1;
  }
  return { hears, heard };
}

const sorted = (counts: number[]): string => counts.sort().join("");

describe("drawPartition()", () => {
  // For each shape: how many others the servers hear, and are heard by, sorted.
  // biome-ignore format: a table
  const cases: [PartitionShape, string, string][] = [
    ["pair",    "33444", "33444"],
    ["bridge",  "22224", "22224"],
    ["ring",    "22222", "22222"],
    ["isolate", "03333", "03333"],
    ["deaf",    "04444", "33334"],
    ["mute",    "33334", "04444"],
  ];
  for (const [shape, hears, heard] of cases) {
    it(`cuts a ${shape} (50 seeds)`, () => {
      for (let seed = 0; seed < 50; seed++) {
        const found = reach(shape, seed);
        equal(sorted(found.hears), hears, `seed=${seed}`);
        equal(sorted(found.heard), heard, `seed=${seed}`);
      }
    });
  }

  it("splits into two groups that each hear themselves (50 seeds)", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { hears, heard } = reach("split", seed);
      equal(hears.join(""), heard.join(""), `seed=${seed}`);
      ok(["01111".length, 5].includes(hears.length));
      // A server in a group of n hears n - 1 others.
      for (const [at, count] of hears.entries()) {
        equal(hears.filter((other) => other === count).length % (count + 1), 0, `${seed} ${at}`);
      }
    }
  });

  it("cuts one way only: one group hears all, and is not heard by the other (50 seeds)", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { hears } = reach("oneWay", seed);
      const deaf = hears.filter((count) => count < 4).length;
      ok(deaf > 0 && deaf < 5, `seed=${seed}`);
      ok(
        hears.every((count) => count === 4 || count === deaf - 1),
        `seed=${seed}: ${hears}`,
      );
    }
  });
});
