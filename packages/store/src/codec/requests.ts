/** `RangeRequest`, `PutRequest` and `DeleteRangeRequest` (etcd api/etcdserverpb/rpc.proto). Pure. */
import { emptyBytes, WireReader, WireWriter } from "@flotilla/base";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  SortOrder,
  SortTarget,
} from "../contract.ts";
import { CodecError } from "./errors.ts";
import { boolField, bytesField, clampedField, enumField, signedField } from "./fields.ts";

const sortOrders: readonly SortOrder[] = ["none", "ascend", "descend"];
const sortTargets: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];

export function writeRangeRequest(writer: WireWriter, request: RangeRequest): void {
  writer.fieldBytes(1, request.key);
  writer.fieldBytes(2, request.rangeEnd);
  writer.fieldVarint(3, request.limit);
  writer.fieldVarint(4, request.revision);
  writer.fieldVarint(5, sortOrders.indexOf(request.sortOrder));
  writer.fieldVarint(6, sortTargets.indexOf(request.sortTarget));
  writer.fieldBool(7, request.serializable);
  writer.fieldBool(8, request.keysOnly);
  writer.fieldBool(9, request.countOnly);
  writer.fieldVarint(10, request.minModRevision);
  writer.fieldVarint(11, request.maxModRevision);
  writer.fieldVarint(12, request.minCreateRevision);
  writer.fieldVarint(13, request.maxCreateRevision);
}

/** Throws `WireError`, or {@link CodecError} `invalidSortOption`. */
export function readRangeRequest(reader: WireReader): RangeRequest {
  const request = {
    key: emptyBytes,
    rangeEnd: emptyBytes,
    limit: 0,
    revision: 0,
    sortOrder: "none" as SortOrder,
    sortTarget: "key" as SortTarget,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
  while (reader.next()) {
    if (reader.field === 1) request.key = bytesField(reader);
    else if (reader.field === 2) request.rangeEnd = bytesField(reader);
    else if (reader.field === 3) request.limit = clampedField(reader);
    else if (reader.field === 4) request.revision = clampedField(reader);
    else if (reader.field === 5) request.sortOrder = sortOption(sortOrders, reader);
    else if (reader.field === 6) request.sortTarget = sortOption(sortTargets, reader);
    else if (reader.field === 7) request.serializable = boolField(reader);
    else if (reader.field === 8) request.keysOnly = boolField(reader);
    else if (reader.field === 9) request.countOnly = boolField(reader);
    else if (reader.field === 10) request.minModRevision = clampedField(reader);
    else if (reader.field === 11) request.maxModRevision = clampedField(reader);
    else if (reader.field === 12) request.minCreateRevision = clampedField(reader);
    else if (reader.field === 13) request.maxCreateRevision = clampedField(reader);
    else reader.skip();
  }
  return request;
}

function sortOption<T>(options: readonly T[], reader: WireReader): T {
  const number = enumField(reader);
  const option = options[number];
  if (option === undefined) throw new CodecError("invalidSortOption", `no sort option ${number}`);
  return option;
}

export function writePutRequest(writer: WireWriter, request: PutRequest): void {
  writer.fieldBytes(1, request.key);
  writer.fieldBytes(2, request.value);
  writer.fieldVarint64(3, request.lease);
  writer.fieldBool(4, request.prevKv);
  writer.fieldBool(5, request.ignoreValue);
  writer.fieldBool(6, request.ignoreLease);
}

/** Throws `WireError`. */
export function readPutRequest(reader: WireReader): PutRequest {
  const request = {
    key: emptyBytes,
    value: emptyBytes,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
  while (reader.next()) {
    if (reader.field === 1) request.key = bytesField(reader);
    else if (reader.field === 2) request.value = bytesField(reader);
    else if (reader.field === 3) request.lease = signedField(reader);
    else if (reader.field === 4) request.prevKv = boolField(reader);
    else if (reader.field === 5) request.ignoreValue = boolField(reader);
    else if (reader.field === 6) request.ignoreLease = boolField(reader);
    else reader.skip();
  }
  return request;
}

export function writeDeleteRangeRequest(writer: WireWriter, request: DeleteRangeRequest): void {
  writer.fieldBytes(1, request.key);
  writer.fieldBytes(2, request.rangeEnd);
  writer.fieldBool(3, request.prevKv);
}

/** Throws `WireError`. */
export function readDeleteRangeRequest(reader: WireReader): DeleteRangeRequest {
  const request = { key: emptyBytes, rangeEnd: emptyBytes, prevKv: false };
  while (reader.next()) {
    if (reader.field === 1) request.key = bytesField(reader);
    else if (reader.field === 2) request.rangeEnd = bytesField(reader);
    else if (reader.field === 3) request.prevKv = boolField(reader);
    else reader.skip();
  }
  return request;
}

export function encodeRangeRequest(request: RangeRequest): Uint8Array {
  const writer = new WireWriter();
  writeRangeRequest(writer, request);
  return writer.seal();
}

/** Views into `bytes`. Throws `WireError`, or {@link CodecError} `invalidSortOption`. */
export function decodeRangeRequest(bytes: Uint8Array): RangeRequest {
  return readRangeRequest(new WireReader(bytes));
}

export function encodePutRequest(request: PutRequest): Uint8Array {
  const writer = new WireWriter(request.key.length + request.value.length + 32);
  writePutRequest(writer, request);
  return writer.seal();
}

/** Views into `bytes`. Throws `WireError`. */
export function decodePutRequest(bytes: Uint8Array): PutRequest {
  return readPutRequest(new WireReader(bytes));
}

export function encodeDeleteRangeRequest(request: DeleteRangeRequest): Uint8Array {
  const writer = new WireWriter();
  writeDeleteRangeRequest(writer, request);
  return writer.seal();
}

/** Views into `bytes`. Throws `WireError`. */
export function decodeDeleteRangeRequest(bytes: Uint8Array): DeleteRangeRequest {
  return readDeleteRangeRequest(new WireReader(bytes));
}
