import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { watchStretchMs } from "../src/limits.ts";
import { WatchTurns } from "../src/services/watch-turns.ts";

/** Each turn takes a third of a stretch. */
function manyTakers(turns: readonly (readonly [name: string, turns: number])[]) {
  const done: string[] = [];
  let nowMs = 0;
  const line = new WatchTurns({ nowMs: () => nowMs });
  for (const [name, wanted] of turns) {
    let left = wanted;
    line.join({
      takeTurn() {
        nowMs += watchStretchMs / 3 + 0.1;
        done.push(name);
        return --left > 0;
      },
    });
  }
  return done;
}

describe("WatchTurns", () => {
  it("lets all work in turns, and everybody else after a stretch, however many they are", async () => {
    const done = manyTakers([
      ["a", 3],
      ["b", 1],
      ["c", 2],
      ["d", 1],
    ]);
    const turns: string[] = [];
    while (turns.length < 4) {
      await nextTurn();
      turns.push(done.splice(0).join(""));
    }
    deepEqual(turns, ["abc", "dac", "a", ""]);
  });

  it("begins in the turn in which it is asked", async () => {
    const done = manyTakers([["a", 1]]);
    await undefined;
    deepEqual(done, ["a"]);
  });
});
