import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { compareBytes, Prng } from "@flotilla/base";
import { OrderedMap } from "../../src/state/ordered-map.ts";

type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** The same, as a sorted list. */
class SortedList {
  entries: Entry[] = [];

  copy(): SortedList {
    const copied = new SortedList();
    copied.entries = [...this.entries];
    return copied;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.delete(key);
    const at = this.rank(key);
    this.entries.splice(at, 0, [key, value]);
  }

  delete(key: Uint8Array): boolean {
    const at = this.entries.findIndex(([other]) => compareBytes(other, key) === 0);
    if (at !== -1) this.entries.splice(at, 1);
    return at !== -1;
  }

  rank(key: Uint8Array): number {
    return this.entries.filter(([other]) => compareBytes(other, key) < 0).length;
  }
}

const keyOf = (random: Prng, limit: number): Uint8Array => {
  const number = random.below(limit);
  return Uint8Array.of(1 + (number >> 8), number & 0xff);
};

function expectSame(map: OrderedMap, list: SortedList, random: Prng, limit: number, at: string) {
  deepEqual([...map.ascend(new Uint8Array(0))], list.entries, at);
  equal(map.size, list.entries.length, at);
  const bound = keyOf(random, limit);
  const rank = list.rank(bound);
  equal(map.rank(bound), rank, at);
  deepEqual([...map.ascend(bound)], list.entries.slice(rank), at);
  deepEqual([...map.descend(bound)], list.entries.slice(0, rank).reverse(), at);
  deepEqual([...map.descend(undefined)], list.entries.toReversed(), at);
  const found = list.entries.find(([key]) => compareBytes(key, bound) === 0);
  deepEqual(map.get(bound), found?.[1], at);
}

describe("OrderedMap", () => {
  it("is a sorted list, and so are its copies, whoever changes (60 seeds)", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new Prng(seed);
      const limit = random.pick([20, 300, 3_000]);
      const pairs: { map: OrderedMap; list: SortedList }[] = [
        { map: new OrderedMap(), list: new SortedList() },
      ];
      for (let step = 0; step < 1_500; step++) {
        const { map, list } = random.pick(pairs);
        const key = keyOf(random, limit);
        if (random.chance(0.6)) {
          const value = Uint8Array.of(step & 0xff);
          map.set(key, value);
          list.set(key, value);
        } else equal(map.delete(key), list.delete(key), `seed=${seed} step=${step}`);
        if (pairs.length < 4 && random.chance(0.01)) {
          pairs.push({ map: map.copy(), list: list.copy() });
        }
      }
      for (const [at, { map, list }] of pairs.entries()) {
        expectSame(map, list, random, limit, `seed=${seed} copy=${at}`);
      }
    }
  });

  it("is empty again after everything was deleted", () => {
    const map = new OrderedMap();
    const keys = Array.from({ length: 2_000 }, (_, at) => Uint8Array.of(at >> 8, at & 0xff));
    for (const key of keys) map.set(key, key);
    equal(map.size, 2_000);
    for (const key of keys) equal(map.delete(key), true);
    equal(map.size, 0);
    deepEqual([...map.ascend(new Uint8Array(0))], []);
    deepEqual([...map.descend(undefined)], []);
    map.set(Uint8Array.of(1), Uint8Array.of(2));
    deepEqual(map.get(Uint8Array.of(1)), Uint8Array.of(2));
  });
});
