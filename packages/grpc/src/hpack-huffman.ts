/**
 * The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).
 *
 * The code is canonical, so the lengths say it all: symbols in order of (length, value) get
 * consecutive codes. Decoding walks the tree bit by bit; clients send a string this way about once
 * per connection and then refer to it by index, so a faster table would not be noticed. Pure.
 */
import { compressionError } from "./http2-error.ts";

const endOfString = 256;

/** Bits of each symbol's code; the last one is EOS. Row by row 16 symbols. */
// biome-ignore format: a table
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

/** `tree[2 * node + bit]`: the next node, or `~symbol` at a leaf. */
const tree: Int16Array = buildTree();

function buildTree(): Int16Array {
  const order = codeLengths
    .map((length, symbol) => ({ length, symbol }))
    .sort((left, right) => left.length - right.length || left.symbol - right.symbol);
  const built = new Int16Array(2 * codeLengths.length); // A full binary tree: one inner node less than leaves.
  let nodes = 1;
  let code = 0;
  let lengthBefore = order[0]?.length ?? 0;
  for (const { length, symbol } of order) {
    code *= 2 ** (length - lengthBefore);
    lengthBefore = length;
    let at = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const slot = 2 * at + (Math.floor(code / 2 ** bit) & 1);
      if (bit === 0) built[slot] = ~symbol;
      else if (built[slot] === 0) built[slot] = nodes++;
      at = built[slot] as number;
    }
    code++;
  }
  return built;
}

/**
 * The text of the Huffman-coded bytes `[start, end)`, one character per byte (Latin-1).
 *
 * Throws a COMPRESSION_ERROR on EOS inside, and on padding that is longer than 7 bits or not all ones.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let node = 0;
  let bitsSinceSymbol = 0;
  let onesOnly = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      const next = tree[2 * node + bit] as number;
      bitsSinceSymbol++;
      if (bit === 0) onesOnly = false;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (~next === endOfString) throw compressionError("EOS in a Huffman string");
      text += String.fromCharCode(~next);
      node = 0;
      bitsSinceSymbol = 0;
      onesOnly = true;
    }
  }
  if (bitsSinceSymbol > 7 || !onesOnly) throw compressionError("bad padding of a Huffman string");
  return text;
}
