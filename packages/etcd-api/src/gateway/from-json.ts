/**
 * JSON to the bytes of a message, by the rules of protobuf's own JSON (protobuf.dev/programming-guides/
 * json): both spellings of a name, integers as numbers or strings, bytes in either base64, enums by
 * name or number; what is unknown is ignored. The complaints are those of Go's protojson. Pure.
 */
import { WireWriter, wireType } from "@flotilla/base";
import { JsonSyntaxError, type JsonValue, parseJson } from "./json-text.ts";
import type { Field, MessageType, Scalar } from "./schema.ts";

/** The text is not the message that it should be; the message says why, and where. */
export class JsonMessageError extends Error {
  override readonly name = "JsonMessageError";
}

/** The bytes of the first value in `text`; nothing at all is the empty message. Throws {@link JsonMessageError}. */
export function encodeJson(type: MessageType, text: string): Uint8Array {
  const writer = new WireWriter();
  try {
    const value = parseJson(text);
    if (value !== undefined) new Encoder(text, value.start).message(writer, type, value);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new JsonMessageError(error.message);
    throw error;
  }
  return writer.finish();
}

class Encoder {
  readonly #text: string;
  /** Places are counted from here. */
  readonly #start: number;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#start = start;
  }

  message(writer: WireWriter, type: MessageType, value: JsonValue): void {
    if (value.kind !== "object") throw this.#unexpected(value);
    const seen = new Set<Field>();
    const oneofs = new Set<string>();
    for (const member of value.members) {
      const field = type.byName.get(member.name);
      if (field === undefined) continue;
      const name = JSON.stringify(member.name);
      if (seen.has(field)) throw this.#fault(member.start, `duplicate field ${name}`);
      seen.add(field);
      if (member.value.kind === "null") continue;
      const { oneof } = field;
      if (oneof !== undefined && oneofs.has(oneof)) {
        const fault = `error parsing ${name}, oneof ${oneof} is already set`;
        throw this.#fault(member.start, fault);
      }
      if (oneof !== undefined) oneofs.add(oneof);
      if (field.isRepeated) this.#items(writer, field, member.value);
      else this.#value(writer, field, member.value);
    }
  }

  #items(writer: WireWriter, field: Field, value: JsonValue): void {
    if (value.kind !== "array") throw this.#unexpected(value);
    for (const item of value.items) this.#value(writer, field, item);
  }

  #value(writer: WireWriter, field: Field, value: JsonValue): void {
    const { type, number } = field;
    switch (type.kind) {
      case "message":
        writer.fieldMessage(number, (body) => this.message(body, type.message, value));
        return;
      case "enum":
        this.#enum(writer, field, type.values, value);
        return;
      case "scalar":
        this.#scalar(writer, field, type.scalar, value);
    }
  }

  /** A name that is not known is ignored, as an unknown field is. */
  #enum(writer: WireWriter, field: Field, values: readonly string[], value: JsonValue): void {
    if (value.kind === "string") {
      const known = values.indexOf(value.text);
      if (known >= 0) writeInteger(writer, field.number, BigInt(known));
      return;
    }
    const number = value.kind === "number" ? parseInteger(value.text) : undefined;
    if (number === undefined || BigInt.asIntN(32, number) !== number) {
      throw this.#invalid("enum", field, value);
    }
    writeInteger(writer, field.number, number);
  }

  #scalar(writer: WireWriter, field: Field, scalar: Scalar, value: JsonValue): void {
    if (scalar === "bool") {
      if (value.kind !== "bool") throw this.#invalid("bool", field, value);
      writeInteger(writer, field.number, value.value ? 1n : 0n);
    } else if (scalar === "string") {
      if (value.kind !== "string") throw this.#invalid("string", field, value);
      writer.fieldTextAlways(field.number, this.#wellFormed(value.text, value.start));
    } else if (scalar === "bytes") {
      const bytes = value.kind === "string" ? parseBase64(value.text) : undefined;
      if (bytes === undefined) throw this.#invalid("bytes", field, value);
      writer.fieldBytesAlways(field.number, bytes);
    } else {
      const isText = value.kind === "number" || value.kind === "string";
      const integer = isText ? parseInteger(value.text) : undefined;
      if (integer === undefined || !fits(integer, scalar)) {
        throw this.#invalid(goNames[scalar], field, value);
      }
      writeInteger(writer, field.number, integer);
    }
  }

  #wellFormed(text: string, at: number): string {
    if (!/\p{Surrogate}/u.test(text)) return text; // None that stands alone.
    throw new JsonMessageError(`proto: syntax error ${this.#place(at)}: invalid UTF-8 in string`);
  }

  #invalid(kind: string, { camelName }: Field, value: JsonValue): JsonMessageError {
    const fault = `invalid value for ${kind} field ${camelName}: ${this.#token(value)}`;
    return this.#fault(value.start, fault);
  }

  #unexpected(value: JsonValue): JsonMessageError {
    const place = this.#place(value.start);
    return new JsonMessageError(
      `proto: syntax error ${place}: unexpected token ${this.#token(value)}`,
    );
  }

  #fault(at: number, fault: string): JsonMessageError {
    return new JsonMessageError(`proto: ${this.#place(at)}: ${fault}`);
  }

  /** What the text says there: all of it, or what opens it. */
  #token({ kind, start, end }: JsonValue): string {
    return this.#text.slice(start, kind === "object" || kind === "array" ? start + 1 : end);
  }

  /** Line and column, both from 1. */
  #place(at: number): string {
    const before = this.#text.slice(this.#start, at).split("\n");
    const last = before.at(-1) ?? "";
    return `(line ${before.length}:${[...last].length + 1})`;
  }
}

const goNames = { i64: "int64", u64: "uint64", u32: "uint32" } as const;

function fits(integer: bigint, scalar: "i64" | "u64" | "u32"): boolean {
  if (scalar === "i64") return BigInt.asIntN(64, integer) === integer;
  return BigInt.asUintN(scalar === "u64" ? 64 : 32, integer) === integer;
}

/** Also when it is 0: a member of a oneof is there by being written. */
function writeInteger(writer: WireWriter, field: number, value: bigint): void {
  writer.tag(field, wireType.varint);
  writer.varint64(value);
}

/** Digits of an integer that any type could hold. */
const digitsMax = 20;

/** Any way to write an integer in JSON, such as `1.0` and `1e2`; undefined for what is none. */
export function parseInteger(text: string): bigint | undefined {
  const match = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return 0n;
  const shift = Number(exponent) - fraction.length;
  if (digits.length + shift > digitsMax || digits.length + shift <= 0) return undefined;
  if (shift < 0 && !/^0+$/.test(digits.slice(shift))) return undefined;
  const integer = shift < 0 ? digits.slice(0, shift) : digits + "0".repeat(shift);
  return BigInt(sign + integer);
}

/** Standard or URL alphabet, with or without padding; undefined for what is neither. */
function parseBase64(text: string): Uint8Array | undefined {
  const isUrl = /[-_]/.test(text);
  const isPadded = text.length % 4 === 0;
  const plain = text.replace(/[\r\n]/g, ""); // Ignored by Go's decoder.
  const body = isPadded ? plain.replace(/={1,2}$/, "") : plain;
  const alphabet = isUrl ? /^[A-Za-z0-9_-]*$/ : /^[A-Za-z0-9+/]*$/;
  const isWhole = !isPadded || plain.length % 4 === 0;
  if (!isWhole || !alphabet.test(body) || body.length % 4 === 1) return undefined;
  return Buffer.from(body, isUrl ? "base64url" : "base64");
}
