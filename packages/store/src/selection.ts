/**
 * Filters, order and limit of a range, on rows that are there. Pure.
 *
 * Source: etcd server/etcdserver/txn/range.go, quirks included: with order "none" a sort target
 * other than the key still sorts, ascending, but only the first limit + 1 rows by key.
 */
import { compareBytes, emptyBytes } from "@flotilla/base";
import type { KeyValue, RangeRequest, SortTarget } from "./contract.ts";

/** How many rows in the order of their keys have to be read for `request`. */
export function rowsWanted(request: RangeRequest): number {
  if (request.limit <= 0 || !hasDefaultOrder(request) || hasRevisionFilter(request)) {
    return Number.POSITIVE_INFINITY;
  }
  return request.limit + 1; // One more tells whether there is more.
}

/** Applies filters, sorts and cuts `rows`, which come in the order of their keys. */
export function selectRows(
  rows: readonly KeyValue[],
  request: RangeRequest,
): { readonly kvs: readonly KeyValue[]; readonly more: boolean } {
  let kvs = hasRevisionFilter(request) ? rows.filter((kv) => passesFilters(kv, request)) : rows;
  kvs = sortRows(kvs, request);
  const more = request.limit > 0 && kvs.length > request.limit;
  if (more) kvs = kvs.slice(0, request.limit);
  if (request.keysOnly) kvs = kvs.map((kv) => withoutValue(kv, request.sortTarget));
  return { kvs, more };
}

function hasDefaultOrder({ sortOrder, sortTarget }: RangeRequest): boolean {
  return sortOrder === "none" || (sortTarget === "key" && sortOrder === "ascend");
}

/** True when rows in the order of their keys are not in the order of the answer. */
export function needsSorting({ sortOrder, sortTarget }: RangeRequest): boolean {
  return sortTarget !== "key" || sortOrder === "descend";
}

/** False when what is answered, and its order, can be told without the values. */
export function needsValues({ keysOnly, countOnly, sortTarget }: RangeRequest): boolean {
  return sortTarget === "value" || !(keysOnly || countOnly);
}

export function hasRevisionFilter(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

export function passesFilters(kv: KeyValue, request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (maxModRevision !== 0 && kv.modRevision > maxModRevision) return false;
  if (minModRevision !== 0 && kv.modRevision < minModRevision) return false;
  if (maxCreateRevision !== 0 && kv.createRevision > maxCreateRevision) return false;
  return minCreateRevision === 0 || kv.createRevision >= minCreateRevision;
}

function sortRows(rows: readonly KeyValue[], request: RangeRequest): readonly KeyValue[] {
  if (!needsSorting(request)) return rows;
  const { sortOrder, sortTarget } = request;
  const compare = comparators[sortTarget];
  const sorted = [...rows];
  sorted.sort(sortOrder === "descend" ? (left, right) => compare(right, left) : compare);
  return sorted;
}

const comparators: Readonly<Record<SortTarget, (left: KeyValue, right: KeyValue) => number>> = {
  key: (left, right) => compareBytes(left.key, right.key),
  version: (left, right) => left.version - right.version,
  create: (left, right) => left.createRevision - right.createRevision,
  mod: (left, right) => left.modRevision - right.modRevision,
  value: (left, right) => compareBytes(left.value, right.value),
};

/** A keys-only row; it has no lease either, since etcd serves it from its index (etcd 3.7). */
export function withoutValue(kv: KeyValue, sortTarget: SortTarget): KeyValue {
  return { ...kv, value: emptyBytes, lease: sortTarget === "value" ? kv.lease : 0n };
}
