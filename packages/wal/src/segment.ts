/**
 * One file of the log: its name, and its space, which is filled with zeros ahead of the records.
 *
 * Space that is there before it is used makes a durable write cheap (no change to the file's
 * metadata) and a torn one recognisable (what was not written is zero). Source of the names: etcd
 * server/storage/wal/util.go. Pure: the disk is a port.
 */
import type { Disk, DiskFile, Done } from "./disk.ts";
import { pathIn } from "./paths.ts";
import { runSteps, type Steps, step } from "./steps.ts";

/** What a file's name says: its place in the order of files, and the first entry it may hold. */
export interface SegmentName {
  readonly sequence: number;
  readonly firstIndex: number;
}

/** The name of a file, such as `0000000000000001-00000000000003e8.wal`. */
export function segmentFile({ sequence, firstIndex }: SegmentName): string {
  const hex = (value: number): string => value.toString(16).padStart(16, "0");
  return `${hex(sequence)}-${hex(firstIndex)}.wal`;
}

/** The reverse of {@link segmentFile}; undefined when it is another file. */
export function parseSegmentFile(file: string): SegmentName | undefined {
  const [, sequence, firstIndex] = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(file) ?? [];
  if (sequence === undefined || firstIndex === undefined) return undefined;
  const name = { sequence: Number(`0x${sequence}`), firstIndex: Number(`0x${firstIndex}`) };
  return Number.isSafeInteger(name.sequence) && Number.isSafeInteger(name.firstIndex)
    ? name
    : undefined;
}

/** The file that records are appended to. */
export class Segment {
  readonly name: SegmentName;
  readonly #file: DiskFile;
  readonly #stepBytes: number;
  #size: number;
  #allocated: number;

  /** `size`: bytes of records; from there to `allocated` the file is zero. */
  constructor(
    name: SegmentName,
    file: DiskFile,
    space: { readonly size: number; readonly allocated: number; readonly stepBytes: number },
  ) {
    this.name = name;
    this.#file = file;
    this.#size = space.size;
    this.#allocated = space.allocated;
    this.#stepBytes = space.stepBytes;
  }

  /** Bytes of records. */
  get size(): number {
    return this.#size;
  }

  /** Appends, durably. One call at a time. */
  append(bytes: Uint8Array, done: Done): void {
    if (this.#size + bytes.length <= this.#allocated) {
      this.#write(bytes, done);
      return;
    }
    runSteps(this.#allocate(this.#size + bytes.length), (error) => {
      if (error === undefined) this.#write(bytes, done);
      else done(error);
    });
  }

  /** Gives back the space that no record uses, and closes. */
  *finish(): Steps<void> {
    yield* step<void>((done) => this.#file.truncate(this.#size, done));
    yield* step<void>((done) => this.#file.close(done));
  }

  close(done: Done): void {
    this.#file.close(done);
  }

  #write(bytes: Uint8Array, done: Done): void {
    this.#file.write(bytes, this.#size, (error) => {
      if (error === undefined) this.#size += bytes.length;
      done(error);
    });
  }

  /** Fills with zeros until `size` fits. The new space is durable before a record goes there. */
  *#allocate(size: number): Steps<void> {
    while (this.#allocated < size) {
      const zeros = new Uint8Array(this.#stepBytes);
      yield* step<void>((done) => this.#file.write(zeros, this.#allocated, done));
      this.#allocated += this.#stepBytes;
    }
  }
}

/**
 * Makes a file that begins with `head`: complete and durable before it gets its name, and its name
 * durable before anything follows (trap T34).
 */
export function* createSegment(
  disk: Disk,
  directory: string,
  { name, head, stepBytes }: { name: SegmentName; head: Uint8Array; stepBytes: number },
): Steps<Segment> {
  const unfinished = pathIn(directory, "next.tmp");
  yield* step<void>((done) => disk.remove(unfinished, done));
  const file = yield* step<DiskFile>((done) => disk.open(unfinished, done));
  const segment = new Segment(name, file, { size: 0, allocated: 0, stepBytes });
  yield* step<void>((done) => segment.append(head, done));
  yield* step<void>((done) => disk.rename(unfinished, pathIn(directory, segmentFile(name)), done));
  yield* step<void>((done) => disk.syncDirectory(directory, done));
  return segment;
}
