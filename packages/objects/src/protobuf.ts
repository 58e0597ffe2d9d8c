/**
 * Kubernetes' protobuf bodies -> JSON.
 *
 * kubectl 1.32 and newer sends them from `create deployment` and its like, and does not fall back.
 * An envelope ("k8s", a zero byte, runtime.Unknown) names the kind; the field numbers are those of
 * the schema table. Integers beyond 2^53 are refused. Pure.
 *
 *     offset | size | field
 *     0      | 4    | 6b 38 73 00
 *     4      | rest | Unknown {1: TypeMeta {1: apiVersion, 2: kind}, 2: raw, 3: encoding, 4: type}
 */
import { emptyBytes, textOf, WireError, WireReader, wireType } from "@flotilla/base";
import { type JsonRecord, setKey } from "./json.ts";
import type { Field, FieldType, Message, Scalar } from "./schema/notation.ts";
import { messages } from "./schema/table.ts";
import { formatMicroTime, formatTime } from "./time.ts";
import type { Json } from "./types.ts";

const magic = [0x6b, 0x38, 0x73, 0x00];

/**
 * The JSON form of a body; hand it to `decodeObject`, which drops what says nothing. Undefined when
 * the body is malformed or of a kind that the table does not know. Never throws.
 */
export function decodeProtobuf(bytes: Uint8Array): Json | undefined {
  if (!magic.every((byte, at) => bytes[at] === byte)) return undefined;
  try {
    return readUnknown(new WireReader(bytes, magic.length));
  } catch (error) {
    // WireError: not the message it should be. SyntaxError: FieldsV1 that is not JSON.
    if (error instanceof WireError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readUnknown(reader: WireReader): Json | undefined {
  const type = { apiVersion: "", kind: "" };
  let raw = emptyBytes;
  while (reader.next()) {
    if (reader.field === 1) readTypeMeta(message(reader), type);
    else if (reader.field === 2) raw = bytesOf(reader);
    else if (reader.field === 3 && textOf(bytesOf(reader)) !== "")
      return undefined; // Compressed.
    else if (reader.field > 3) reader.skip();
  }
  const schema = messages.get(type.kind);
  if (schema === undefined) return undefined;
  return {
    apiVersion: type.apiVersion,
    kind: type.kind,
    ...readMessage(schema, new WireReader(raw)),
  };
}

function readTypeMeta(reader: WireReader, type: { apiVersion: string; kind: string }): void {
  while (reader.next()) {
    if (reader.field === 1) type.apiVersion = textOf(bytesOf(reader));
    else if (reader.field === 2) type.kind = textOf(bytesOf(reader));
    else reader.skip();
  }
}

function readMessage(schema: Message, reader: WireReader, into: JsonRecord = {}): JsonRecord {
  while (reader.next()) {
    const part = schema.parts.get(reader.field);
    if (part === undefined) reader.skip();
    else if ("parts" in part) readMessage(part, message(reader), into);
    else readField(part, reader, into);
  }
  return into;
}

function readField({ name, type }: Field, reader: WireReader, into: JsonRecord): void {
  if (type.kind === "list") {
    const items = (into[name] ?? []) as Json[];
    items.push(readValue(type.of, reader)); // Kubernetes never packs.
    into[name] = items;
  } else if (type.kind === "map") {
    const entries = (into[name] ?? {}) as JsonRecord;
    readEntry(type.of, message(reader), entries);
    into[name] = entries;
  } else into[name] = readValue(type, reader);
}

function readEntry(type: FieldType, reader: WireReader, entries: JsonRecord): void {
  let key = "";
  let value: Json = type.kind === "scalar" && type.scalar === "quantity" ? "0" : "";
  while (reader.next()) {
    if (reader.field === 1) key = textOf(bytesOf(reader));
    else if (reader.field === 2) value = readValue(type, reader);
    else reader.skip();
  }
  setKey(entries, key, value);
}

function readValue(type: FieldType, reader: WireReader): Json {
  switch (type.kind) {
    case "message":
      return readMessage(type.message, message(reader));
    case "enumeration":
      return textOf(bytesOf(reader));
    case "scalar":
      return readScalar(type.scalar, reader);
    default:
      throw new WireError("a list within a list has no protobuf form");
  }
}

function readScalar(scalar: Scalar, reader: WireReader): Json {
  switch (scalar) {
    case "string":
      return textOf(bytesOf(reader));
    case "int32":
    case "int64":
      return varint(reader);
    case "bool":
      return varint(reader) !== 0;
    case "bytes":
      return base64(bytesOf(reader));
    case "quantity":
      return readQuantity(message(reader));
    case "time":
    case "microtime":
      return readTime(message(reader), scalar);
    case "intstr":
      return readIntOrString(message(reader));
    case "json":
      return readJson(message(reader));
  }
}

function readQuantity(reader: WireReader): string {
  let text = "0";
  while (reader.next()) {
    if (reader.field === 1) text = textOf(bytesOf(reader));
    else reader.skip();
  }
  return text;
}

/** No fields at all is no time. */
function readTime(reader: WireReader, scalar: "time" | "microtime"): string | null {
  let seconds: number | undefined;
  let nanos = 0;
  while (reader.next()) {
    if (reader.field === 1) seconds = varint(reader);
    else if (reader.field === 2) nanos = varint(reader);
    else reader.skip();
  }
  if (seconds === undefined) return null;
  return scalar === "time"
    ? formatTime(seconds * 1000)
    : formatMicroTime(seconds * 1000 + nanos / 1e6);
}

/** {1: which, 2: number, 3: text} */
function readIntOrString(reader: WireReader): number | string {
  let isText = false;
  let number = 0;
  let text = "";
  while (reader.next()) {
    if (reader.field === 1) isText = varint(reader) === 1;
    else if (reader.field === 2) number = varint(reader);
    else if (reader.field === 3) text = textOf(bytesOf(reader));
    else reader.skip();
  }
  return isText ? text : number;
}

function readJson(reader: WireReader): Json {
  let text = "null";
  while (reader.next()) {
    if (reader.field === 1) text = textOf(bytesOf(reader));
    else reader.skip();
  }
  return JSON.parse(text) as Json;
}

function message(reader: WireReader): WireReader {
  expect(reader, wireType.bytes);
  return reader.message();
}

function bytesOf(reader: WireReader): Uint8Array {
  expect(reader, wireType.bytes);
  return reader.bytes();
}

function varint(reader: WireReader): number {
  expect(reader, wireType.varint);
  return reader.varint();
}

function expect(reader: WireReader, type: number): void {
  if (reader.type === type) return;
  throw new WireError(`field ${reader.field} has wire type ${reader.type}, not ${type}`);
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b, c] = [bytes[at] ?? 0, bytes[at + 1], bytes[at + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) text += base64Alphabet[(bits >> shift) & 63];
    if (b === undefined) text = `${text.slice(0, -2)}==`;
    else if (c === undefined) text = `${text.slice(0, -1)}=`;
  }
  return text;
}
