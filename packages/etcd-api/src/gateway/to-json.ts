/**
 * The bytes of a message to JSON, as etcd's gateway writes it: names as in the proto files, 64-bit
 * integers and bytes as strings, enums by name, zero values left out. Pure.
 */
import { textOf, WireError, WireReader, wireType } from "@flotilla/base";
import type { Field, MessageType, Scalar } from "./schema.ts";

/** Throws `WireError` for bytes that are not such a message. Fields that are not known are left out. */
export function decodeToJson(type: MessageType, bytes: Uint8Array): string {
  return message(type, new WireReader(bytes));
}

function message(type: MessageType, reader: WireReader): string {
  const values = new Map<Field, string>();
  while (reader.next()) {
    const field = type.byNumber.get(reader.field);
    if (field === undefined) reader.skip();
    else take(values, field, reader);
  }
  const parts: string[] = [];
  for (const field of type.fields) {
    const value = values.get(field);
    if (value === undefined) continue;
    parts.push(`"${field.name}":${field.isRepeated ? `[${value}]` : value}`);
  }
  return `{${parts.join(",")}}`;
}

/** The last value counts; those of a repeated field are strung together. */
function take(values: Map<Field, string>, field: Field, reader: WireReader): void {
  const text = one(field, reader);
  const before = values.get(field);
  if (field.isRepeated) values.set(field, before === undefined ? text : `${before},${text}`);
  else if (isZero(text) && field.oneof === undefined) values.delete(field);
  else values.set(field, text);
}

const zeros: ReadonlySet<string> = new Set(["0", '"0"', "false", '""', "zero"]);

function isZero(text: string): boolean {
  return zeros.has(text);
}

function one({ type, isRepeated, oneof }: Field, reader: WireReader): string {
  switch (type.kind) {
    case "message":
      return message(type.message, reader.message());
    case "enum": {
      const number = Number(BigInt.asIntN(32, reader.varint64()));
      if (number === 0 && !isRepeated && oneof === undefined) return "zero";
      const name = type.values[number];
      return name === undefined ? String(number) : `"${name}"`;
    }
    case "scalar":
      return scalar(type.scalar, reader);
  }
}

function scalar(type: Scalar, reader: WireReader): string {
  const isBlob = type === "bytes" || type === "string";
  if (reader.type !== (isBlob ? wireType.bytes : wireType.varint)) {
    throw new WireError(`field ${reader.field} has wire type ${reader.type}`);
  }
  switch (type) {
    case "bytes":
      return `"${base64(reader.bytes())}"`;
    case "string":
      return JSON.stringify(textOf(reader.bytes()));
    case "bool":
      return String(reader.bool());
    case "u32":
      return String(BigInt.asUintN(32, reader.varint64()));
    case "u64":
      return `"${reader.varint64()}"`;
    case "i64":
      return `"${BigInt.asIntN(64, reader.varint64())}"`;
  }
}

function base64({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("base64");
}
