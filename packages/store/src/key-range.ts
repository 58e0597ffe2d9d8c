/** etcd's half-open key ranges as bounds. Pure. */
import { compareBytes, equalBytes } from "@flotilla/base";
import type { KeyRange } from "./contract.ts";

/** What a {@link KeyRange} names. `to` undefined: no upper end. */
export type Bounds =
  | { readonly kind: "key"; readonly key: Uint8Array }
  | { readonly kind: "range"; readonly from: Uint8Array; readonly to: Uint8Array | undefined };

/** Normalises a range, once and in one place: one zero byte as `rangeEnd` means no end. */
export function boundsOf(range: KeyRange): Bounds {
  const { key, rangeEnd } = range;
  if (rangeEnd.length === 0) return { kind: "key", key };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0)
    return { kind: "range", from: key, to: undefined };
  return { kind: "range", from: key, to: rangeEnd };
}

/** True when `key` lies in `bounds`. */
export function containsKey(bounds: Bounds, key: Uint8Array): boolean {
  if (bounds.kind === "key") return equalBytes(bounds.key, key);
  if (compareBytes(key, bounds.from) < 0) return false;
  return bounds.to === undefined || compareBytes(key, bounds.to) < 0;
}

/** True when no key can lie in `bounds`. */
export function isEmptyBounds(bounds: Bounds): boolean {
  return (
    bounds.kind === "range" && bounds.to !== undefined && compareBytes(bounds.from, bounds.to) >= 0
  );
}
