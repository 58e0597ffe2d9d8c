import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { compareBytes, Prng, utf8 } from "@flotilla/base";
import { ByName, compareNames } from "../../src/auth/by-name.ts";

interface Item {
  readonly name: string;
  readonly version: number;
}

/** One to three characters, of one to four bytes each. */
function randomName(prng: Prng): string {
  const characters = ["a", "b", "z", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"];
  return Array.from({ length: 1 + prng.below(3) }, () => prng.pick(characters)).join("");
}

const sorted = (names: Iterable<string>): string[] =>
  [...names].sort((left, right) => compareBytes(utf8(left), utf8(right)));

describe("what is kept by name", () => {
  it("is in the order of the names' bytes", () => {
    const prng = new Prng(7);
    const names = Array.from({ length: 500 }, () => randomName(prng));
    deepEqual([...names].sort(compareNames), sorted(names), "seed 7");
  });

  it("changes as a map does, and what was before stays", () => {
    for (const seed of [1, 2, 3]) {
      const prng = new Prng(seed);
      const model = new Map<string, Item>();
      let all = ByName.of<Item>([]);
      for (let version = 0; version < 3_000; version++) {
        // It grows beyond a few chunks, and becomes empty again.
        const isRemoval = prng.below(100) < (version < 1_500 ? 20 : 80);
        const name = prng.below(2) === 0 ? randomName(prng) : `user-${prng.below(600)}`;
        const before = all;
        const was = before.get(name);
        const item = { name, version };
        all = isRemoval ? all.without(name) : all.with(item);
        if (isRemoval) model.delete(name);
        else model.set(name, item);
        equal(before.get(name), was, `seed ${seed}`);
        equal(all.get(name), model.get(name), `seed ${seed}`);
      }
      const names = sorted(model.keys());
      ok(names.length > 0, `seed ${seed}`);
      deepEqual(
        [...all.values()],
        names.map((name) => model.get(name)),
        `seed ${seed}`,
      );
      for (const name of names) all = all.without(name);
      deepEqual([...all.values()], [], `seed ${seed}`);
    }
  });

  it("shares all but one chunk with what was before", () => {
    const items = Array.from({ length: 10_000 }, (_, at) => ({
      name: `user-${10_000 + at}`,
      version: 0,
    }));
    let reads = 0;
    const watched = items.map((item) => ({
      version: 0,
      get name(): string {
        reads++;
        return item.name;
      },
    }));
    const all = ByName.of<Item>(watched);
    equal(all.with({ name: "user-150005", version: 1 }).get("user-150005")?.version, 1);
    ok(reads < 100, `${reads} names were looked at to add one user to 10,000`);
  });
});
