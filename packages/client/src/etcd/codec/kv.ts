/** Responses of `etcdserverpb.KV` (etcd api/etcdserverpb/rpc.proto). Requests are the store's. Pure. */
import { type WireReader, WireWriter } from "@flotilla/base";
import {
  type DeleteRangeResult,
  type KeyValue,
  type PutResult,
  type RangeResult,
  readKeyValue,
  type TxnResult,
} from "@flotilla/store";
import { EtcdError } from "../errors.ts";
import { readHeader } from "./header.ts";

type OpResult = TxnResult["responses"][number];

export function readRangeResponse(reader: WireReader): RangeResult {
  const kvs: KeyValue[] = [];
  let revision = 0;
  let more = false;
  let count = 0;
  while (reader.next()) {
    if (reader.field === 1) revision = readHeader(reader.message()).revision;
    else if (reader.field === 2) kvs.push(readKeyValue(reader.message()));
    else if (reader.field === 3) more = reader.bool();
    else if (reader.field === 4) count = reader.varint();
    else reader.skip();
  }
  return { kind: "range", kvs, more, count, revision };
}

export function readPutResponse(reader: WireReader): PutResult {
  let revision = 0;
  let previous: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 1) revision = readHeader(reader.message()).revision;
    else if (reader.field === 2) previous = readKeyValue(reader.message());
    else reader.skip();
  }
  return { kind: "put", revision, previous };
}

export function readDeleteRangeResponse(reader: WireReader): DeleteRangeResult {
  const previous: KeyValue[] = [];
  let revision = 0;
  let deleted = 0;
  while (reader.next()) {
    if (reader.field === 1) revision = readHeader(reader.message()).revision;
    else if (reader.field === 2) deleted = reader.varint();
    else if (reader.field === 3) previous.push(readKeyValue(reader.message()));
    else reader.skip();
  }
  return { kind: "deleteRange", revision, deleted, previous };
}

export function readTxnResponse(reader: WireReader): TxnResult {
  const responses: OpResult[] = [];
  let revision = 0;
  let succeeded = false;
  while (reader.next()) {
    if (reader.field === 1) revision = readHeader(reader.message()).revision;
    else if (reader.field === 2) succeeded = reader.bool();
    else if (reader.field === 3) responses.push(readResponseOp(reader.message()));
    else reader.skip();
  }
  return { kind: "txn", revision, succeeded, responses };
}

function readResponseOp(reader: WireReader): OpResult {
  let result: OpResult | undefined;
  while (reader.next()) {
    if (reader.field === 1) result = readRangeResponse(reader.message());
    else if (reader.field === 2) result = readPutResponse(reader.message());
    else if (reader.field === 3) result = readDeleteRangeResponse(reader.message());
    else if (reader.field === 4) result = readTxnResponse(reader.message());
    else reader.skip();
  }
  if (result !== undefined) return result;
  throw new EtcdError("badResponse", "The answer has an operation without a result");
}

/** `CompactionRequest`. */
export function encodeCompaction(revision: number, isPhysical: boolean): Uint8Array {
  const writer = new WireWriter(16);
  writer.fieldVarint(1, revision);
  writer.fieldBool(2, isPhysical);
  return writer.seal();
}
