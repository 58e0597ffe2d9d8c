/** Short ways to write the requests of the corpus. Pure. */
import type { Json, Message } from "../protobuf.ts";
import type { Request } from "../session.ts";

/** One zero byte: the open end of a range. */
export const zero = "hex:00";
/** The largest int64. */
export const int64Max = "9223372036854775807";

export function call(method: string, request: Message = {}, more: object = {}): Request {
  return { call: method, request, ...more } as Request;
}

export function put(key: Json, value: Json = "", more: Message = {}): Request {
  return call("KV/Put", { key, value, ...more });
}

export function range(key: Json, end: Json = "", more: Message = {}): Request {
  return call("KV/Range", { key, ...(end !== "" && { range_end: end }), ...more });
}

export function remove(key: Json, end: Json = "", more: Message = {}): Request {
  return call("KV/DeleteRange", { key, ...(end !== "" && { range_end: end }), ...more });
}

export function txn(
  compare: readonly Json[],
  success: readonly Json[],
  failure: readonly Json[] = [],
): Request {
  return call("KV/Txn", { compare, success, failure });
}

/** Operations of a transaction. */
export const op = {
  put: (key: Json, value: Json = "", more: Message = {}): Message => ({
    request_put: { key, value, ...more },
  }),
  range: (key: Json, end: Json = "", more: Message = {}): Message => ({
    request_range: { key, ...(end !== "" && { range_end: end }), ...more },
  }),
  remove: (key: Json, end: Json = "", more: Message = {}): Message => ({
    request_delete_range: { key, ...(end !== "" && { range_end: end }), ...more },
  }),
  txn: (
    compare: readonly Json[],
    success: readonly Json[],
    failure: readonly Json[] = [],
  ): Message => ({
    request_txn: { compare, success, failure },
  }),
};

const results = { "=": 0, ">": 1, "<": 2, "!=": 3 } as const;
const targets = { version: 0, create_revision: 1, mod_revision: 2, value: 3, lease: 4 } as const;

/** A comparison of a transaction. */
export function compare(
  key: Json,
  target: keyof typeof targets,
  result: keyof typeof results,
  value: Json,
  more: Message = {},
): Message {
  return { key, target: targets[target], result: results[result], [target]: value, ...more };
}

/** Everything that the store holds now. */
export const everything: Request = range(zero, zero);
