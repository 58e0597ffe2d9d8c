/** How a program names keys: text or bytes, one key, a prefix or a range. Pure. */
import { emptyBytes, utf8 } from "@flotilla/base";
import { type KeyRange, openEnd, prefixRange } from "@flotilla/store";

/** Text stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array;

/** One key; all that start with a prefix (`""`: every key); or all from a key on, up to another. */
export type Keys =
  | Bytes
  | { readonly prefix: Bytes }
  | { readonly from: Bytes; readonly to?: Bytes };

export function bytesOf(value: Bytes): Uint8Array {
  return typeof value === "string" ? utf8(value) : value;
}

/** Before every other: etcd takes no empty key. */
const firstKey = Uint8Array.of(0);

/** The range of these keys as etcd writes it. */
export function rangeOf(keys: Keys): KeyRange {
  if (typeof keys === "string" || keys instanceof Uint8Array) {
    return { key: bytesOf(keys), rangeEnd: emptyBytes };
  }
  if ("prefix" in keys) return prefixRange(bytesOf(keys.prefix));
  const from = bytesOf(keys.from);
  const key = from.length === 0 ? firstKey : from;
  return { key, rangeEnd: keys.to === undefined ? openEnd : bytesOf(keys.to) };
}

/** True when one key is asked for: a range that is empty is none. */
export function isSingleKey(range: KeyRange): boolean {
  return range.rangeEnd.length === 0;
}

/** The value of a key that only has to be there. */
export const noBytes: Uint8Array = emptyBytes;
