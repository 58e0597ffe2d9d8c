import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { AscendingMap } from "../src/ascending-map.ts";
import { InvariantError } from "../src/assert.ts";
import { Prng } from "../src/prng.ts";

const one = (id: number) => ({ id });

describe("AscendingMap", () => {
  it("does what a Map does (50 seeds)", () => {
    for (let seed = 0; seed < 50; seed++) {
      const prng = new Prng(seed);
      const map = new AscendingMap<{ id: number }>();
      const model = new Map<number, { id: number }>();
      let key = 0;
      for (let step = 0; step < 2000; step++) {
        // Grows to a few hundred, and shrinks to none.
        const grows = prng.between(0, 10) < (step % 700 < 350 ? 7 : 3);
        if (grows) {
          key += prng.between(1, prng.pick([1, 3, 1000]));
          map.add(key, one(key));
          model.set(key, one(key));
        } else {
          const keys = [...model.keys()];
          const gone = prng.pick([keys[0], keys.at(-1), prng.pick([0, ...keys]), key + 1]) ?? 0;
          deepEqual(map.delete(gone), model.get(gone), `seed ${seed}`);
          model.delete(gone);
        }
        equal(map.size, model.size, `seed ${seed}`);
        equal(map.firstKey, model.keys().next().value, `seed ${seed}`);
        const looked = prng.between(0, key + 2);
        deepEqual(map.get(looked), model.get(looked), `seed ${seed}`);
      }
      deepEqual(map.values(), [...model.values()], `seed ${seed}`);
      deepEqual(
        map.find(({ id }) => id % 7 === 0),
        [...model.values()].find(({ id }) => id % 7 === 0),
      );
    }
  });

  it("gives back what many have needed, and loses none of those that stay", () => {
    const map = new AscendingMap<{ id: number }>();
    for (let key = 0; key < 200_000; key++) map.add(key, one(key));
    for (let key = 0; key < 200_000; key++) if (key % 10_000 !== 0) map.delete(key);
    deepEqual(
      map.values().map(({ id }) => id),
      Array.from({ length: 20 }, (_, at) => at * 10_000),
    );
    equal(map.firstKey, 0);
  });

  it("takes only keys that are greater, also after it was cleared", () => {
    const map = new AscendingMap<{ id: number }>();
    map.add(5, one(5));
    throws(() => map.add(5, one(5)), InvariantError);
    map.delete(5);
    throws(() => map.add(4, one(4)), InvariantError);
    map.add(6, one(6));
    map.clear();
    deepEqual([map.size, map.get(6), map.firstKey, map.values()], [0, undefined, undefined, []]);
    throws(() => map.add(6, one(6)), InvariantError);
    map.add(7, one(7));
    deepEqual(map.values(), [one(7)]);
  });
});
