/** `TxnRequest` with its `Compare` and `RequestOp` (etcd api/etcdserverpb/rpc.proto). Pure. */
import { assertNever, emptyBytes, WireReader, WireWriter, wireType } from "@flotilla/base";
import type { Compare, CompareResult, RequestOp, TxnRequest } from "../contract.ts";
import { CodecError, txnDepthMax } from "./errors.ts";
import { bytesField, clampedField, enumField, messageField, signedField } from "./fields.ts";
import {
  readDeleteRangeRequest,
  readPutRequest,
  readRangeRequest,
  writeDeleteRangeRequest,
  writePutRequest,
  writeRangeRequest,
} from "./requests.ts";

const compareResults: readonly CompareResult[] = ["equal", "greater", "less", "notEqual", "any"];
const compareTargets: readonly Compare["target"]["kind"][] = [
  "version",
  "create",
  "mod",
  "value",
  "lease",
  "none",
];
/** `Compare.target_union` starts here, in the order of {@link compareTargets}. */
const targetUnionField = 4;

export function writeTxnRequest(writer: WireWriter, request: TxnRequest): void {
  for (const compare of request.compare) {
    writer.fieldMessage(1, (body) => writeCompare(body, compare));
  }
  for (const op of request.success) writer.fieldMessage(2, (body) => writeRequestOp(body, op));
  for (const op of request.failure) writer.fieldMessage(3, (body) => writeRequestOp(body, op));
}

/** Throws `WireError` or {@link CodecError}. */
export function readTxnRequest(reader: WireReader, depth = 1): TxnRequest {
  if (depth > txnDepthMax) {
    throw new CodecError("tooManyOperations", `transactions nested deeper than ${txnDepthMax}`);
  }
  const compare: Compare[] = [];
  const success: RequestOp[] = [];
  const failure: RequestOp[] = [];
  while (reader.next()) {
    if (reader.field === 1) compare.push(readCompare(messageField(reader)));
    else if (reader.field === 2) success.push(readRequestOp(messageField(reader), depth));
    else if (reader.field === 3) failure.push(readRequestOp(messageField(reader), depth));
    else reader.skip();
  }
  return { compare, success, failure };
}

export function encodeTxnRequest(request: TxnRequest): Uint8Array {
  const writer = new WireWriter();
  writeTxnRequest(writer, request);
  return writer.seal();
}

/** Views into `bytes`. Throws `WireError` or {@link CodecError}. */
export function decodeTxnRequest(bytes: Uint8Array): TxnRequest {
  return readTxnRequest(new WireReader(bytes));
}

function writeCompare(writer: WireWriter, compare: Compare): void {
  const { target } = compare;
  writer.fieldVarint(1, compareResults.indexOf(compare.result));
  const targetNumber = compareTargets.indexOf(target.kind);
  writer.fieldVarint(2, targetNumber);
  writer.fieldBytes(3, compare.key);
  // A member of a oneof is written also when it is zero: its presence is information.
  if (target.kind === "value") writer.fieldBytesAlways(7, target.value);
  else if (target.kind !== "none") {
    writer.tag(targetUnionField + targetNumber, wireType.varint);
    if (target.kind === "lease") writer.varint64(target.lease);
    else writer.varint(target.kind === "version" ? target.version : target.revision);
  }
  writer.fieldBytes(64, compare.rangeEnd);
}

function readCompare(reader: WireReader): Compare {
  let result: CompareResult = "equal";
  let kind: Compare["target"]["kind"] = "version";
  let key = emptyBytes;
  let rangeEnd = emptyBytes;
  let union = { field: 0, number: 0, value: emptyBytes, lease: 0n };
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) result = compareResults[enumField(reader)] ?? "any";
    else if (field === 2) kind = compareTargets[enumField(reader)] ?? "none";
    else if (field === 3) key = bytesField(reader);
    else if (field === 64) rangeEnd = bytesField(reader);
    else if (field === 7) union = { field, number: 0, value: bytesField(reader), lease: 0n };
    else if (field === 8)
      union = { field, number: 0, value: emptyBytes, lease: signedField(reader) };
    else if (field >= targetUnionField && field < 7) {
      union = { field, number: clampedField(reader), value: emptyBytes, lease: 0n };
    } else reader.skip();
  }
  // A union of another kind than the target counts as its zero value (etcd txn.go, compareKV).
  if (union.field !== targetUnionField + compareTargets.indexOf(kind)) {
    union = { field: 0, number: 0, value: emptyBytes, lease: 0n };
  }
  return { key, rangeEnd, result, target: compareTarget(kind, union) };
}

function compareTarget(
  kind: Compare["target"]["kind"],
  union: { readonly number: number; readonly value: Uint8Array; readonly lease: bigint },
): Compare["target"] {
  switch (kind) {
    case "version":
      return { kind, version: union.number };
    case "create":
    case "mod":
      return { kind, revision: union.number };
    case "value":
      return { kind, value: union.value };
    case "lease":
      return { kind, lease: union.lease };
    case "none":
      return { kind };
    default:
      return assertNever(kind);
  }
}

function writeRequestOp(writer: WireWriter, op: RequestOp): void {
  switch (op.kind) {
    case "range":
      writer.fieldMessage(1, (body) => writeRangeRequest(body, op.request));
      break;
    case "put":
      writer.fieldMessage(2, (body) => writePutRequest(body, op.request));
      break;
    case "deleteRange":
      writer.fieldMessage(3, (body) => writeDeleteRangeRequest(body, op.request));
      break;
    case "txn":
      writer.fieldMessage(4, (body) => writeTxnRequest(body, op.request));
      break;
    default:
      assertNever(op);
  }
}

function readRequestOp(reader: WireReader, depth: number): RequestOp {
  let op: RequestOp | undefined;
  while (reader.next()) {
    if (reader.field === 1) op = { kind: "range", request: readRangeRequest(messageField(reader)) };
    else if (reader.field === 2)
      op = { kind: "put", request: readPutRequest(messageField(reader)) };
    else if (reader.field === 3) {
      op = { kind: "deleteRange", request: readDeleteRangeRequest(messageField(reader)) };
    } else if (reader.field === 4) {
      op = { kind: "txn", request: readTxnRequest(messageField(reader), depth + 1) };
    } else reader.skip();
  }
  if (op === undefined) throw new CodecError("emptyRequestOp", "an operation without a request");
  return op;
}
