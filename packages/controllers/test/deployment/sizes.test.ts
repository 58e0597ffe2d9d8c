import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decideNewSize,
  decideRecreateSizes,
  decideRollingSizes,
  decideScaledSizes,
  type SetSize,
  type Sizes,
} from "../../src/deployment/sizes.ts";

/** "5/4/3": 5 wanted, 4 active, 3 available; "5" = all of them there and available. @d,m = records. */
function sized(name: string, text: string, createdMs: number): SetSize {
  const [numbers = "", records = ""] = text.split("@");
  const [replicas = 0, active = replicas, available = active] = numbers.split("/").map(Number);
  const [desiredRecorded, maxRecorded] = records === "" ? [] : records.split(",").map(Number);
  return { name, replicas, active, available, createdMs, desiredRecorded, maxRecorded };
}

function limitsFrom([replicas, maxSurge, maxUnavailable]: readonly [number, number, number]) {
  return { replicas, maxSurge, maxUnavailable };
}

/** "new" and "a", "b" ... for the old ones, oldest first. */
function setsFrom(newSet: string, olds: string) {
  const old = olds === "" ? [] : olds.split(" ");
  return {
    newSet: sized("new", newSet, 100),
    oldSets: old.map((text, at) => sized("abcdef"[at] ?? "", text, at)),
  };
}

function format(sizes: Sizes): string {
  return [...sizes].map(([name, size]) => `${name}=${size}`).join(" ") || "-";
}

describe("decideRollingSizes()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                          [replicas, surge, unavailable] new  old           want
    ["grows the new set by the surge",               [3, 1, 0],  "0",      "3",         "new=1"],
    ["waits for the new pod before the old goes",    [3, 1, 0],  "1/1/0",  "3",         "-"],
    ["removes an old pod for an available new one",  [3, 1, 0],  "1",      "3",         "a=2"],
    ["does not surge while a removed pod is there",  [3, 1, 0],  "1",      "2/3",       "-"],
    ["surges when it has gone",                      [3, 1, 0],  "1",      "2",         "new=2"],
    ["removes first when nothing may surge",         [3, 0, 1],  "0",      "3",         "a=2"],
    ["waits until what is removed is gone",          [3, 0, 1],  "0",      "2/3/3",     "-"],
    ["then grows",                                   [3, 0, 1],  "0",      "2",         "new=1"],
    ["removes unhealthy old pods first",             [10, 3, 2], "5/5/0",  "8/8/5",     "-"],
    ["cleans up a crashing rollout after an undo",   [10, 3, 2], "8/8/7",  "5/5/0",     "a=1"],
    ["cleans up the unhealthy of a roll-over",       [10, 3, 2], "0",      "8 5/5/0",   "b=0"],
    ["takes from the oldest first",                  [4, 2, 2],  "2",      "2 2",       "a=0 b=0"],
    ["shrinks a new set that is too large",          [3, 1, 0],  "5",      "0",         "new=3"],
    ["counts no pod that is to go as available",     [4, 0, 1],  "2",      "1/3/3",     "-"],
    ["rests when done",                              [3, 1, 0],  "3",      "0 0",       "-"],
    ["scales to nothing",                            [0, 1, 0],  "2",      "0",         "new=0"],
  ] as const;
  for (const [name, limits, newText, olds, want] of cases) {
    it(name, () => {
      const { newSet, oldSets } = setsFrom(newText, olds);
      equal(format(decideRollingSizes(limitsFrom(limits), newSet, oldSets)), want);
    });
  }
});

describe("decideNewSize()", () => {
  // biome-ignore format: a table
  const cases = [
    ["starts a first rollout in full",             [3, 1, 0], "",    3],
    ["starts with the surge beside old pods",      [4, 1, 1], "4",   1],
    ["starts with nothing when the room is taken", [4, 1, 1], "3 2", 0],
  ] as const;
  for (const [name, limits, olds, want] of cases) {
    it(name, () => {
      const { newSet, oldSets } = setsFrom("0", olds);
      equal(decideNewSize(limitsFrom(limits), newSet, oldSets), want);
    });
  }
});

describe("decideScaledSizes()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                               limits       new          old               want
    ["gives all to a lone set",                           [5, 1, 0],   "3@3,4",     "0",              "new=5"],
    ["gives all to the latest when none is active",       [5, 1, 0],   "0",         "0 0",            "new=5"],
    ["leaves a lone set of the right size",               [5, 1, 0],   "5@3,4",     "0",              "-"],
    ["empties old sets when the new one is complete",     [5, 1, 0],   "5@5,6",     "2",              "a=0"],
    ["adds in proportion during a rollout",               [20, 4, 0],  "4@10,12",   "8@10,12",        "a=16 new=8"],
    ["removes in proportion during a rollout",            [5, 1, 0],   "4@10,12",   "8@10,12",        "a=4 new=2"],
    ["gives what rounding leaves to the largest",         [11, 2, 0],  "4@10,12",   "8@10,12",        "a=9 new=4"],
    ["grows the newer of equal sets first",               [5, 0, 1],   "2@4,4",     "2@4,4",          "new=3 a=2"],
    ["shrinks the older of equal sets first",             [3, 0, 1],   "2@4,4",     "2@4,4",          "a=1 new=2"],
    ["scales to zero",                                    [0, 1, 0],   "2@4,5",     "3@4,5",          "a=0 new=0"],
    ["survives records that say nothing",                 [6, 0, 1],   "2@x",       "2",              "new=4 a=2"],
  ] as const;
  for (const [name, limits, newText, olds, want] of cases) {
    it(name, () => {
      const { newSet, oldSets } = setsFrom(newText.replace("@x", ""), olds);
      const options = { rolling: true, statusReplicas: 0 };
      equal(format(decideScaledSizes(limitsFrom(limits), newSet, oldSets, options)), want);
    });
  }

  it("leaves several active sets of a Recreate to the rollout", () => {
    const { newSet, oldSets } = setsFrom("2@4,4", "2@4,4");
    const options = { rolling: false, statusReplicas: 4 };
    equal(format(decideScaledSizes(limitsFrom([6, 0, 0]), newSet, oldSets, options)), "-");
  });
});

describe("decideRecreateSizes()", () => {
  // biome-ignore format: a table
  const cases = [
    ["empties the old sets first",            "0", "3 2", true,  "a=0 b=0"],
    ["waits for the last old pod to be gone", "0", "0/1", true,  "-"],
    ["then fills the new set",                "0", "0",   false, "new=3"],
    ["rests when done",                       "3", "0",   false, "-"],
  ] as const;
  for (const [name, newText, olds, oldPodsRemain, want] of cases) {
    it(name, () => {
      const { newSet, oldSets } = setsFrom(newText, olds);
      const limits = limitsFrom([3, 0, 0]);
      equal(format(decideRecreateSizes(limits, newSet, oldSets, oldPodsRemain)), want);
    });
  }
});
