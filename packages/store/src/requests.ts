/** Constructors for requests with everything that is not said left at etcd's default. Pure. */
import { emptyBytes, prefixEnd } from "@flotilla/base";
import type { DeleteRangeRequest, KeyRange, PutRequest, RangeRequest } from "./contract.ts";

/** `rangeEnd` of a range without an end: one zero byte. Never write to it. */
export const openEnd: Uint8Array = new Uint8Array(1);

/** All keys that start with `prefix`; an empty prefix names the whole store. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  const key = prefix.length === 0 ? openEnd : prefix;
  return { key, rangeEnd: prefixEnd(prefix) ?? openEnd };
}

/** What {@link getRequest} and {@link prefixRequest} let one choose. */
export type RangeOptions = Partial<Omit<RangeRequest, "key" | "rangeEnd">>;

/** A range by its bounds. */
export function rangeRequest(range: KeyRange, options: RangeOptions = {}): RangeRequest {
  return {
    key: range.key,
    rangeEnd: range.rangeEnd,
    limit: 0,
    revision: 0,
    sortOrder: "none",
    sortTarget: "key",
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...options,
  };
}

/** One key. */
export function getRequest(key: Uint8Array, options: RangeOptions = {}): RangeRequest {
  return rangeRequest({ key, rangeEnd: emptyBytes }, options);
}

/** All keys that start with `prefix`. */
export function prefixRequest(prefix: Uint8Array, options: RangeOptions = {}): RangeRequest {
  return rangeRequest(prefixRange(prefix), options);
}

export function putRequest(
  key: Uint8Array,
  value: Uint8Array,
  options: Partial<Omit<PutRequest, "key" | "value">> = {},
): PutRequest {
  return {
    key,
    value,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
    ...options,
  };
}

/** One key, or a range when `rangeEnd` is given. */
export function deleteRequest(
  key: Uint8Array,
  options: Partial<Omit<DeleteRangeRequest, "key">> = {},
): DeleteRangeRequest {
  return { key, rangeEnd: emptyBytes, prevKv: false, ...options };
}
