/**
 * Reads the records of one file in order and, where that stops before the end, decides what it
 * means. Pure.
 *
 * A log file is a chain of batches. A batch starts with a `crc` record and is written by one durable
 * write into bytes that are zero; the next one starts only after that write has returned. So a crash
 * can damage the last batch alone, and leaves there whole sectors of zeros between new ones. From
 * this follows {@link judgeTail}. Trap T11: cutting the log at the first bad checksum drops committed
 * entries.
 */
import { crc32c, WireError } from "@flotilla/base";
import {
  type Broken,
  frameHeaderBytes,
  parseRecord,
  readRecord,
  recordType,
  type WalRecord,
} from "./records.ts";

/** What a disk writes as one, or not at all (etcd `minSectorSize`). */
const sectorBytes = 512;

/** How reading a file ended; everything before `offset` is in the chain. */
export interface ScanEnd {
  readonly offset: number;
  /** The checksum there; undefined when the file gave none. */
  readonly crc: number | undefined;
  /** Undefined when only zeros follow, or nothing. */
  readonly broken: Broken | undefined;
}

/**
 * Visits the records of one file. `crc` is the checksum at the end of the file before; undefined
 * when that file is gone, which is only allowed in front of a `crc` record. A `WireError` that
 * `visit` throws ends the scan as broken: the checksum is right and the content is not.
 */
export function scanRecords(
  bytes: Uint8Array,
  crc: number | undefined,
  visit: (record: WalRecord, offset: number) => void,
): ScanEnd {
  let chain = crc;
  for (let offset = 0; ; ) {
    const outcome = readRecord(bytes, offset);
    if (outcome.kind === "end") return { offset, crc: chain, broken: gapAt(bytes, offset) };
    if (outcome.kind === "broken") return { offset, crc: chain, broken: outcome };
    const { record } = outcome;
    const broken = continues(record, chain)
      ? visited(record, offset, visit)
      : damaged("record", "the checksum does not match", record.next);
    if (broken !== undefined) return { offset, crc: chain, broken };
    chain = record.crc;
    offset = record.next;
  }
}

/** What the damage at the end of a scan is. */
export type TailVerdict =
  /** A batch that a crash interrupted: it was never acknowledged and may be cut off. */
  | { readonly kind: "torn" }
  /** It was durable once, or cannot be shown not to have been. */
  | { readonly kind: "corrupt"; readonly reason: string };

/**
 * Judges a broken record in the last file; in any other file it is always damage.
 *
 * 1. A batch that started after it proves that it was durable: corrupt.
 * 2. A length never spans sectors, so a crash leaves it right or zero; an impossible one, or one in
 *    front of a record that is complete without it, was changed later: corrupt.
 * 3. A sector of zeros within it, or the end of the file: the write was cut short, so torn (the rule
 *    of etcd `isTornEntry`).
 * 4. Else all its sectors were written and one was changed since: corrupt.
 */
export function judgeTail(
  bytes: Uint8Array,
  { offset, crc }: Pick<ScanEnd, "offset" | "crc">,
  { damage, reason, frameEnd }: Broken,
): TailVerdict {
  const later = laterBatch(bytes, offset);
  if (later !== undefined) {
    return { kind: "corrupt", reason: `${reason}, and a later write follows at offset ${later}` };
  }
  if (damage === "length" || damage === "content") return { kind: "corrupt", reason };
  if (hasWrongLength(bytes, offset, crc)) {
    return { kind: "corrupt", reason: `${reason}, but it is complete but for its length` };
  }
  if (damage === "short") return { kind: "torn" };
  const reach = damage === "gap" ? sectorEnd(offset) : frameEnd;
  return hasZeroSector(bytes, offset, reach) ? { kind: "torn" } : { kind: "corrupt", reason };
}

/** Does the record follow from checksum `chain`? A `crc` record may also start a chain. */
function continues(record: WalRecord, chain: number | undefined): boolean {
  if (record.type === recordType.crc) return chain === undefined || record.crc === chain;
  return chain !== undefined && crc32c(record.data, chain) === record.crc;
}

/** Offset of the first batch after `offset` whose first record is intact. Batches are 8-aligned. */
function laterBatch(bytes: Uint8Array, offset: number): number | undefined {
  for (let at = offset + 8; at + 2 * frameHeaderBytes <= bytes.length; at += 8) {
    if (bytes[at + frameHeaderBytes + 1] !== recordType.crc) continue; // Cheap, and rare to pass.
    const mark = readRecord(bytes, at);
    if (mark.kind !== "record" || mark.record.type !== recordType.crc) continue;
    const first = readRecord(bytes, mark.record.next);
    if (first.kind !== "record" || first.record.type === recordType.crc) continue;
    if (continues(first.record, mark.record.crc)) return at;
  }
  return undefined;
}

/** True when the frame at `offset` holds a record that continues `chain` and is not of its length. */
function hasWrongLength(bytes: Uint8Array, offset: number, chain: number | undefined): boolean {
  const start = offset + frameHeaderBytes;
  // Type and checksum take 5 to 9 bytes with their tags; then come tag and length of the data.
  for (let head = start + 4; head <= start + 9 && head < bytes.length; head++) {
    if (bytes[head] !== 0x1a) continue;
    const end = dataEnd(bytes, head + 1);
    if (end === undefined) continue;
    const record = parseRecord(bytes, start, end, end);
    if (record === undefined || !continues(record, chain)) continue;
    const stated = new DataView(bytes.buffer, bytes.byteOffset + offset).getUint32(0, true);
    return stated !== end - start;
  }
  return false;
}

function dataEnd(bytes: Uint8Array, at: number): number | undefined {
  let length = 0;
  let scale = 1;
  for (let next = at; next < Math.min(at + 5, bytes.length); next++) {
    const byte = bytes[next] as number;
    length += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      const end = next + 1 + length;
      return end <= bytes.length ? end : undefined;
    }
  }
  return undefined;
}

/** True when one of the sectors that [from, to) touches holds nothing but zeros of it. */
function hasZeroSector(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const next = Math.min(sectorEnd(at), to);
    if (!anyByte(bytes, at, next)) return true;
    at = next;
  }
  return false;
}

function sectorEnd(offset: number): number {
  return offset - (offset % sectorBytes) + sectorBytes;
}

function gapAt(bytes: Uint8Array, offset: number): Broken | undefined {
  if (!anyByte(bytes, offset, bytes.length)) return undefined;
  return damaged("gap", "data follows a gap of zeros", bytes.length);
}

function anyByte(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return true;
  return false;
}

function visited(
  record: WalRecord,
  offset: number,
  visit: (record: WalRecord, offset: number) => void,
): Broken | undefined {
  try {
    visit(record, offset);
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return damaged("content", `its content is not valid: ${error.message}`, record.next);
  }
}

function damaged(damage: Broken["damage"], reason: string, frameEnd: number): Broken {
  return { kind: "broken", damage, reason, frameEnd };
}
