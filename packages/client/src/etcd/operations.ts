/** What a transaction is made of: comparisons and operations. Pure. */
import {
  type Compare,
  type CompareResult,
  type DeleteRangeRequest,
  deleteRequest,
  type PutRequest,
  putRequest,
  type RangeOptions,
  type RequestOp,
  rangeRequest,
  type TxnRequest,
} from "@flotilla/store";
import { type Bytes, bytesOf, type Keys, rangeOf } from "./keys.ts";

/** What a put may be given beside key and value. */
export type PutOptions = Partial<Omit<PutRequest, "key" | "value">>;
export type DeleteOptions = Partial<Pick<DeleteRangeRequest, "prevKv">>;

const comparators = { "=": "equal", "!=": "notEqual", "<": "less", ">": "greater" } as const;

/** How a comparison is written. */
export type Comparator = keyof typeof comparators;

function comparison(keys: Keys, comparator: Comparator, target: Compare["target"]): Compare {
  const result: CompareResult = comparators[comparator];
  return { ...rangeOf(keys), result, target };
}

/** Comparisons; over several keys, each of them has to meet it. A key that is not there has 0 for everything, and no value. */
export const compare = {
  /** 0 when the key is not there, 1 when it was just made. */
  version: (keys: Keys, comparator: Comparator, version: number): Compare =>
    comparison(keys, comparator, { kind: "version", version }),
  createRevision: (keys: Keys, comparator: Comparator, revision: number): Compare =>
    comparison(keys, comparator, { kind: "create", revision }),
  modRevision: (keys: Keys, comparator: Comparator, revision: number): Compare =>
    comparison(keys, comparator, { kind: "mod", revision }),
  value: (keys: Keys, comparator: Comparator, value: Bytes): Compare =>
    comparison(keys, comparator, { kind: "value", value: bytesOf(value) }),
  lease: (keys: Keys, comparator: Comparator, lease: bigint): Compare =>
    comparison(keys, comparator, { kind: "lease", lease }),
  /** The key is there. */
  exists: (key: Bytes): Compare => comparison(key, "!=", { kind: "create", revision: 0 }),
  /** The key is not there. */
  missing: (key: Bytes): Compare => comparison(key, "=", { kind: "create", revision: 0 }),
} as const;

/** Operations of a transaction, in the order in which they are given. */
export const op = {
  range: (keys: Keys, options: RangeOptions = {}): RequestOp => ({
    kind: "range",
    request: rangeRequest(rangeOf(keys), options),
  }),
  put: (key: Bytes, value: Bytes, options: PutOptions = {}): RequestOp => ({
    kind: "put",
    request: putRequest(bytesOf(key), bytesOf(value), options),
  }),
  delete: (keys: Keys, options: DeleteOptions = {}): RequestOp => {
    const { key, rangeEnd } = rangeOf(keys);
    return { kind: "deleteRange", request: deleteRequest(key, { ...options, rangeEnd }) };
  },
  /** A transaction within one; it sees the store as it was before the outer one. */
  txn: (request: TxnRequest): RequestOp => ({ kind: "txn", request }),
} as const;
