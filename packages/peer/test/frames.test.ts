import { deepEqual, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, Prng } from "@flotilla/base";
import { PeerError } from "../src/errors.ts";
import { FrameReader, frameHead, frameKind } from "../src/frames.ts";

function randomFrames(prng: Prng) {
  return Array.from({ length: prng.between(1, 8) }, () => {
    const body = new Uint8Array(prng.pick([0, 1, 7, 100, 3000]));
    for (let at = 0; at < body.length; at++) body[at] = prng.below(256);
    return { kind: prng.between(1, 12), body };
  });
}

function* cuts(bytes: Uint8Array, prng: Prng): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = prng.between(1, prng.pick([1, 10, 4000]));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("FrameReader", () => {
  it("gives back what was framed, however it is cut (200 seeds)", () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = new Prng(seed);
      const frames = randomFrames(prng);
      const bytes = concatBytes(frames.flatMap(({ kind, body }) => [frameHead(kind, body), body]));
      const got: { kind: number; body: Uint8Array }[] = [];
      const reader = new FrameReader(4096, (kind, body) => got.push({ kind, body }));
      for (const part of cuts(bytes, prng)) reader.push(part);
      deepEqual(got, frames, `seed=${seed}`);
    }
  });

  it("delivers nothing that was changed on the way, and throws PeerError only (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const frames = randomFrames(prng);
      const bytes = concatBytes(frames.flatMap(({ kind, body }) => [frameHead(kind, body), body]));
      bytes[prng.below(bytes.length)] = prng.below(256);
      const got: { kind: number; body: Uint8Array }[] = [];
      const reader = new FrameReader(4096, (kind, body) => got.push({ kind, body }));
      try {
        for (const part of cuts(bytes, prng)) reader.push(part);
      } catch (error) {
        ok(error instanceof PeerError, `seed=${seed}`);
      }
      deepEqual(got, frames.slice(0, got.length), `seed=${seed}`);
    }
  });

  it("gives back an empty body that lies nowhere", () => {
    const kinds: number[] = [];
    const reader = new FrameReader(0, (kind) => kinds.push(kind));
    reader.push(frameHead(frameKind.ping, new Uint8Array(new ArrayBuffer(0))));
    deepEqual(kinds, [frameKind.ping]);
  });

  it("refuses a length at sight, without waiting for the bytes", () => {
    const reader = new FrameReader(100, () => {});
    const head = frameHead(frameKind.message, new Uint8Array(101));
    throws(() => reader.push(head), { code: "badFrame" });
  });
});
