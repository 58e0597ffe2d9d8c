import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Prng,
  utf8,
  varintSize,
  WireError,
  WireReader,
  WireTextError,
  WireWriter,
} from "@flotilla/base";

const written = (body: (writer: WireWriter) => void) => {
  const writer = new WireWriter(1);
  body(writer);
  return writer.finish();
};

describe("varints", () => {
  // protobuf.dev/programming-guides/encoding: 150 is 96 01; -2 as int64 is ten bytes.
  const cases: readonly (readonly [number, string])[] = [
    [0, "00"],
    [1, "01"],
    [127, "7f"],
    [128, "8001"],
    [150, "9601"],
    [0x7fff_ffff, "ffffffff07"],
    [0x8000_0000, "8080808008"],
    [Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
    [-2, "feffffffffffffffff01"],
  ];
  for (const [value, hex] of cases) {
    it(`writes and reads ${value}`, () => {
      const bytes = written((writer) => writer.varint(value));
      equal(Buffer.from(bytes).toString("hex"), hex);
      equal(new WireReader(bytes).varint(), value);
      if (value >= 0) equal(varintSize(value), bytes.length);
    });
  }

  it("keeps all 64 bits of wide integers", () => {
    for (const value of [
      0n,
      1n,
      2n ** 28n,
      2n ** 56n,
      2n ** 63n,
      2n ** 64n - 1n,
      0x0123456789abcdefn,
    ]) {
      equal(new WireReader(written((writer) => writer.varint64(value))).varint64(), value);
    }
    equal(BigInt.asIntN(64, new WireReader(written((w) => w.varint64(-5n))).varint64()), -5n);
  });

  it("writes any 64 bits as the definition says, and reads them (20,000 seeds)", () => {
    for (let seed = 0; seed < 20_000; seed++) {
      const random = new Prng(seed);
      const bits = 1 + random.below(64);
      const drawn = (BigInt(random.next32()) << 32n) | BigInt(random.next32());
      const value = BigInt.asUintN(bits, drawn);
      const bytes = written((writer) => writer.varint64(value));
      let rest = value;
      const expected: number[] = [];
      for (; rest > 127n; rest >>= 7n) expected.push(Number(rest & 127n) | 128);
      deepEqual([...bytes], [...expected, Number(rest)], `seed ${seed}`);
      equal(new WireReader(bytes).varint64(), value, `seed ${seed}`);
    }
  });

  it("refuses integers beyond 2^53 where a number is asked for", () => {
    for (const value of [2n ** 53n, 2n ** 63n, -(2n ** 60n)]) {
      throws(() => new WireReader(written((writer) => writer.varint64(value))).varint(), WireError);
    }
  });

  it("refuses an eleventh byte, and an end in the middle", () => {
    throws(() => new WireReader(new Uint8Array(11).fill(0x80)).varint64(), WireError);
    throws(() => new WireReader(new Uint8Array([0x80])).varint(), WireError);
  });
});

describe("messages", () => {
  it("widen the length of an embedded message of 128 bytes and more", () => {
    for (const size of [0, 1, 127, 128, 16_383, 16_384, 70_000]) {
      const content = new Uint8Array(size).fill(7);
      const bytes = written((writer) => {
        writer.fieldMessage(1, (inner) => inner.raw(content));
        writer.fieldVarint(2, 5);
      });
      const reader = new WireReader(bytes);
      ok(reader.next());
      deepEqual(reader.bytes(), content, `size=${size}`);
      ok(reader.next());
      equal(reader.varint(), 5);
      equal(reader.next(), false);
    }
  });

  it("leave out defaults, and keep empty members of a oneof", () => {
    equal(
      written((writer) => {
        writer.fieldVarint(1, 0);
        writer.fieldText(2, "");
        writer.fieldBool(3, false);
      }).length,
      0,
    );
    equal(Buffer.from(written((w) => w.fieldBytesAlways(1, utf8("")))).toString("hex"), "0a00");
  });

  it("skip fields that nobody knows, of every wire type", () => {
    const bytes = written((writer) => {
      writer.fieldVarint(1, 1);
      writer.tag(2, 1);
      writer.raw(new Uint8Array(8));
      writer.fieldText(3, "x");
      writer.tag(4, 5);
      writer.fixed32(0xdeadbeef);
      writer.fieldVarint(5, 9);
    });
    const reader = new WireReader(bytes);
    let last = 0;
    while (reader.next()) {
      if (reader.field === 5) last = reader.varint();
      else reader.skip();
    }
    equal(last, 9);
  });

  it("throw WireError and nothing else on noise (5,000 seeds)", () => {
    for (let seed = 0; seed < 5000; seed++) {
      const prng = new Prng(seed);
      const reader = new WireReader(
        Uint8Array.from({ length: prng.below(24) }, () => prng.below(256)),
      );
      try {
        while (reader.next()) reader.skip();
      } catch (error) {
        ok(error instanceof WireError, `seed=${seed}: ${error}`);
      }
    }
  });

  it("take as text only what is UTF-8", () => {
    const read = (...bytes: number[]): string => {
      const reader = new WireReader(Uint8Array.of(0x0a, bytes.length, ...bytes));
      reader.next();
      return reader.text();
    };
    equal(read(0xef, 0xbf, 0xbd), "\ufffd"); // Written as such.
    const bad = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0x61, 0x80, 0xef, 0xbf, 0xbd]];
    for (const bytes of bad) throws(() => read(...bytes), WireTextError, String(bytes));
  });

  it("do not read past a length that lies", () => {
    throws(() => {
      const reader = new WireReader(new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x03, 1]));
      reader.next();
      reader.bytes();
    }, WireError);
  });
});
