/**
 * Batches as bytes: which records, in which order. Pure.
 *
 * Term and vote go first, entries next, the commit index last: whatever part of a batch a crash
 * leaves, no entry is of a later term than the recorded one (trap T5) and what is recorded as
 * committed is there.
 */
import { assert, WireWriter } from "@flotilla/base";
import {
  encodeHardState,
  type HardState,
  isSamePromise,
  type SnapshotMeta,
  writeEntry,
} from "@flotilla/consensus";
import type { Recovered, WalBatch } from "./contract.ts";
import { RecordWriter, recordType } from "./records.ts";
import { encodeSnapshotMeta } from "./snapshot-record.ts";

/** Turns batches into bytes, and knows what all of them together say. */
export class BatchEncoder {
  readonly #metadata: Uint8Array;
  readonly #writer: RecordWriter;
  /** For one entry at a time. */
  readonly #entry = new WireWriter(4 * 1024);
  #hardState: HardState;
  #snapshot: SnapshotMeta;
  #lastIndex: number;

  /** `crc`: the checksum at the end of what was recovered. */
  constructor(recovered: Recovered, crc: number) {
    this.#metadata = recovered.metadata;
    this.#writer = new RecordWriter(crc);
    this.#hardState = recovered.hardState;
    this.#snapshot = recovered.snapshot;
    this.#lastIndex = recovered.snapshot.index + recovered.entries.length;
  }

  /** Of the last entry, or of the snapshot when none follows it. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** The bytes of one durable write. */
  encode(batches: readonly { readonly batch: WalBatch }[]): Uint8Array {
    this.#writer.mark(); // Proves to a later reader that the write before this one was durable.
    for (const { batch } of batches) this.#encodeBatch(batch);
    return this.#writer.take();
  }

  /** The first bytes of the next file: all that the files before it said last. */
  head(): Uint8Array {
    const writer = this.#writer;
    writer.mark();
    writer.record(recordType.metadata, this.#metadata);
    writer.record(recordType.snapshot, encodeSnapshotMeta(this.#snapshot));
    writer.record(recordType.state, encodeHardState(this.#hardState));
    return writer.take();
  }

  #encodeBatch(batch: WalBatch): void {
    const writer = this.#writer;
    const { hardState = this.#hardState, entries = [], snapshot } = batch;
    const before = this.#hardState;
    assert(hardState.term >= before.term, () => `wal: term ${hardState.term} after ${before.term}`);
    if (!isSamePromise(hardState, before)) {
      const record = encodeHardState({ ...hardState, commit: before.commit });
      writer.record(recordType.state, record);
    }
    if (snapshot !== undefined) {
      writer.record(recordType.snapshot, encodeSnapshotMeta(snapshot));
      if (snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
      this.#lastIndex = Math.max(this.#lastIndex, snapshot.index);
    }
    for (const entry of entries) {
      const last = this.#lastIndex;
      assert(entry.index <= last + 1, () => `wal: entry ${entry.index} after ${last}`);
      this.#entry.reset();
      writeEntry(this.#entry, entry);
      writer.record(recordType.entry, this.#entry.view());
      this.#lastIndex = entry.index;
    }
    if (hardState.commit !== before.commit) {
      assert(hardState.commit <= this.#lastIndex, "wal: commit beyond the last entry");
      writer.record(recordType.state, encodeHardState(hardState));
    }
    this.#hardState = hardState;
  }
}

/** The first bytes of the first file of a new log. */
export function encodeFirstHead(metadata: Uint8Array, snapshot: SnapshotMeta): Uint8Array {
  const writer = new RecordWriter(0);
  writer.mark();
  writer.record(recordType.metadata, metadata);
  writer.record(recordType.snapshot, encodeSnapshotMeta(snapshot));
  return writer.take();
}
