/**
 * Field readers that the messages share: protobuf's int64 in our types. Pure.
 *
 * A field that comes with another wire type than its own is malformed here, as in Go's parser.
 */
import { WireError, type WireReader, wireType } from "@flotilla/base";

const int64High = 1n << 63n;
const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** A bytes field: a view into the input. */
export function bytesField(reader: WireReader): Uint8Array {
  expectType(reader, wireType.bytes);
  return reader.bytes();
}

/** A string field. */
export function textField(reader: WireReader): string {
  expectType(reader, wireType.bytes);
  return reader.text();
}

/** An embedded message. */
export function messageField(reader: WireReader): WireReader {
  expectType(reader, wireType.bytes);
  return reader.message();
}

export function boolField(reader: WireReader): boolean {
  expectType(reader, wireType.varint);
  return reader.bool();
}

/** An integer that we wrote ourselves: at most 53 bits. */
export function integerField(reader: WireReader): number {
  expectType(reader, wireType.varint);
  return reader.varint();
}

/**
 * An int64 that a client wrote, clamped to the safe integers: as a limit or as a revision, what lies
 * beyond 2^53 means the same as 2^53 - 1. Clients do send the largest int64 as a limit.
 */
export function clampedField(reader: WireReader): number {
  const wide = signedField(reader);
  if (wide > safeMax) return Number.MAX_SAFE_INTEGER;
  if (wide < -safeMax) return -Number.MAX_SAFE_INTEGER;
  return Number(wide);
}

/** An enum that a client wrote: as an int32, of which higher bits say nothing. */
export function enumField(reader: WireReader): number {
  return Number(BigInt.asIntN(32, unsignedField(reader)));
}

/** An int64 of which all bits matter, such as a lease id. */
export function signedField(reader: WireReader): bigint {
  const wide = unsignedField(reader);
  return wide >= int64High ? BigInt.asIntN(64, wide) : wide;
}

/** A uint64 of which all bits matter, such as a member id. */
export function unsignedField(reader: WireReader): bigint {
  expectType(reader, wireType.varint);
  return reader.varint64();
}

function expectType(reader: WireReader, type: number): void {
  if (reader.type === type) return;
  throw new WireError(`field ${reader.field} has wire type ${reader.type}, expected ${type}`);
}
