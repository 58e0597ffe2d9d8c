import { deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { mutateBytes, Prng, utf8 } from "../src/index.ts";

describe("mutateBytes()", () => {
  const good = utf8("a good input of some length");
  const others = [utf8("ANOTHER ONE")];

  it("gives the same for the same seed, and leaves the input alone (100 seeds)", () => {
    const before = good.slice();
    for (let seed = 0; seed < 100; seed++) {
      const first = mutateBytes(new Prng(seed), good, others);
      deepEqual(mutateBytes(new Prng(seed), good, others), first, `seed=${seed}`);
      deepEqual(good, before, `seed=${seed}`);
    }
  });

  it("shortens, lengthens, changes and borrows (1,000 seeds)", () => {
    const results = Array.from({ length: 1000 }, (_, seed) =>
      mutateBytes(new Prng(seed), good, others),
    );
    ok(results.some(({ length }) => length < good.length));
    ok(results.some(({ length }) => length > good.length));
    ok(results.some((bytes) => Buffer.from(bytes).includes("ANOTHER")));
    ok(new Set(results.map((bytes) => Buffer.from(bytes).toString("hex"))).size > 800);
  });

  it("takes an empty input, and none to borrow from (1,000 seeds)", () => {
    for (let seed = 0; seed < 1000; seed++) mutateBytes(new Prng(seed), new Uint8Array(0), []);
  });
});
