/** Responses of `etcdserverpb.KV`: everything after the header. */
import { assertNever, WireReader, type WireWriter } from "@flotilla/base";
import {
  type DeleteRangeResult,
  type KeyValue,
  type PutResult,
  type RangeResult,
  type TxnResult,
  writeKeyValue,
} from "@flotilla/store";
import { clamped } from "./clamped.ts";
import { writeInnerHeader } from "./header.ts";

export function writeRangeResponse(writer: WireWriter, result: RangeResult): void {
  writeRangeRows(writer, result.kvs);
  writeRangeEnd(writer, result);
}

/** The rows of an answer, or some of them. */
export function writeRangeRows(writer: WireWriter, kvs: readonly KeyValue[]): void {
  for (const kv of kvs) writer.fieldMessage(2, (body) => writeKeyValue(body, kv));
}

/** What follows the last row. */
export function writeRangeEnd(
  writer: WireWriter,
  { more, count }: { readonly more: boolean; readonly count: number },
): void {
  writer.fieldBool(3, more);
  writer.fieldVarint(4, count);
}

export function writePutResponse(writer: WireWriter, result: PutResult): void {
  const { previous } = result;
  if (previous !== undefined) writer.fieldMessage(2, (body) => writeKeyValue(body, previous));
}

export function writeDeleteRangeResponse(writer: WireWriter, result: DeleteRangeResult): void {
  writer.fieldVarint(2, result.deleted);
  for (const kv of result.previous) writer.fieldMessage(3, (body) => writeKeyValue(body, kv));
}

export function writeTxnResponse(writer: WireWriter, result: TxnResult): void {
  writer.fieldBool(2, result.succeeded);
  for (const response of result.responses) {
    writer.fieldMessage(3, (body) => writeResponseOp(body, response));
  }
}

type OpResult = TxnResult["responses"][number];

function writeResponseOp(writer: WireWriter, result: OpResult): void {
  switch (result.kind) {
    case "range":
      writer.fieldMessage(1, (body) => {
        writeInnerHeader(body, result.revision);
        writeRangeResponse(body, result);
      });
      return;
    case "put":
      writer.fieldMessage(2, (body) => {
        writeInnerHeader(body, result.revision);
        writePutResponse(body, result);
      });
      return;
    case "deleteRange":
      writer.fieldMessage(3, (body) => {
        writeInnerHeader(body, result.revision);
        writeDeleteRangeResponse(body, result);
      });
      return;
    case "txn":
      writer.fieldMessage(4, (body) => {
        writeInnerHeader(body, 0); // Empty in etcd, too: only the leaves carry the revision.
        writeTxnResponse(body, result);
      });
      return;
    default:
      assertNever(result);
  }
}

/** `CompactionRequest`. */
export interface CompactionRequest {
  readonly revision: number;
  readonly physical: boolean;
}

/** Throws `WireError`. */
export function decodeCompactionRequest(bytes: Uint8Array): CompactionRequest {
  const reader = new WireReader(bytes);
  let revision = 0;
  let physical = false;
  while (reader.next()) {
    if (reader.field === 1) revision = clamped(reader.varint64());
    else if (reader.field === 2) physical = reader.bool();
    else reader.skip();
  }
  return { revision, physical };
}
