/**
 * The durable log: group commit over files of framed, checksummed records in etcd's format. Pure:
 * the disk is a port.
 */
import { BatchEncoder, encodeFirstHead } from "./batch-encoder.ts";
import type { OpenedWal, WalOptions } from "./contract.ts";
import type { Disk } from "./disk.ts";
import { WalError } from "./errors.ts";
import { FileWal } from "./file-wal.ts";
import { LogFiles } from "./log-files.ts";
import { listSegments, recover } from "./recover.ts";
import { createSegment, type Segment, type SegmentName } from "./segment.ts";
import { runSteps, type Steps, step } from "./steps.ts";

/** A file is closed and the next begun once it holds this much (etcd `SegmentSizeBytes`). */
const segmentBytesDefault = 64 * 1000 * 1000;
/**
 * How much space is filled with zeros at a time; a batch that needs it waits for that. Measured on
 * ext4, batches of 16 kB: the slowest of a thousand takes 7 ms, with 4 MiB it takes 20 ms.
 */
const stepBytesDefault = 1024 * 1024;

/** Opens the log in a directory, and makes it when there is none. */
export function openWal(options: WalOptions, disk: Disk, done: (opened: OpenedWal) => void): void {
  runSteps(openLog(options, disk), (cause, opened) => {
    if (cause === undefined) {
      done(opened);
      return;
    }
    const action = `open the log in "${options.directory}"`;
    done({ kind: "failed", error: WalError.from("diskFailed", action, cause) });
  });
}

function* openLog(options: WalOptions, disk: Disk): Steps<OpenedWal> {
  const { directory } = options;
  const segmentBytes = options.segmentBytes ?? segmentBytesDefault;
  const stepBytes = options.stepBytes ?? stepBytesDefault;
  yield* step<void>((done) => disk.makeDirectory(directory, done));
  const found = yield* listSegments(disk, directory);
  const names = found.length > 0 ? found : [yield* createLog(disk, options, stepBytes)];
  const { recovered, tail, crc } = yield* recover(disk, directory, names, stepBytes);
  const files = new LogFiles(disk, { directory, segmentBytes, stepBytes }, names, tail);
  const wal = new FileWal(disk, directory, new BatchEncoder(recovered, crc), files);
  return { kind: "opened", wal, recovered };
}

function* createLog(disk: Disk, options: WalOptions, stepBytes: number): Steps<SegmentName> {
  const { directory, metadata, configuration } = options;
  const name = { sequence: 0, firstIndex: 0 };
  const head = encodeFirstHead(metadata, { index: 0, term: 0, configuration });
  const segment: Segment = yield* createSegment(disk, directory, { name, head, stepBytes });
  yield* step<void>((done) => segment.close(done));
  return name;
}
