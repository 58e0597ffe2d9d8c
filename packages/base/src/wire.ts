/**
 * Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): varints, tags, lengths.
 *
 * The writer grows one buffer; the reader aliases its input. Both are pure. A malformed input is an
 * expected event: the reader throws {@link WireError}, which the caller turns into its own error.
 */
import { emptyBytes, equalBytes, textOf, utf8, utf8Size, writeUtf8 } from "./bytes.ts";
import { slab, sliceBytesMax } from "./slab.ts";

/** The bytes are not the message they should be. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** A string of the message is not UTF-8. */
export class WireTextError extends WireError {}

/** Wire types; groups (3 and 4) are refused. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Appends fields to a growing buffer. Fields with proto3's default value are left out by the `field*` methods. */
export class WireWriter {
  #buffer: Uint8Array;
  /** What is written begins here and ends at `#at`; the buffer is the writer's up to `#end`. */
  #start = 0;
  #at = 0;
  #end: number;

  /** `capacityBytes`: first allocation; the buffer doubles as needed. */
  constructor(capacityBytes = 256) {
    if (capacityBytes <= sliceBytesMax) {
      this.#start = slab.cut(capacityBytes);
      this.#at = this.#start;
      this.#buffer = slab.bytes;
      this.#end = this.#start + capacityBytes;
    } else {
      this.#buffer = new Uint8Array(capacityBytes);
      this.#end = capacityBytes;
    }
  }

  get size(): number {
    return this.#at - this.#start;
  }

  /** The bytes written so far: a view that the next write may invalidate. Copy it to keep it. */
  view(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#at);
  }

  /** A copy of the bytes written so far. */
  finish(): Uint8Array {
    return this.#buffer.slice(this.#start, this.#at);
  }

  /** The bytes written, not copied. The writer ends here: it must not be touched again. */
  seal(): Uint8Array {
    slab.giveBack(this.#buffer, this.#at, this.#end);
    this.#end = this.#at;
    return this.view();
  }

  /** Forgets what was written and keeps the allocation. */
  reset(): void {
    this.#at = this.#start;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  /** Unsigned, at most 2^53 - 1; a negative safe integer is written in two's complement on 10 bytes, as int64. */
  varint(value: number): void {
    if (value < 0) {
      this.varint64(BigInt(value));
      return;
    }
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  /** Any int64 or uint64; negative values in two's complement. */
  varint64(value: bigint): void {
    this.#reserve(10);
    // In two numbers: a bigint for each byte would be most of what a message costs.
    const wide = BigInt.asUintN(64, value);
    let low = Number(wide & 0xffff_ffffn);
    let high = Number(wide >> 32n);
    while (high > 0 || low > 0x7f) {
      this.#buffer[this.#at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[this.#at++] = low;
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#buffer[this.#at++] = value >>> shift;
  }

  /** An integer field: int64, uint64, int32, uint32 or an enum. 0 is left out. */
  fieldVarint(field: number, value: number): void {
    if (value === 0) return;
    this.tag(field, wireType.varint);
    this.varint(value);
  }

  /** A 64-bit field that may exceed 2^53. 0 is left out. */
  fieldVarint64(field: number, value: bigint): void {
    if (value === 0n) return;
    this.tag(field, wireType.varint);
    this.varint64(value);
  }

  fieldBool(field: number, value: boolean): void {
    if (value) this.fieldVarint(field, 1);
  }

  /** A bytes field; left out when empty. */
  fieldBytes(field: number, value: Uint8Array): void {
    if (value.length > 0) this.fieldBytesAlways(field, value);
  }

  /** A bytes field, also when empty: for repeated fields and for the members of a oneof. */
  fieldBytesAlways(field: number, value: Uint8Array): void {
    this.tag(field, wireType.bytes);
    this.varint(value.length);
    this.raw(value);
  }

  /** A string field; left out when empty. */
  fieldText(field: number, value: string): void {
    if (value.length > 0) this.fieldTextAlways(field, value);
  }

  /** A string field, also when empty: for repeated fields. */
  fieldTextAlways(field: number, value: string): void {
    this.tag(field, wireType.bytes);
    const size = utf8Size(value);
    this.varint(size);
    this.#reserve(size);
    this.#at = writeUtf8(this.#buffer, this.#at, value);
  }

  /** An embedded message, written by `body`; always present, also when empty. */
  fieldMessage(field: number, body: (writer: WireWriter) => void): void {
    this.tag(field, wireType.bytes);
    const before = this.size;
    this.byte(0); // Most embedded messages are below 128 bytes: one byte of length, widened if not.
    body(this);
    const length = this.size - before - 1;
    if (length < 0x80) {
      this.#buffer[this.#start + before] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.#reserve(extra);
    const lengthAt = this.#start + before;
    this.#buffer.copyWithin(lengthAt + 1 + extra, lengthAt + 1, this.#at);
    const end = this.#at + extra;
    this.#at = lengthAt;
    this.varint(length);
    this.#at = end;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#end) return;
    const { size } = this;
    const grown = new Uint8Array(Math.max(size + more, (this.#end - this.#start) * 2));
    grown.set(this.view());
    slab.giveBack(this.#buffer, this.#start, this.#end);
    this.#buffer = grown;
    this.#start = 0;
    this.#at = size;
    this.#end = grown.length;
  }
}

/** How many bytes the varint of `value` takes; `value` in [0, 2^53). */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Reads fields in order. Every method throws {@link WireError} on bytes that do not fit. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;
  /** Field number of the last {@link next}. */
  field = 0;
  /** Wire type of the last {@link next}. */
  type = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get offset(): number {
    return this.#at;
  }

  /** Moves to the next field and sets {@link field} and {@link type}; false at the end. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.type = tag % 8;
    if (this.field === 0) throw new WireError("field number 0");
    return true;
  }

  /** Skips the value of the current field. */
  skip(): void {
    if (this.type === wireType.varint) this.varint64();
    else if (this.type === wireType.fixed64) this.#take(8);
    else if (this.type === wireType.bytes) this.bytes();
    else if (this.type === wireType.fixed32) this.#take(4);
    else throw new WireError(`wire type ${this.type} of field ${this.field} is not supported`);
  }

  /** An integer in (-2^53, 2^53): int64 and uint64 beyond that are refused. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) throw new WireError("integer beyond 2^53");
        return value;
      }
      scale *= 128;
    }
    this.#at -= 8; // 9 or 10 bytes: negative, or too large.
    const wide = BigInt.asIntN(64, this.varint64());
    if (wide < BigInt(Number.MIN_SAFE_INTEGER) || wide > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new WireError("integer beyond 2^53");
    }
    return Number(wide);
  }

  /** The 64 bits as an unsigned integer; `BigInt.asIntN(64, ...)` gives the signed one. */
  varint64(): bigint {
    let low = 0; // The first 4 bytes: 28 bits.
    let middle = 0; // The next 4.
    let high = 0; // The last 2.
    for (let count = 0; count < 10; count++) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (count < 4) low |= bits << (7 * count);
      else if (count < 8) middle |= bits << (7 * (count - 4));
      else high |= bits << (7 * (count - 8));
      if (byte < 0x80) {
        if (high === 0 && middle < 1 << 25) return BigInt(low + middle * (1 << 28));
        const wide = BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n);
        return BigInt.asUintN(64, wide);
      }
    }
    throw new WireError("varint longer than 10 bytes");
  }

  bool(): boolean {
    return this.varint64() !== 0n;
  }

  fixed32(): number {
    const at = this.#take(4);
    const b = this.#bytes;
    return (
      ((b[at] as number) |
        ((b[at + 1] as number) << 8) |
        ((b[at + 2] as number) << 16) |
        ((b[at + 3] as number) << 24)) >>>
      0
    );
  }

  /** A length-delimited value: a view into the input. Copy what outlives it. */
  bytes(): Uint8Array {
    const length = this.varint();
    if (length < 0) throw new WireError("negative length");
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    const bytes = this.bytes();
    const text = textOf(bytes);
    // What is not UTF-8 has become a replacement character, which may as well be what was written.
    if (text.includes("\ufffd") && !equalBytes(utf8(text), bytes)) {
      throw new WireTextError("a string is not UTF-8");
    }
    return text;
  }

  /** A reader over the embedded message that comes next. */
  message(): WireReader {
    const length = this.varint();
    if (length < 0) throw new WireError("negative length");
    const at = this.#take(length);
    return new WireReader(this.#bytes, at, at + length);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new WireError("message ends in the middle of a varint");
    return this.#bytes[this.#at++] as number;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) {
      throw new WireError(`field ${this.field} needs ${length} bytes, ${this.#end - at} are left`);
    }
    this.#at = at + length;
    return at;
  }
}

/** One embedded message as bytes; convenient where speed does not matter. */
export function encodeMessage(body: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  body(writer);
  return writer.size === 0 ? emptyBytes : writer.seal();
}
