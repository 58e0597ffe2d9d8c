/**
 * The durable log: group commit over files of framed, checksummed records in etcd's format.
 *
 * One durable write is in flight at a time; what is appended meanwhile is the next batch and goes
 * out as one write. A failed write ends the log for good: after a failed sync the system may hold
 * pages that it believes clean, and a retry would report success for data that is lost (trap T33).
 */
import { dirname, join } from "node:path";
import { assert, present } from "@flotilla/base";
import {
  type Configuration,
  type Entry,
  encodeEntry,
  encodeHardState,
  type HardState,
  type SnapshotMeta,
} from "@flotilla/consensus";
import { type Disk, nodeDisk } from "./disk.ts";
import { WalError } from "./errors.ts";
import { RecordWriter, recordType } from "./records.ts";
import { listSegments, type Recovered, recover } from "./recover.ts";
import { createSegment, type Segment, type SegmentName, segmentFile } from "./segment.ts";
import { encodeSnapshotMeta } from "./snapshot-record.ts";

/** A file is closed and the next begun once it holds this much (etcd `SegmentSizeBytes`). */
const segmentBytesDefault = 64 * 1000 * 1000;
/**
 * How much space is filled with zeros at a time; a batch that needs it waits for that. Measured on
 * ext4, batches of 16 kB: the slowest of a thousand takes 7 ms, with 4 MiB it takes 20 ms.
 */
const stepBytesDefault = 1024 * 1024;

export interface WalOptions {
  /** Holds the log and nothing else; made when absent. */
  readonly directory: string;
  /** Who writes this log. Written to the head of each file of a new log, ignored for an existing one. */
  readonly metadata: Uint8Array;
  /** Who takes part when the log is new; ignored for an existing one. */
  readonly configuration: Configuration;
  /** Default 64,000,000. */
  readonly segmentBytes?: number;
  /** Default 1 MiB. */
  readonly stepBytes?: number;
}

/** What is to be made durable as one unit. */
export interface WalBatch {
  readonly hardState?: HardState | undefined;
  /** In index order; replaces everything at or after the first one's index. */
  readonly entries?: readonly Entry[];
  /** The state machine holds this snapshot, or its bytes are safe on disk. */
  readonly snapshot?: SnapshotMeta | undefined;
  /** False: it may wait for the next batch that must; `append` then promises order, not durability. */
  readonly mustSync: boolean;
}

/** An open log. One per directory: hold the directory's lock. */
export interface Wal {
  /**
   * Appends a batch. Resolves in the order of the calls, and once it and all before it are durable.
   * Rejects with `WalError` `syncFailed` when a write fails, now and for ever after.
   */
  append(batch: WalBatch): Promise<void>;
  /** Deletes the files whose entries all lie at or below `index`, which a durable snapshot covers. */
  release(index: number): Promise<void>;
  /** Writes what may still wait, and closes. */
  close(): Promise<void>;
}

/**
 * Opens the log in a directory, and makes it when there is none.
 *
 * Throws `WalError`: `corrupt` when it is damaged (nothing is changed then), `diskFailed`.
 */
export async function openWal(
  options: WalOptions,
  disk: Disk = nodeDisk,
): Promise<{ readonly wal: Wal; readonly recovered: Recovered }> {
  const { directory } = options;
  const space = {
    segmentBytes: options.segmentBytes ?? segmentBytesDefault,
    stepBytes: options.stepBytes ?? stepBytesDefault,
  };
  try {
    await disk.makeDirectory(directory);
    let names = await listSegments(disk, directory);
    if (names.length === 0) {
      await createLog(disk, options, space.stepBytes);
      names = await listSegments(disk, directory);
    }
    const { recovered, tail, crc } = await recover(disk, directory, names, space.stepBytes);
    const wal = new FileWal(disk, { directory, ...space }, { recovered, names, tail, crc });
    return { wal, recovered };
  } catch (error) {
    throw WalError.from("diskFailed", `open the log in "${directory}"`, error);
  }
}

async function createLog(disk: Disk, options: WalOptions, stepBytes: number): Promise<void> {
  const { directory, metadata, configuration } = options;
  const head = new RecordWriter(0);
  head.mark();
  head.record(recordType.metadata, metadata);
  head.record(recordType.snapshot, encodeSnapshotMeta({ index: 0, term: 0, configuration }));
  const name = { sequence: 0, firstIndex: 0 };
  const segment = await createSegment(disk, directory, { name, head: head.take(), stepBytes });
  await disk.syncDirectory(dirname(directory));
  await segment.close();
}

interface Pending {
  readonly batch: WalBatch;
  /** Undefined when nobody waits for it. */
  readonly done: { resolve(): void; reject(error: WalError): void } | undefined;
}

class FileWal implements Wal {
  readonly #disk: Disk;
  readonly #options: {
    readonly directory: string;
    readonly segmentBytes: number;
    readonly stepBytes: number;
  };
  readonly #metadata: Uint8Array;
  #writer: RecordWriter;
  /** All files that exist, the one being written last. */
  readonly #names: SegmentName[];
  #tail: Segment;
  // What the records written so far say.
  #hardState: HardState;
  #snapshot: SnapshotMeta;
  #lastIndex: number;
  /** Appended and not yet given to the disk. */
  #pending: Pending[] = [];
  #writing: Promise<void> | undefined;
  #failure: WalError | undefined;

  constructor(
    disk: Disk,
    options: {
      readonly directory: string;
      readonly segmentBytes: number;
      readonly stepBytes: number;
    },
    found: {
      readonly recovered: Recovered;
      readonly names: SegmentName[];
      readonly tail: Segment;
      readonly crc: number;
    },
  ) {
    const { recovered } = found;
    this.#disk = disk;
    this.#options = options;
    this.#metadata = recovered.metadata;
    this.#writer = new RecordWriter(found.crc);
    this.#names = found.names;
    this.#tail = found.tail;
    this.#hardState = recovered.hardState;
    this.#snapshot = recovered.snapshot;
    this.#lastIndex = recovered.snapshot.index + recovered.entries.length;
  }

  append(batch: WalBatch): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!batch.mustSync && this.#writing === undefined) {
      this.#defer(batch);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ batch, done: { resolve, reject } });
      this.#writing ??= this.#write();
    });
  }

  async release(index: number): Promise<void> {
    const { directory } = this.#options;
    try {
      // A file's entries end where the next one's begin. In order: a crash in between leaves no hole.
      while ((this.#names[1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index + 1) {
        const name = present(this.#names.shift(), "the first of two files");
        await this.#disk.remove(join(directory, segmentFile(name)));
      }
    } catch (error) {
      throw WalError.from("diskFailed", `release the log in "${directory}"`, error);
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    if (this.#failure === undefined && this.#pending.length > 0) {
      await this.append({ mustSync: true });
    }
    this.#failure ??= new WalError("closed", "Cannot append: the log is closed");
    await this.#tail.close();
  }

  /** Keeps a batch for the next write. One that only moves the commit index replaces its like. */
  #defer(batch: WalBatch): void {
    const isHint = ({ entries, snapshot }: WalBatch): boolean =>
      snapshot === undefined && (entries === undefined || entries.length === 0);
    const last = this.#pending.at(-1)?.batch;
    if (last !== undefined && isHint(last) && isHint(batch)) this.#pending.pop();
    this.#pending.push({ batch, done: undefined });
  }

  /** Writes batch after batch while somebody waits. Never rejects: failures go to those. */
  async #write(): Promise<void> {
    let taken: Pending[] = [];
    try {
      while (this.#pending.some(({ done }) => done !== undefined)) {
        taken = this.#pending;
        this.#pending = [];
        if (taken.some(({ batch }) => batch.mustSync)) await this.#writeOnce(taken);
        else for (const { batch } of taken) this.#defer(batch);
        for (const { done } of taken) done?.resolve();
      }
    } catch (error) {
      const { directory } = this.#options;
      this.#failure = WalError.from("syncFailed", `write the log in "${directory}"`, error);
      for (const { done } of [...taken, ...this.#pending]) done?.reject(this.#failure);
      this.#pending = [];
    }
    this.#writing = undefined;
  }

  async #writeOnce(batches: readonly Pending[]): Promise<void> {
    this.#writer.mark(); // Proves to a later reader that the write before this one was durable.
    for (const { batch } of batches) this.#encode(batch);
    await this.#tail.append(this.#writer.take());
    if (this.#tail.size >= this.#options.segmentBytes) await this.#cut();
  }

  /**
   * Term and vote go first, entries next, the commit index last: whatever part of a batch a crash
   * leaves, no entry is of a later term than the recorded one (trap T5) and what is recorded as
   * committed is there.
   */
  #encode(batch: WalBatch): void {
    const writer = this.#writer;
    const { hardState = this.#hardState, entries = [], snapshot } = batch;
    const { term, vote, commit } = this.#hardState;
    assert(hardState.term >= term, () => `wal: term ${hardState.term} after ${term}`);
    if (hardState.term !== term || hardState.vote !== vote) {
      writer.record(recordType.state, encodeHardState({ ...hardState, commit }));
    }
    if (snapshot !== undefined) {
      writer.record(recordType.snapshot, encodeSnapshotMeta(snapshot));
      if (snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
      this.#lastIndex = Math.max(this.#lastIndex, snapshot.index);
    }
    for (const entry of entries) {
      const last = this.#lastIndex;
      assert(entry.index <= last + 1, () => `wal: entry ${entry.index} after ${last}`);
      writer.record(recordType.entry, encodeEntry(entry));
      this.#lastIndex = entry.index;
    }
    if (hardState.commit !== commit) {
      assert(hardState.commit <= this.#lastIndex, "wal: commit beyond the last entry");
      writer.record(recordType.state, encodeHardState(hardState));
    }
    this.#hardState = hardState;
  }

  /** Ends the file and begins the next; its head says all that the files before it said last. */
  async #cut(): Promise<void> {
    const { directory, stepBytes } = this.#options;
    await this.#tail.finish();
    const head = new RecordWriter(this.#writer.crc);
    head.mark();
    head.record(recordType.metadata, this.#metadata);
    head.record(recordType.snapshot, encodeSnapshotMeta(this.#snapshot));
    head.record(recordType.state, encodeHardState(this.#hardState));
    const name = { sequence: this.#tail.name.sequence + 1, firstIndex: this.#lastIndex + 1 };
    this.#tail = await createSegment(this.#disk, directory, { name, head: head.take(), stepBytes });
    this.#writer = new RecordWriter(head.crc);
    this.#names.push(name);
  }
}
