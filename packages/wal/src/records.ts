/**
 * The frame around every record, exactly as etcd writes it (etcd server/storage/wal/encoder.go,
 * decoder.go and walpb/record.proto). Pure.
 *
 * | offset | size | field                                                              |
 * | ------ | ---- | ------------------------------------------------------------------ |
 * | 0      | 7    | length of the record, little-endian                                |
 * | 7      | 1    | 0, or 0x80 + number of padding bytes                               |
 * | 8      | n    | record: protobuf {1: type, 2: crc, 3: data}                        |
 * | 8 + n  | 0-7  | zeros up to a multiple of 8, so that a length never spans sectors  |
 *
 * The checksum rolls: CRC-32C of the data of every record so far, across files.
 */
import { assert, crc32c, emptyBytes, varintSize, WireReader, WireWriter } from "@flotilla/base";

/** The record types of etcd's log. */
export const recordType = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 } as const;

/** Bytes of the length field in front of each record. */
export const frameHeaderBytes = 8;

/** Longest record that is believed: a length above it is damage, not data. */
export const recordBytesMax = 0x2000_0000;

/** One record as it lies in a file. */
export interface WalRecord {
  readonly type: number;
  /** The rolling checksum up to and with this record; for a `crc` record the one it starts from. */
  readonly crc: number;
  /** A view into what was read. */
  readonly data: Uint8Array;
  /** Offset after the record and its padding. */
  readonly next: number;
}

/** Appends framed records to a buffer and carries the rolling checksum. */
export class RecordWriter {
  readonly #writer = new WireWriter(4 * 1024);
  #crc: number;

  /** `crc`: the checksum to go on from. */
  constructor(crc: number) {
    this.#crc = crc;
  }

  get crc(): number {
    return this.#crc;
  }

  get size(): number {
    return this.#writer.size;
  }

  /** A record with data. Moves the checksum on. */
  record(type: number, data: Uint8Array): void {
    this.#crc = crc32c(data, this.#crc);
    this.#frame(type, data);
  }

  /** A `crc` record: repeats the checksum, so that a reader can start here. */
  mark(): void {
    this.#frame(recordType.crc, emptyBytes);
  }

  /** The bytes so far, as a copy, and forgets them; the checksum goes on. */
  take(): Uint8Array {
    const bytes = this.#writer.finish();
    this.#writer.reset();
    return bytes;
  }

  #frame(type: number, data: Uint8Array): void {
    const writer = this.#writer;
    const dataSize = data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length;
    const size = 3 + varintSize(this.#crc) + dataSize;
    assert(size <= recordBytesMax, () => `wal: a record of ${size} bytes`);
    const padding = paddingOf(size);
    writer.fixed32(size);
    writer.fixed32(padding === 0 ? 0 : (0x80 | padding) << 24);
    writer.fieldVarint(1, type);
    writer.tag(2, 0);
    writer.varint(this.#crc);
    writer.fieldBytes(3, data);
    for (let count = 0; count < padding; count++) writer.byte(0);
  }
}

/** What lies at an offset. */
export type RecordOutcome =
  | { readonly kind: "record"; readonly record: WalRecord }
  /** A zero length, or the end of the bytes: nothing was written from here on. */
  | { readonly kind: "end" }
  | Broken;

/** What is wrong with the bytes at an offset, and how far they reach. */
export interface Broken {
  readonly kind: "broken";
  readonly damage: /** No such length is ever written. */
    | "length"
    /** The file ends before the record does. */
    | "short"
    /** Zeros where a length should be, and data after them. */
    | "gap"
    /** The length is possible; the record is not one, or its checksum is another. */
    | "record"
    /** The checksum is right and the content makes no sense. */
    | "content";
  readonly reason: string;
  /** Offset after the frame as its length says; the end of the bytes when there is no telling. */
  readonly frameEnd: number;
}

/** Reads the frame at `offset` and parses the record in it; does not judge its checksum. */
export function readRecord(bytes: Uint8Array, offset: number): RecordOutcome {
  const left = bytes.length - offset;
  if (left <= 0) return { kind: "end" };
  if (left < frameHeaderBytes) return broken("short", "the file ends in a length", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, frameHeaderBytes);
  const low = view.getUint32(0, true);
  const high = view.getUint32(4, true);
  if (low === 0 && high === 0) return { kind: "end" };
  const padding = paddingOf(low);
  const expectedHigh = padding === 0 ? 0 : ((0x80 | padding) << 24) >>> 0;
  if (high !== expectedHigh || low > recordBytesMax) {
    return broken("length", "the length is not one", bytes.length);
  }
  const start = offset + frameHeaderBytes;
  const next = start + low + padding;
  if (next > bytes.length) return broken("short", "the file ends in a record", bytes.length);
  const record = parseRecord(bytes, start, start + low, next);
  if (record === undefined) return broken("record", "the record is not one", next);
  return { kind: "record", record };
}

/** Parses the record in [start, end); undefined when the bytes are none. */
export function parseRecord(
  bytes: Uint8Array,
  start: number,
  end: number,
  next: number,
): WalRecord | undefined {
  let type = 0;
  let crc = 0;
  let data: Uint8Array = emptyBytes;
  try {
    const reader = new WireReader(bytes, start, end);
    while (reader.next()) {
      if (reader.field === 1) type = reader.varint();
      else if (reader.field === 2) crc = reader.varint();
      else if (reader.field === 3) data = reader.bytes();
      else return undefined;
    }
  } catch {
    return undefined; // WireError: the bytes are no protobuf, which is what the caller asks.
  }
  if (type < recordType.metadata || type > recordType.snapshot) return undefined;
  return { type, crc, data, next };
}

function broken(damage: Broken["damage"], reason: string, frameEnd: number): Broken {
  return { kind: "broken", damage, reason, frameEnd };
}

function paddingOf(size: number): number {
  return (8 - (size % 8)) % 8;
}
