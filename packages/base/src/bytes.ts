/** Byte strings: comparison, joining, and text. Pure; no Buffer, so that it runs in a browser. */

/** No bytes. Shared; never write to it. */
export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Lexicographic order of unsigned bytes, as Go's `bytes.Compare`: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const difference = (left[at] as number) - (right[at] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** True when both hold the same bytes. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/** A new array with all the parts in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The smallest byte string that is greater. */
export function successorOf(key: Uint8Array): Uint8Array {
  const successor = new Uint8Array(key.length + 1);
  successor.set(key);
  return successor;
}

/** The first key after every key that starts with `prefix`; undefined when there is none (all 0xff, or empty). */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] as number;
    if (byte === 0xff) continue;
    const end = prefix.slice(0, last + 1);
    end[last] = byte + 1;
    return end;
  }
  return undefined;
}

/** UTF-8 bytes of `text`; a lone surrogate becomes U+FFFD, as in the Encoding Standard. */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Size(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}

/** How many bytes {@link utf8} gives for `text`. */
export function utf8Size(text: string): number {
  let size = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) size += 1;
    else if (unit < 0x800) size += 2;
    else if (isPair(text, at)) {
      size += 4;
      at++;
    } else size += 3;
  }
  return size;
}

/** Writes the UTF-8 of `text` at `offset` and returns the offset after it. */
export function writeUtf8(target: Uint8Array, offset: number, text: string): number {
  let to = offset;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code < 0x80) {
      target[to++] = code;
      continue;
    }
    if (isPair(text, at)) code = text.codePointAt(at++) as number;
    else if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x800) target[to++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x10000) target[to++] = 0xe0 | (code >> 12);
      else {
        target[to++] = 0xf0 | (code >> 18);
        target[to++] = 0x80 | ((code >> 12) & 0x3f);
      }
      target[to++] = 0x80 | ((code >> 6) & 0x3f);
    }
    target[to++] = 0x80 | (code & 0x3f);
  }
  return to;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(at + 1); // NaN at the end of the text, which fails both comparisons.
  return low >= 0xdc00 && low <= 0xdfff;
}

/** The text of UTF-8 `bytes`; what is not UTF-8 becomes U+FFFD, one for each bad byte. Never throws. */
export function textOf(bytes: Uint8Array): string {
  return bytes.length <= shortTextBytes ? shortTextOf(bytes) : longTextOf(bytes);
}

/** Up to so many bytes a text is put together from its characters. */
const shortTextBytes = 64;
/** Otherwise from pieces: a rope of a million characters takes 20 MB, and 100 ms. */
const pieceUnits = 1024;

function shortTextOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      at++;
      continue;
    }
    const [code, size] = decodeSequence(bytes, at, first);
    text += String.fromCodePoint(code);
    at += size;
  }
  return text;
}

function longTextOf(bytes: Uint8Array): string {
  const units: number[] = new Array(pieceUnits).fill(0);
  let text = "";
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    if (count > pieceUnits - 2) {
      text += String.fromCharCode(...units.slice(0, count));
      count = 0;
    }
    const first = bytes[at] as number;
    if (first < 0x80) {
      units[count++] = first;
      at++;
      continue;
    }
    const [code, size] = decodeSequence(bytes, at, first);
    if (code > 0xffff) units[count++] = 0xd7c0 + (code >> 10);
    units[count++] = code > 0xffff ? 0xdc00 | (code & 0x3ff) : code;
    at += size;
  }
  return text + String.fromCharCode(...units.slice(0, count));
}

const badSequence = [0xfffd, 1] as const;

function decodeSequence(bytes: Uint8Array, at: number, first: number): readonly [number, number] {
  const size =
    first >= 0xf0 && first < 0xf5
      ? 4
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xc2 && first < 0xe0
          ? 2
          : 0;
  if (size === 0 || at + size > bytes.length) return badSequence;
  let code = first & (0xff >> (size + 1));
  for (let next = 1; next < size; next++) {
    const byte = bytes[at + next] as number;
    if ((byte & 0xc0) !== 0x80) return badSequence;
    code = (code << 6) | (byte & 0x3f);
  }
  const shortest = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  if (code < shortest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return badSequence;
  return [code, size];
}
