import { deepEqual, equal, notEqual, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { type HeaderList, HpackDecoder } from "../src/hpack-decoder.ts";
import { staticTable } from "../src/hpack-static-table.ts";
import { Http2Error } from "../src/http2-error.ts";
import { block, huffman } from "./fixtures.ts";

function decoder(listBytesMax = 16_384): HpackDecoder<HeaderList> {
  return new HpackDecoder((list) => list, listBytesMax);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const show = (list: HeaderList): string =>
  list.fields.map(({ name, value }) => `${name}: ${value}`).join("\n");

/** RFC 7541 appendix C: blocks of one connection in order, and what they mean. */
// biome-ignore format: a table
const appendixC: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["C.2.1", [["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header"]]],
  ["C.2.2", [["040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"]]],
  ["C.2.3", [["1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"]]],
  ["C.2.4", [["82", ":method: GET"]]],
  [
    "C.3",
    [
      ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"],
      ["8286 84be 5808 6e6f 2d63 6163 6865", ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache"],
      ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value"],
    ],
  ],
  [
    "C.4",
    [
      ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"],
      ["8286 84be 5886 a8eb 1064 9cbf", ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache"],
      ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value"],
    ],
  ],
  // Responses with a table of 256 bytes (said by a size update at the start), so that entries are evicted.
  [
    "C.5",
    [
      ["3fe1 01 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com"],
      ["4803 3330 37c1 c0bf", ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com"],
      ["88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31", ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\ncontent-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
    ],
  ],
  [
    "C.6",
    [
      ["3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3", ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com"],
      ["4883 640e ffc1 c0bf", ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com"],
      ["88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07", ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\ncontent-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
    ],
  ],
];

describe("HpackDecoder", () => {
  for (const [name, blocks] of appendixC) {
    it(`decodes RFC 7541 ${name}`, () => {
      const own = decoder();
      for (const [bytes, want] of blocks) equal(show(own.decode(hex(bytes))), want);
    });
  }

  it("knows 61 static fields", () => {
    equal(staticTable.length, 61);
    deepEqual(staticTable[60], { name: "www-authenticate", value: "" });
  });

  // biome-ignore format: a table
  const damaged = [
    ["index 0",                              "80"],
    ["an index beyond both tables",          "be"],
    ["an integer that never ends",           "ff ffff ffff ffff ff"],
    ["an integer that is cut off",           "ff 80"],
    ["a string longer than its block",       "00 0561 62"],
    ["a block that ends after a name",       "00 0161"],
    ["a table beyond the setting",           "3f e2 1f"],
    ["a size update after a field",          "82 20"],
    ["Huffman padding that is not ones",     "00 0161 811b"],
    ["a name index beyond both tables",      "7f 00 0161"],
  ] as const;
  for (const [name, bytes] of damaged) {
    it(`rejects ${name}`, () => {
      throws(() => decoder().decode(hex(bytes)), { name: "Http2Error", code: 9, streamId: 0 });
    });
  }

  it("gives the same result for the same bytes, until the table changes", () => {
    const own = decoder();
    const indexed = own.decode(hex("82 86 84"));
    equal(own.decode(hex("82 86 84")), indexed);
    const authority = hex("41 01 61");
    own.decode(authority); // Enters `:authority: a` as index 62.
    notEqual(own.decode(hex("82 86 84")), indexed);
    equal(show(own.decode(hex("be"))), ":authority: a");
    own.decode(hex("41 01 62")); // Index 62 is `:authority: b` now.
    equal(show(own.decode(hex("be"))), ":authority: b");
    equal(show(own.decode(hex("bf"))), ":authority: a");
  });

  it("does not remember a block that enters fields", () => {
    const own = decoder();
    const enter = hex("41 01 61");
    own.decode(enter);
    own.decode(enter);
    equal(show(own.decode(hex("be bf"))), ":authority: a\n:authority: a");
  });

  it("empties the table when an entry is larger than it", () => {
    const own = decoder();
    own.decode(hex("41 01 61"));
    const large = Buffer.concat([hex("41 7f 81 1f"), Buffer.alloc(4096, 0x61)]); // 127 + 1 + 31 * 128
    own.decode(large);
    throws(() => own.decode(hex("be")), { code: 9 });
  });

  it("says that a list is too long, and stays in step", () => {
    const own = decoder(100);
    const enter = Buffer.concat([hex("40 01 78 32"), Buffer.alloc(50, 0x79)]);
    const list = own.decode(Buffer.concat([enter, enter]));
    equal(list.oversized, true);
    equal(list.fields.length, 1);
    equal(own.decode(hex("bf")).fields[0]?.value, "y".repeat(50));
  });

  it("decodes Huffman strings of any bytes", () => {
    const value = Array.from({ length: 200 }, (_, at) => (at * 7) % 256);
    const coded = huffman(value);
    const length = [0x80 | 127, ((coded.length - 127) & 127) | 128, (coded.length - 127) >> 7];
    const bytes = Buffer.concat([hex("00 01 78"), Buffer.from(length), coded]);
    equal(decoder().decode(bytes).fields[0]?.value, String.fromCharCode(...value));
  });

  it("never fails but by COMPRESSION_ERROR (3,000 seeds)", () => {
    for (let seed = 0; seed < 3000; seed++) {
      const prng = new Prng(seed);
      const own = decoder();
      const bytes = Buffer.from(
        Array.from({ length: prng.below(60) }, () => (prng.chance(0.3) ? 0x82 : prng.below(256))),
      );
      try {
        own.decode(bytes);
      } catch (error) {
        equal(error instanceof Http2Error && error.code, 9, `seed=${seed}`);
      }
    }
  });

  it("decodes literals of every length", () => {
    for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 3000]) {
      const list = decoder().decode(block([["name", "v".repeat(length)]]));
      equal(list.fields[0]?.value.length, length);
    }
  });
});
