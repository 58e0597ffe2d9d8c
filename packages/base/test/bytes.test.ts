import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  Prng,
  prefixEnd,
  textOf,
  utf8,
} from "@flotilla/base";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("utf8() and textOf()", () => {
  it("give what TextEncoder and TextDecoder give, for every kind of character", () => {
    for (const text of [
      "",
      "plain",
      "ü",
      "€",
      "𝄞 clef",
      "a\u0000b",
      "\ud800 lone",
      "x\udc00",
      "\uffff\u{10ffff}",
    ]) {
      deepEqual(utf8(text), new TextEncoder().encode(text), JSON.stringify(text));
      equal(textOf(utf8(text)), new TextDecoder().decode(new TextEncoder().encode(text)), text);
    }
  });

  it("never throw on bytes that are not UTF-8, and give text that goes both ways (2,000 seeds)", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const prng = new Prng(seed);
      const noise = Uint8Array.from({ length: prng.below(12) }, () => prng.below(256));
      const text = textOf(noise);
      equal(textOf(utf8(text)), text, `seed=${seed}`);
    }
  });

  it("give the same for long texts as for their characters (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const pieces = Array.from({ length: 700 + prng.below(1500) }, () =>
        prng.pick(["a", "plain", "\u0000", "ü", "€", "𝄞", "\ufffd", "\u{10ffff}"]),
      );
      const text = pieces.join("");
      const encoded = new TextEncoder().encode(text);
      equal(textOf(encoded), text, `seed=${seed}`);
      encoded[prng.below(encoded.length)] = 0xff;
      equal(textOf(encoded).includes("\ufffd"), true, `seed=${seed}`);
    }
  });

  it("refuse overlong forms and surrogates in UTF-8", () => {
    equal(textOf(bytes(0xc0, 0x80)), "\ufffd\ufffd");
    equal(textOf(bytes(0xed, 0xa0, 0x80)), "\ufffd\ufffd\ufffd");
  });
});

describe("compareBytes()", () => {
  it("orders as Buffer.compare does (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const random = () =>
        Uint8Array.from({ length: prng.below(4) }, () => prng.pick([0, 1, 0x7f, 0x80, 0xff]));
      const [left, right] = [random(), random()];
      equal(Math.sign(compareBytes(left, right)), Buffer.compare(left, right), `seed=${seed}`);
      equal(equalBytes(left, right), Buffer.compare(left, right) === 0, `seed=${seed}`);
    }
  });
});

describe("prefixEnd()", () => {
  const cases = [
    [bytes(1), bytes(2)],
    [bytes(1, 0xff), bytes(2)],
    [bytes(1, 0xfe), bytes(1, 0xff)],
    [bytes(0xff, 0xff), undefined],
    [bytes(), undefined],
  ] as const;
  for (const [prefix, end] of cases) {
    it(`of [${prefix}] is [${end}]`, () => deepEqual(prefixEnd(prefix), end));
  }
});

it("concatBytes() joins in order", () => {
  deepEqual(concatBytes([bytes(1, 2), bytes(), bytes(3)]), bytes(1, 2, 3));
});
