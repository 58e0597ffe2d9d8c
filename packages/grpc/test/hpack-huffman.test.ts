import { equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeHuffman } from "../src/hpack-huffman.ts";
import { huffman, huffmanCodes } from "./fixtures.ts";

const decode = (bytes: Uint8Array): string => decodeHuffman(bytes, 0, bytes.length);

describe("decodeHuffman()", () => {
  it("decodes every byte by the codes of RFC 7541 appendix B", () => {
    for (let symbol = 0; symbol < 256; symbol++) {
      equal(decode(huffman([symbol])), String.fromCharCode(symbol), `symbol ${symbol}`);
    }
    const all = Array.from({ length: 256 }, (_, symbol) => symbol);
    equal(decode(huffman(all)), String.fromCharCode(...all));
  });

  it("decodes nothing to nothing", () => equal(decode(Buffer.alloc(0)), ""));

  it("rejects EOS inside a string", () => {
    equal(huffmanCodes().length, 257);
    throws(() => decode(huffman([97, 256])), { name: "Http2Error", code: 9 });
  });

  it("rejects a whole byte of padding", () => {
    throws(() => decode(Buffer.concat([huffman([48, 49, 50]), Buffer.from([0xff])])), { code: 9 });
  });

  it("rejects padding with a zero", () => {
    equal(decode(Buffer.from([0b00011_111])), "a");
    throws(() => decode(Buffer.from([0b00011_011])), { code: 9 });
    throws(() => decode(Buffer.from([0b00011_110])), { code: 9 });
  });
});
