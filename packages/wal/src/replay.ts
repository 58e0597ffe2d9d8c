/**
 * Builds what the log says out of its records, in the order in which they were written. Pure.
 *
 * Entries overwrite: one at index n discards all at or after n (etcd `wal.ReadAll`). A snapshot
 * discards the entries that it covers, and all of them when it does not agree with the log at its
 * index (Raft paper figure 13, steps 6 and 7; trap T13).
 */
import { WireError } from "@flotilla/base";
import {
  decodeEntry,
  decodeHardState,
  type Entry,
  type HardState,
  type SnapshotMeta,
} from "@flotilla/consensus";
import { recordType, type WalRecord } from "./records.ts";
import { decodeSnapshotMeta } from "./snapshot-record.ts";

/** What a log says, up to the record that was read last. */
export class Replay {
  #metadata: Uint8Array | undefined;
  #hardState: HardState = { term: 0, vote: "", commit: 0 };
  #snapshot: SnapshotMeta | undefined;
  #entries: Entry[] = [];

  /** Takes one record in. Throws `WireError` when it cannot follow what was read before. */
  take(record: WalRecord): void {
    if (record.type === recordType.entry) this.#takeEntry(decodeEntry(record.data.slice()));
    else if (record.type === recordType.state) this.#hardState = decodeHardState(record.data);
    else if (record.type === recordType.snapshot) this.#takeSnapshot(record.data.slice());
    else if (record.type === recordType.metadata) this.#metadata ??= record.data.slice();
  }

  /** The identity that the head of the log carries; undefined when no record gave one. */
  get metadata(): Uint8Array | undefined {
    return this.#metadata;
  }

  /** What the engine starts from, or what is missing for that. */
  result():
    | {
        readonly kind: "state";
        readonly hardState: HardState;
        readonly snapshot: SnapshotMeta;
        readonly entries: readonly Entry[];
      }
    | { readonly kind: "incomplete"; readonly reason: string } {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return incomplete("it holds no snapshot record");
    const first = this.#entries.at(0)?.index ?? snapshot.index + 1;
    if (first !== snapshot.index + 1) {
      return incomplete(`entries start at ${first}, the snapshot ends at ${snapshot.index}`);
    }
    const lastIndex = snapshot.index + this.#entries.length;
    const commit = Math.max(this.#hardState.commit, snapshot.index);
    if (commit > lastIndex) {
      // The commit index is written after the entries it covers: they were here.
      return incomplete(`entry ${commit} is committed, the log ends at ${lastIndex}`);
    }
    const hardState = { ...this.#hardState, commit };
    return { kind: "state", hardState, snapshot, entries: this.#entries };
  }

  #takeEntry(entry: Entry): void {
    if (entry.index <= (this.#snapshot?.index ?? 0)) return;
    const first = this.#entries.at(0)?.index ?? entry.index;
    const last = first + this.#entries.length - 1;
    if (entry.index > last + 1) throw new WireError(`entry ${entry.index} follows entry ${last}`);
    if (entry.index < first) this.#entries = [];
    else this.#entries.length = entry.index - first;
    this.#entries.push(entry);
  }

  #takeSnapshot(data: Uint8Array): void {
    const snapshot = decodeSnapshotMeta(data);
    if (snapshot.index < (this.#snapshot?.index ?? 0)) return;
    this.#snapshot = snapshot;
    const first = this.#entries.at(0)?.index ?? snapshot.index + 1;
    // Entries in between were in a file that is released: a later snapshot covers them, or
    // `result` refuses the log.
    if (snapshot.index < first) return;
    const agrees = this.#entries.at(snapshot.index - first)?.term === snapshot.term;
    this.#entries = agrees ? this.#entries.slice(snapshot.index - first + 1) : [];
  }
}

function incomplete(reason: string): { readonly kind: "incomplete"; readonly reason: string } {
  return { kind: "incomplete", reason };
}
