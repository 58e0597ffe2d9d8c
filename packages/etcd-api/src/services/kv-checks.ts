/**
 * What can be judged from a KV request alone, in etcd's order: clients match on the text of the first
 * fault. Source: etcd server/etcdserver/api/v3rpc/key.go.
 *
 * Every check of an operation also holds for the operations of transactions, at any depth and in
 * both branches, whichever of them will run.
 */
import { assertNever, compareBytes } from "@flotilla/base";
import { GrpcError, statusCode } from "@flotilla/grpc";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "@flotilla/store";
import { RpcError } from "../errors.ts";

export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw new RpcError("emptyKey");
}

/** What only the whole answer could be sorted or filtered by cannot be streamed. */
export function checkRangeStream(request: RangeRequest): void {
  checkRange(request);
  const isInKeyOrder =
    request.sortOrder === "none" ||
    (request.sortTarget === "key" && request.sortOrder === "ascend");
  if (!isInKeyOrder) throw unimplemented("RangeStream does not support custom sort orders");
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (
    minModRevision !== 0 ||
    maxModRevision !== 0 ||
    minCreateRevision !== 0 ||
    maxCreateRevision !== 0
  )
    throw unimplemented("RangeStream does not support revision filters");
}

function unimplemented(text: string): GrpcError {
  return new GrpcError(statusCode.unimplemented, text);
}

export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw new RpcError("emptyKey");
  if (request.ignoreValue && request.value.length > 0) throw new RpcError("valueProvided");
  if (request.ignoreLease && request.lease !== 0n) throw new RpcError("leaseProvided");
}

export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw new RpcError("emptyKey");
}

/** `opsMax`: `--max-txn-ops`. */
export function checkTxn(request: TxnRequest, opsMax: number): void {
  checkOps(request, opsMax);
  putsOf(request.success);
  putsOf(request.failure);
}

/** `opsMax` is what the transactions around this one have left over. */
function checkOps(request: TxnRequest, opsMax: number): void {
  const { compare, success, failure } = request;
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > opsMax) throw new RpcError("tooManyOps");
  for (const { key } of compare) if (key.length === 0) throw new RpcError("emptyKey");
  for (const op of success) checkOp(op, opsMax - ops);
  for (const op of failure) checkOp(op, opsMax - ops);
}

function checkOp(op: RequestOp, opsMax: number): void {
  switch (op.kind) {
    case "range":
      checkRange(op.request);
      return;
    case "put":
      checkPut(op.request);
      return;
    case "deleteRange":
      checkDeleteRange(op.request);
      return;
    case "txn":
      checkOps(op.request, opsMax);
      return;
    default:
      assertNever(op);
  }
}

/** What one branch writes. */
interface Writes {
  /** Keys, one character per byte. */
  readonly puts: Set<string>;
  readonly deletes: DeleteRangeRequest[];
}

/**
 * Collects the writes of a branch; throws when one key is written twice. The two branches of a nested
 * transaction exclude each other and may put the same key; deletions may overlap one another.
 */
function putsOf(ops: readonly RequestOp[]): Writes {
  const writes: Writes = { puts: new Set(), deletes: [] };
  for (const op of ops) if (op.kind === "deleteRange") writes.deletes.push(op.request);
  for (const op of ops) if (op.kind === "txn") addNested(writes, op.request);
  for (const op of ops) if (op.kind === "put") addPut(writes, textKey(op.request.key));
  return writes;
}

function addNested(writes: Writes, request: TxnRequest): void {
  const success = putsOf(request.success);
  const failure = putsOf(request.failure);
  for (const key of success.puts) addPut(writes, key);
  for (const key of failure.puts) {
    if (success.puts.has(key)) continue; // Entered, and held against the deletions, just before.
    addPut(writes, key);
  }
  writes.deletes.push(...success.deletes, ...failure.deletes);
}

function addPut(writes: Writes, key: string): void {
  if (writes.puts.has(key)) throw new RpcError("duplicateKey");
  const bytes = Buffer.from(key, "latin1");
  if (writes.deletes.some((request) => covers(request, bytes))) throw new RpcError("duplicateKey");
  writes.puts.add(key);
}

/** An open end counts as the byte that it is written with: so does etcd, which lets such a pair pass. */
function covers(range: DeleteRangeRequest, key: Uint8Array): boolean {
  const fromStart = compareBytes(key, range.key);
  if (range.rangeEnd.length === 0) return fromStart === 0;
  return fromStart >= 0 && compareBytes(key, range.rangeEnd) < 0;
}

function textKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

/** True when a transaction can be served by reading: only ranges, none of them nested. */
export function readsOnly(request: TxnRequest): boolean {
  const isRange = (op: RequestOp): boolean => op.kind === "range";
  return request.success.every(isRange) && request.failure.every(isRange);
}

/** True when no range of a reading transaction asks for more than local state. */
export function allSerializable(request: TxnRequest): boolean {
  const isSerializable = (op: RequestOp): boolean => op.kind === "range" && op.request.serializable;
  return request.success.every(isSerializable) && request.failure.every(isSerializable);
}
