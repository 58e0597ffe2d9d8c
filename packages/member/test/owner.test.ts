import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage, Prng } from "@flotilla/base";
import { decodeOwner, drawIncarnation, encodeOwner } from "../src/owner.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("the owner of a log", () => {
  it("is etcd's metadata, with the incarnation in a field that etcd skips", () => {
    equal(hex(encodeOwner({ id: 1n, clusterId: 2n, incarnation: 0 })), "08011002");
    equal(hex(encodeOwner({ id: 1n, clusterId: 2n, incarnation: 3 })), "08011002800103");
  });

  it("comes back as it was written (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const wide = () => (BigInt(prng.next32()) << 32n) | BigInt(prng.next32());
      const incarnation = prng.chance(0.2) ? Number.MAX_SAFE_INTEGER : prng.next32();
      const owner = { id: wide() | 1n, clusterId: wide(), incarnation };
      deepEqual(decodeOwner(encodeOwner(owner)), owner, `seed=${seed}`);
    }
  });

  it("is nobody when the bytes are damaged, or name no member", () => {
    equal(decodeOwner(Uint8Array.of(8)), undefined);
    equal(decodeOwner(new Uint8Array(0)), undefined);
    const beyond = encodeMessage((writer) => {
      writer.fieldVarint64(1, 1n);
      writer.fieldVarint64(16, 1n << 53n);
    });
    equal(decodeOwner(beyond), undefined);
  });

  it("draws incarnations of 53 bits that differ, none of them 0", () => {
    const drawn = Array.from({ length: 100 }, drawIncarnation);
    ok(drawn.every((incarnation) => Number.isSafeInteger(incarnation) && incarnation > 0));
    equal(new Set(drawn).size, 100);
  });
});
