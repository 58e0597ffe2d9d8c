/**
 * Which fault of a request is named when it has several: the first in etcd's order, which looks at a
 * whole transaction before its parts. Only asked once decoding has found one that has no meaning.
 */
import { WireReader } from "@flotilla/base";
import {
  CodecError,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
} from "@flotilla/store";
import { RpcError, undecodable } from "../errors.ts";
import { messageDepthMax } from "../limits.ts";
import { checkDeleteRange, checkPut, checkRange } from "./kv-checks.ts";

/** Decodes; where that fails for what the request means, fails by its first fault. */
export function withFirstFault<T>(
  decode: (bytes: Uint8Array) => T,
  check: (bytes: Uint8Array) => void,
): (bytes: Uint8Array) => T {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      if (error instanceof CodecError) check(bytes);
      throw error;
    }
  };
}

/** Throws the first fault of a `RangeRequest`. */
export function checkRangeBytes(bytes: Uint8Array): void {
  if (keyOf(bytes).length === 0) throw new RpcError("emptyKey");
  checkRange(decodeRangeRequest(bytes));
}

/** Throws the first fault of a `TxnRequest`. */
export function checkTxnBytes(bytes: Uint8Array, opsMax: number): void {
  checkDepth(bytes);
  checkOpsBytes(bytes, opsMax);
}

/** What nests deeper than protobuf follows cannot even be decoded. Level by level: a stack has its end, too. */
function checkDepth(bytes: Uint8Array): void {
  let level: readonly Nested[] = [{ kind: "txn", bytes }];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > messageDepthMax) throw undecodable("unary", "exceeded maximum recursion depth");
    level = level.flatMap(nestedIn);
  }
}

/** A message on the way to the innermost one. */
interface Nested {
  readonly kind: "txn" | "op" | "leaf";
  readonly bytes: Uint8Array;
}

function nestedIn({ kind, bytes }: Nested): Nested[] {
  const nested: Nested[] = [];
  if (kind === "leaf") return nested;
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const { field } = reader;
    const isMessage = field >= 1 && field <= (kind === "txn" ? 3 : 4);
    if (!isMessage) reader.skip();
    else if (kind === "txn") {
      nested.push({ kind: field === 1 ? "leaf" : "op", bytes: reader.bytes() });
    } else nested.push({ kind: field === 4 ? "txn" : "leaf", bytes: reader.bytes() });
  }
  return nested;
}

function checkOpsBytes(bytes: Uint8Array, opsMax: number): void {
  const reader = new WireReader(bytes);
  const fields: { readonly 1: Uint8Array[]; readonly 2: Uint8Array[]; readonly 3: Uint8Array[] } = {
    1: [],
    2: [],
    3: [],
  };
  while (reader.next()) {
    const { field } = reader;
    if (field === 1 || field === 2 || field === 3) fields[field].push(reader.bytes());
    else reader.skip();
  }
  const { 1: compares, 2: success, 3: failure } = fields;
  const ops = Math.max(compares.length, success.length, failure.length);
  if (ops > opsMax) throw new RpcError("tooManyOps");
  for (const compare of compares) {
    if (keyOf(compare, 3).length === 0) throw new RpcError("emptyKey");
  }
  for (const op of [...success, ...failure]) checkOpBytes(op, opsMax - ops);
}

/** Of the oneof, the last counts. */
function checkOpBytes(bytes: Uint8Array, opsMax: number): void {
  const reader = new WireReader(bytes);
  let check = (): void => {
    throw new RpcError("keyNotFound"); // As etcd answers an operation without a request.
  };
  while (reader.next()) {
    const { field } = reader;
    if (field < 1 || field > 4) {
      reader.skip();
      continue;
    }
    const body = reader.bytes();
    if (field === 1) check = () => checkRangeBytes(body);
    else if (field === 2) check = () => checkPut(decodePutRequest(body));
    else if (field === 3) check = () => checkDeleteRange(decodeDeleteRangeRequest(body));
    else check = () => checkOpsBytes(body, opsMax);
  }
  check();
}

/** A bytes field of a message; the last one counts. */
function keyOf(bytes: Uint8Array, field = 1): Uint8Array {
  const reader = new WireReader(bytes);
  let key: Uint8Array = new Uint8Array(0);
  while (reader.next()) {
    if (reader.field === field) key = reader.bytes();
    else reader.skip();
  }
  return key;
}
