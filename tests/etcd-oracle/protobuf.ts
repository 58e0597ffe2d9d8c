/**
 * Messages as plain JSON, and as protobuf bytes, by the table in schema.ts. Pure.
 *
 * Bytes are written as text where they are printable, else as `hex:...`; 64-bit numbers as numbers, and
 * as text where a number is not exact. What is at its default is left out, as protobuf does.
 */
import { type Field, messages } from "./schema.ts";

/** A value of a message. */
export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };
/** A message. */
export type Message = { readonly [name: string]: Json };

/** The bytes of a message. `raw` among its fields is appended as it is, in hex: for what no field can say. */
export function encodeMessage(name: string, message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const field of fieldsOf(name)) {
    const value = message[field.name];
    if (value === undefined) continue;
    const values = field.repeated ? (value as readonly Json[]) : [value];
    for (const one of values) parts.push(encodeField(field, one));
  }
  const { raw } = message;
  if (raw !== undefined) parts.push(Buffer.from(raw as string, "hex"));
  return Buffer.concat(parts);
}

function encodeField(field: Field, value: Json): Buffer {
  switch (field.type) {
    case "bytes":
    case "string":
      return delimited(field, bytesOf(value));
    case "bool":
      return Buffer.concat([tag(field, 0), varint(value === true ? 1n : 0n)]);
    case "enum":
    case "int64":
    case "uint64":
    case "uint32":
      return Buffer.concat([tag(field, 0), varint(BigInt.asUintN(64, BigInt(value as string)))]);
    default:
      return delimited(field, encodeMessage(field.type, value as Message));
  }
}

function delimited(field: Field, content: Buffer): Buffer {
  return Buffer.concat([tag(field, 2), varint(BigInt(content.length)), content]);
}

function tag(field: Field, type: number): Buffer {
  return varint(BigInt(field.number * 8 + type));
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** `text`, `hex:...`, or `{ repeat, times }` for a long one. */
function bytesOf(value: Json): Buffer {
  if (typeof value === "string") {
    return value.startsWith("hex:") ? Buffer.from(value.slice(4), "hex") : Buffer.from(value);
  }
  const { repeat, times } = value as { repeat: string; times: number };
  return Buffer.from(repeat.repeat(times));
}

/** Reads one message; fields that the table does not have appear as `unknown:NUMBER`. Throws on what is malformed. */
export function decodeMessage(name: string, bytes: Buffer): Message {
  const fields = fieldsOf(name);
  const message: Record<string, Json> = {};
  for (let at = 0; at < bytes.length; ) {
    const [head, afterTag] = readVarint(bytes, at);
    const [value, next] = readValue(bytes, afterTag, Number(head & 7n));
    at = next;
    const field = fields.find(({ number }) => BigInt(number) === head >> 3n);
    if (field === undefined) message[`unknown:${head >> 3n}`] = true;
    else add(message, field, value);
  }
  return message;
}

function add(message: Record<string, Json>, field: Field, value: bigint | Buffer): void {
  const isPacked = field.repeated && field.type === "enum" && typeof value !== "bigint";
  if (isPacked) throw new Error("no answer has a packed field");
  const read = readField(field, value);
  if (field.repeated) message[field.name] = [...((message[field.name] ?? []) as Json[]), read];
  else if (field.present || !isDefault(read)) message[field.name] = read;
}

function isDefault(value: Json): boolean {
  return value === 0 || value === "" || value === false;
}

function readField(field: Field, value: bigint | Buffer): Json {
  if (typeof value === "bigint") {
    if (field.type === "bool") return value !== 0n;
    if (field.type === "uint64") return numberOf(value);
    return numberOf(BigInt.asIntN(64, value));
  }
  if (field.type === "bytes") return textOf(value);
  if (field.type === "string") return value.toString();
  return decodeMessage(field.type, value);
}

function numberOf(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Longer bytes are told by length and checksum. */
const shownBytesMax = 120;

function textOf(bytes: Buffer): string {
  if (bytes.length > shownBytesMax) return `long:${bytes.length}:${checksum(bytes)}`;
  const text = bytes.toString("latin1");
  return /^[ -~]*$/.test(text) && !/^(hex|long):/.test(text)
    ? text
    : `hex:${bytes.toString("hex")}`;
}

/** FNV-1a. */
function checksum(bytes: Buffer): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum.toString(16);
}

function readValue(bytes: Buffer, at: number, type: number): [bigint | Buffer, number] {
  if (type === 0) return readVarint(bytes, at);
  if (type !== 2) throw new Error(`wire type ${type} in an answer`);
  const [length, start] = readVarint(bytes, at);
  const end = start + Number(length);
  if (end > bytes.length) throw new Error("answer is cut off");
  return [bytes.subarray(start, end), end];
}

function readVarint(bytes: Buffer, from: number): [bigint, number] {
  let value = 0n;
  let at = from;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("answer is cut off");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

function fieldsOf(name: string): readonly Field[] {
  const fields = messages.get(name);
  if (fields === undefined) throw new Error(`no message ${name}`);
  return fields;
}
