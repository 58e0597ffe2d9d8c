import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { compareBytes, Prng } from "@flotilla/base";
import {
  idKey,
  parseIdKey,
  parseRevisionKey,
  parseVersion,
  revisionKey,
  sameVersionedKey,
  versionKey,
  versionsStart,
} from "../src/layout.ts";

describe("revisionKey()", () => {
  it("is etcd's", () => {
    const hex = (key: Uint8Array) => Buffer.from(key).toString("hex");
    equal(hex(revisionKey(3, 1)), "00000000000000035f0000000000000001");
    equal(hex(revisionKey(2 ** 40, 258, true)), "00000100000000005f000000000000010274");
  });

  it("is read back, up to 2^53", () => {
    for (const main of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      for (const tombstone of [false, true]) {
        deepEqual(parseRevisionKey(revisionKey(main, 7, tombstone)), { main, sub: 7, tombstone });
      }
    }
  });
});

describe("versionKey()", () => {
  it("sorts by key, then revision, for keys of any bytes and lengths (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const make = () => ({
        key: new Uint8Array(prng.between(1, 4)).map(() => prng.pick([0, 1, 2, 254, 255])),
        main: prng.pick([1, 2, 255, 256, 2 ** 33]),
        sub: prng.below(3),
      });
      const [left, right] = [make(), make()];
      const want =
        compareBytes(left.key, right.key) || left.main - right.main || left.sub - right.sub;
      const [low, high] = [left, right].map(({ key, main, sub }) => versionKey(key, main, sub)) as [
        Uint8Array,
        Uint8Array,
      ];
      const at = `seed=${seed}`;
      equal(Math.sign(compareBytes(low, high)), Math.sign(want), at);
      equal(sameVersionedKey(low, high), compareBytes(left.key, right.key) === 0, at);
      const { main, sub } = left;
      deepEqual(parseVersion(low, Uint8Array.of(1)), { main, sub, tombstone: true }, at);
      const isBelow = compareBytes(versionsStart(right.key), low) <= 0;
      equal(isBelow, compareBytes(right.key, left.key) <= 0, at);
    }
  });
});

describe("idKey()", () => {
  it("is read back, negative ids as unsigned ones", () => {
    for (const id of [0n, 1n, 1n << 32n, (1n << 63n) - 1n]) equal(parseIdKey(idKey(id)), id);
    equal(BigInt.asIntN(64, parseIdKey(idKey(-3n))), -3n);
  });
});
