/** The files of a log, the one being written last: they are cut, and released. Pure. */
import { present } from "@flotilla/base";
import type { WalDone } from "./contract.ts";
import type { Disk, Done } from "./disk.ts";
import { WalError } from "./errors.ts";
import { pathIn } from "./paths.ts";
import { createSegment, type Segment, type SegmentName, segmentFile } from "./segment.ts";
import { runSteps, type Steps, step } from "./steps.ts";

/** Where a log lies, and how its space is cut up. */
export interface LogSpace {
  readonly directory: string;
  /** A file is full once it holds this much. */
  readonly segmentBytes: number;
  /** How much is filled with zeros at a time. */
  readonly stepBytes: number;
}

/** What exists on disk of one log. */
export class LogFiles {
  readonly #disk: Disk;
  readonly #space: LogSpace;
  /** All files that exist, in order. */
  readonly #names: SegmentName[];
  #tail: Segment;
  /** That wait for the one being worked on: no file goes before an older one. */
  readonly #releases: { readonly index: number; readonly done: WalDone }[] = [];
  #isReleasing = false;

  constructor(disk: Disk, space: LogSpace, names: SegmentName[], tail: Segment) {
    this.#disk = disk;
    this.#space = space;
    this.#names = names;
    this.#tail = tail;
  }

  get isFull(): boolean {
    return this.#tail.size >= this.#space.segmentBytes;
  }

  get isReleasing(): boolean {
    return this.#isReleasing;
  }

  /** Appends to the last file, durably. Not while one is under way, nor during a cut. */
  append(bytes: Uint8Array, done: Done): void {
    this.#tail.append(bytes, done);
  }

  /** Ends the last file and begins the next. Its head says all that the files before it said last. */
  cut(head: Uint8Array, firstIndex: number, done: Done): void {
    runSteps(this.#cut(head, firstIndex), done);
  }

  /** True when {@link release} would find a file to delete. */
  isReleasable(index: number): boolean {
    // A file's entries end where the next one's begin.
    return (this.#names[1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index + 1;
  }

  /** Deletes the files whose entries all lie at or below `index`; {@link isReleasable}. */
  release(index: number, done: WalDone): void {
    this.#releases.push({ index, done });
    if (!this.#isReleasing) this.#releaseNext();
  }

  close(done: Done): void {
    this.#tail.close(done);
  }

  *#cut(head: Uint8Array, firstIndex: number): Steps<void> {
    const { directory, stepBytes } = this.#space;
    const name = { sequence: this.#tail.name.sequence + 1, firstIndex };
    yield* this.#tail.finish();
    this.#tail = yield* createSegment(this.#disk, directory, { name, head, stepBytes });
    this.#names.push(name);
  }

  #releaseNext(): void {
    const next = this.#releases.shift();
    this.#isReleasing = next !== undefined;
    if (next === undefined) return;
    runSteps(this.#remove(next.index), (error) => {
      this.#releaseNext();
      const action = `release the log in "${this.#space.directory}"`;
      next.done(error === undefined ? undefined : WalError.from("diskFailed", action, error));
    });
  }

  /**
   * Oldest first, and each is gone for good before the next one goes: a crash leaves no hole, which
   * recovery would take for a loss (trap T34).
   */
  *#remove(index: number): Steps<void> {
    const { directory } = this.#space;
    while (this.isReleasable(index)) {
      const path = pathIn(directory, segmentFile(present(this.#names[0], "the first file")));
      yield* step<void>((done) => this.#disk.remove(path, done));
      yield* step<void>((done) => this.#disk.syncDirectory(directory, done));
      this.#names.shift();
    }
  }
}
