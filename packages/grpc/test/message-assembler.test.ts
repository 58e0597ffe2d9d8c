import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { MessageAssembler, wholeMessage } from "../src/message-assembler.ts";
import { message } from "./fixtures.ts";

function collect(parts: readonly Uint8Array[], bytesMax = 100_000): Buffer[] {
  const assembler = new MessageAssembler(bytesMax, "identity");
  const messages: Buffer[] = [];
  for (const part of parts) assembler.push(part, (bytes) => messages.push(Buffer.from(bytes)));
  equal(assembler.atBoundary, true);
  return messages;
}

describe("MessageAssembler", () => {
  it("cuts messages however they are split (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const bodies = Array.from({ length: prng.below(6) }, () =>
        Buffer.alloc(prng.chance(0.3) ? 0 : prng.below(9000), prng.below(256)),
      );
      const stream = Buffer.concat(bodies.map((body) => message(body)));
      const parts: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const end = Math.min(stream.length, at + 1 + prng.below(prng.chance(0.5) ? 8 : 5000));
        parts.push(stream.subarray(at, end));
        at = end;
      }
      deepEqual(collect(parts), bodies, `seed=${seed}`);
    }
  });

  it("holds no more than twice of what has come, however much was announced", () => {
    const assembler = new MessageAssembler(1024 * 1024 * 1024, "identity");
    assembler.push(Buffer.from([0, 0x3f, 0xff, 0xff, 0xff, 1, 2, 3]), () => {});
    equal(assembler.heldBytes < 5000, true);
    assembler.push(Buffer.alloc(20_000), () => {});
    equal(assembler.heldBytes < 41_000, true);
    equal(assembler.atBoundary, false);
  });

  it("refuses a length beyond the limit at its prefix", () => {
    throws(() => collect([Buffer.from([0, 0x40, 0, 0, 0])]), {
      code: 8,
      message: "grpc: received message larger than max (1073741824 vs. 100000)",
    });
  });

  it("tells apart the ways in which a flag can be wrong", () => {
    const push = (flag: number, encoding: string): void =>
      new MessageAssembler(10, encoding).push(Buffer.from([flag, 0, 0, 0, 0]), () => {});
    throws(() => push(1, "identity"), { code: 13 });
    throws(() => push(1, "gzip"), { code: 12, name: "CompressedMessageError" });
    throws(() => push(2, "gzip"), { code: 13 });
  });
});

describe("wholeMessage()", () => {
  it("takes exactly one plain message", () => {
    deepEqual(Buffer.from(wholeMessage(message("abc"), 10) ?? []), Buffer.from("abc"));
    equal(wholeMessage(message(""), 10)?.length, 0);
    equal(wholeMessage(message("abc").subarray(0, 7), 10), undefined);
    equal(wholeMessage(Buffer.concat([message("abc"), message("")]), 100), undefined);
    equal(wholeMessage(message("abc"), 2), undefined);
    equal(wholeMessage(Buffer.from([1, 0, 0, 0, 0]), 2), undefined);
    equal(wholeMessage(Buffer.alloc(4), 2), undefined);
  });
});
