/**
 * Reads a log from disk and repairs a torn end. Reads every file whole: a file is at most about
 * `segmentBytes`, and few are kept. Pure: the disk is a port.
 */
import type { Recovered } from "./contract.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { corruptLog } from "./errors.ts";
import { parentOf, pathIn } from "./paths.ts";
import { recordType } from "./records.ts";
import { Replay } from "./replay.ts";
import { judgeTail, type ScanEnd, scanRecords } from "./scan.ts";
import { parseSegmentFile, Segment, type SegmentName, segmentFile } from "./segment.ts";
import { type Steps, step } from "./steps.ts";

/** A log that was read, and where it goes on. */
export interface RecoveredLog {
  readonly recovered: Recovered;
  readonly tail: Segment;
  /** The rolling checksum at the end. */
  readonly crc: number;
}

/** The files of a log in order. */
export function* listSegments(disk: Disk, directory: string): Steps<SegmentName[]> {
  const names: SegmentName[] = [];
  for (const file of yield* step<readonly string[]>((done) => disk.list(directory, done))) {
    const name = parseSegmentFile(file);
    if (name !== undefined) names.push(name);
  }
  return names.sort((left, right) => left.sequence - right.sequence);
}

/** Reads the log in `directory`, which has at least one file. Throws `WalError` `corrupt`. */
export function* recover(
  disk: Disk,
  directory: string,
  names: readonly SegmentName[],
  stepBytes: number,
): Steps<RecoveredLog> {
  const replay = new Replay();
  let crc: number | undefined;
  let last: { path: string; bytes: Uint8Array; end: ScanEnd } | undefined;
  for (const [position, name] of names.entries()) {
    const path = pathIn(directory, segmentFile(name));
    const previous = names[position - 1];
    if (previous !== undefined && name.sequence !== previous.sequence + 1) {
      throw corruptLog(path, 0, `the file before it, number ${name.sequence - 1}, is missing`);
    }
    const bytes = yield* step<Uint8Array>((done) => disk.read(path, done));
    let hasHead = false;
    const end = scanRecords(bytes, crc, (record) => {
      hasHead ||= record.type === recordType.metadata;
      replay.take(record);
    });
    // Durable before the file had its name (trap T34): no crash has torn it. What is written behind
    // would be of no use once the files before this one are gone.
    if (!hasHead) throw corruptLog(path, end.offset, end.broken?.reason ?? "it has no head");
    if (end.broken !== undefined && position < names.length - 1) {
      throw corruptLog(path, end.offset, `${end.broken.reason}, and a later file follows`);
    }
    crc = end.crc;
    last = { path, bytes, end };
  }
  const name = names.at(-1);
  if (last === undefined || name === undefined) throw corruptLog(directory, 0, "it is empty");
  const { recovered, crc: tailCrc } = conclude(replay, last);
  const tail = yield* openTail(disk, { name, ...last, stepBytes });
  yield* step<void>((done) => disk.syncDirectory(directory, done));
  yield* step<void>((done) => disk.syncDirectory(parentOf(directory), done));
  return { recovered, tail, crc: tailCrc };
}

/** What all that was read amounts to. Throws `WalError` `corrupt`; nothing was changed by then. */
function conclude(
  replay: Replay,
  {
    path,
    bytes,
    end,
  }: { readonly path: string; readonly bytes: Uint8Array; readonly end: ScanEnd },
): { readonly recovered: Recovered; readonly crc: number } {
  if (end.broken !== undefined) {
    const verdict = judgeTail(bytes, end, end.broken);
    if (verdict.kind === "corrupt") throw corruptLog(path, end.offset, verdict.reason);
  }
  const result = replay.result();
  if (result.kind === "incomplete") throw corruptLog(path, end.offset, result.reason);
  if (replay.metadata === undefined || end.crc === undefined) {
    throw corruptLog(path, 0, "it has no head");
  }
  const { hardState, snapshot, entries } = result;
  const repair =
    end.broken === undefined
      ? undefined
      : { file: path, offset: end.offset, droppedBytes: bytes.length - end.offset };
  const { metadata } = replay;
  return { recovered: { metadata, hardState, snapshot, entries, repair }, crc: end.crc };
}

/**
 * Opens the last file to go on in it, and cuts off what is torn. Not overwritten but cut: what
 * follows must be zeros again, or the next crash could not be judged.
 *
 * Cut also when nothing is torn, to its own size, because that is durable: a process that was killed
 * may have left its last write, and the names it made, in the system's caches alone, and what is
 * read from there is about to be promised to others.
 */
function* openTail(
  disk: Disk,
  tail: {
    readonly name: SegmentName;
    readonly path: string;
    readonly bytes: Uint8Array;
    readonly end: ScanEnd;
    readonly stepBytes: number;
  },
): Steps<Segment> {
  const { name, path, bytes, end, stepBytes } = tail;
  const allocated = end.broken === undefined ? bytes.length : end.offset;
  const file = yield* step<DiskFile>((done) => disk.open(path, done));
  yield* step<void>((done) => file.truncate(allocated, done));
  return new Segment(name, file, { size: end.offset, allocated, stepBytes });
}
