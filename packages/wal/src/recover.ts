/**
 * Reads a log from disk and repairs a torn end. Reads every file whole: a file is at most about
 * `segmentBytes`, and few are kept.
 */
import { join } from "node:path";
import type { Entry, HardState, SnapshotMeta } from "@flotilla/consensus";
import type { Disk } from "./disk.ts";
import { corruptLog } from "./errors.ts";
import { Replay } from "./replay.ts";
import { judgeTail, type ScanEnd, scanRecords } from "./scan.ts";
import { parseSegmentFile, Segment, type SegmentName, segmentFile } from "./segment.ts";

/** What a crash left behind and recovery cut off: it was never acknowledged. */
export interface Repair {
  readonly file: string;
  readonly offset: number;
  readonly droppedBytes: number;
}

/** All that the disk gave back. */
export interface Recovered {
  /** What the log was created with. */
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** Contiguous, from `snapshot.index + 1`. */
  readonly entries: readonly Entry[];
  /** Undefined when the log ended cleanly. */
  readonly repair: Repair | undefined;
}

/** The files of a log in order. */
export async function listSegments(disk: Disk, directory: string): Promise<SegmentName[]> {
  const names: SegmentName[] = [];
  for (const file of await disk.list(directory)) {
    const name = parseSegmentFile(file);
    if (name !== undefined) names.push(name);
  }
  return names.sort((left, right) => left.sequence - right.sequence);
}

/** Reads the log in `directory`, which has at least one file. Throws `WalError` `corrupt`. */
export async function recover(
  disk: Disk,
  directory: string,
  names: readonly SegmentName[],
  stepBytes: number,
): Promise<{ readonly recovered: Recovered; readonly tail: Segment; readonly crc: number }> {
  const replay = new Replay();
  let crc: number | undefined;
  let last: { path: string; bytes: Uint8Array; end: ScanEnd } | undefined;
  for (const [position, name] of names.entries()) {
    const path = join(directory, segmentFile(name));
    const previous = names[position - 1];
    if (previous !== undefined && name.sequence !== previous.sequence + 1) {
      throw corruptLog(path, 0, `the file before it, number ${name.sequence - 1}, is missing`);
    }
    const bytes = await disk.read(path);
    const end = scanRecords(bytes, crc, (record) => replay.take(record));
    if (end.broken !== undefined && position < names.length - 1) {
      throw corruptLog(path, end.offset, `${end.broken.reason}, and a later file follows`);
    }
    crc = end.crc;
    last = { path, bytes, end };
  }
  const name = names.at(-1);
  if (last === undefined || name === undefined) throw corruptLog(directory, 0, "it is empty");
  return finish(disk, { replay, stepBytes, name, ...last });
}

async function finish(
  disk: Disk,
  read: {
    readonly replay: Replay;
    readonly stepBytes: number;
    readonly name: SegmentName;
    readonly path: string;
    readonly bytes: Uint8Array;
    readonly end: ScanEnd;
  },
): Promise<{ readonly recovered: Recovered; readonly tail: Segment; readonly crc: number }> {
  const { replay, path, bytes, end, name, stepBytes } = read;
  if (end.broken !== undefined) {
    const verdict = judgeTail(bytes, end, end.broken);
    if (verdict.kind === "corrupt") throw corruptLog(path, end.offset, verdict.reason);
  }
  const result = replay.result();
  if (result.kind === "incomplete") throw corruptLog(path, end.offset, result.reason);
  if (replay.metadata === undefined || end.crc === undefined) {
    throw corruptLog(path, 0, "it has no head");
  }
  const file = await disk.open(path);
  let allocated = bytes.length;
  if (end.broken !== undefined) {
    // Cut, not overwritten: what follows must be zeros again, or the next crash could not be judged.
    await file.truncate(end.offset);
    allocated = end.offset;
  }
  const { hardState, snapshot, entries } = result;
  const repair =
    end.broken === undefined
      ? undefined
      : { file: path, offset: end.offset, droppedBytes: bytes.length - end.offset };
  const tail = new Segment(name, file, { size: end.offset, allocated, stepBytes });
  const recovered = { metadata: replay.metadata, hardState, snapshot, entries, repair };
  return { recovered, tail, crc: end.crc };
}
