import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { InvariantError, Prng } from "@flotilla/base";

const take = (prng: Prng, count: number) => Array.from({ length: count }, () => prng.next32());

describe("Prng", () => {
  it("gives the same numbers for the same seed, on any engine, for ever", () => {
    deepEqual(take(new Prng(1), 3), take(new Prng(1), 3));
    deepEqual(take(new Prng(42), 4), [2993059876, 2683266877, 3613609488, 3520258888]);
  });

  it("gives other numbers for another seed, also when only the high bits differ", () => {
    ok(take(new Prng(1), 1)[0] !== take(new Prng(2), 1)[0]);
    ok(take(new Prng(1), 1)[0] !== take(new Prng(1 + 2 ** 40), 1)[0]);
  });

  it("spreads below(n) evenly: each of 10 places within 5 % of its share", () => {
    const prng = new Prng(7);
    const hits = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 100_000; draw++) hits[prng.below(10)]! += 1;
    for (const count of hits) ok(Math.abs(count - 10_000) < 500, `hits: ${hits}`);
  });

  it("split() gives a stream that does not depend on later draws", () => {
    const one = new Prng(5);
    const two = new Prng(5);
    const left = one.split();
    const right = two.split();
    take(two, 100);
    deepEqual(take(left, 5), take(right, 5));
  });

  it("refuses an empty range", () => {
    throws(() => new Prng(1).below(0), InvariantError);
    equal(new Prng(1).below(1), 0);
  });
});
