/**
 * `mvccpb.KeyValue` and `mvccpb.Event` (etcd api/mvccpb/kv.proto). Pure.
 *
 * The store keeps KeyValue in exactly these bytes, so a hash over its history is a hash over what
 * clients see.
 */
import { emptyBytes, WireReader, WireWriter } from "@flotilla/base";
import type { KeyValue, WatchEvent } from "../contract.ts";
import { bytesField, integerField, messageField, signedField } from "./fields.ts";

/** Appends the fields of a KeyValue. */
export function writeKeyValue(writer: WireWriter, kv: KeyValue): void {
  writer.fieldBytes(1, kv.key);
  writer.fieldVarint(2, kv.createRevision);
  writer.fieldVarint(3, kv.modRevision);
  writer.fieldVarint(4, kv.version);
  writer.fieldBytes(5, kv.value);
  writer.fieldVarint64(6, kv.lease);
}

/** Reads a KeyValue to the end of `reader`; its bytes are views. Throws `WireError`. */
export function readKeyValue(reader: WireReader): KeyValue {
  let key = emptyBytes;
  let value = emptyBytes;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0n;
  while (reader.next()) {
    if (reader.field === 1) key = bytesField(reader);
    else if (reader.field === 2) createRevision = integerField(reader);
    else if (reader.field === 3) modRevision = integerField(reader);
    else if (reader.field === 4) version = integerField(reader);
    else if (reader.field === 5) value = bytesField(reader);
    else if (reader.field === 6) lease = signedField(reader);
    else reader.skip();
  }
  return { key, value, createRevision, modRevision, version, lease };
}

export function encodeKeyValue(kv: KeyValue): Uint8Array {
  const writer = new WireWriter(kv.key.length + kv.value.length + 48);
  writeKeyValue(writer, kv);
  return writer.seal();
}

/** The bytes of the result are views into `bytes`. Throws `WireError`. */
export function decodeKeyValue(bytes: Uint8Array): KeyValue {
  return readKeyValue(new WireReader(bytes));
}

const eventTypeDelete = 1;

/** Appends the fields of an Event. */
export function writeEvent(writer: WireWriter, event: WatchEvent): void {
  if (event.kind === "delete") writer.fieldVarint(1, eventTypeDelete);
  writer.fieldMessage(2, (body) => writeKeyValue(body, event.kv));
  const { previous } = event;
  if (previous !== undefined) writer.fieldMessage(3, (body) => writeKeyValue(body, previous));
}

/** Reads an Event to the end of `reader`. Throws `WireError`. */
export function readEvent(reader: WireReader): WatchEvent {
  let type = 0;
  let kv: KeyValue | undefined;
  let previous: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 1) type = integerField(reader);
    else if (reader.field === 2) kv = readKeyValue(messageField(reader));
    else if (reader.field === 3) previous = readKeyValue(messageField(reader));
    else reader.skip();
  }
  kv ??= decodeKeyValue(emptyBytes);
  return { kind: type === eventTypeDelete ? "delete" : "put", kv, previous };
}

export function encodeEvent(event: WatchEvent): Uint8Array {
  const writer = new WireWriter();
  writeEvent(writer, event);
  return writer.seal();
}

/** The bytes of the result are views into `bytes`. Throws `WireError`. */
export function decodeEvent(bytes: Uint8Array): WatchEvent {
  return readEvent(new WireReader(bytes));
}
