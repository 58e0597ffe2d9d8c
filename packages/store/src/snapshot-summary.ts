/**
 * What a snapshot holds, from its entries alone: for tools that only look. Pure. Source of what is
 * counted: etcd etcdutl/snapshot/v3_snapshot.go, Status.
 */
import { crc32c, utf8 } from "@flotilla/base";
import { table } from "./layout.ts";
import { isStateRecord, readState } from "./state.ts";

export interface SnapshotSummary {
  /** CRC-32C of all entries, with the names of their tables. */
  readonly hash: number;
  readonly revision: number;
  /** Keys that are there at the revision. */
  readonly keys: number;
}

/** Takes in the entries of a snapshot, in their order. */
export class SnapshotSummarizer {
  #hash = 0;
  #keys = 0;
  #revision = 1;
  #lastTable = "";

  /** Throws `WireError` when the entry is of another layout. */
  add(entry: {
    readonly table: string;
    readonly key: Uint8Array;
    readonly value: Uint8Array;
  }): void {
    if (entry.table !== this.#lastTable) {
      this.#lastTable = entry.table;
      this.#hash = crc32c(utf8(entry.table), this.#hash);
    }
    this.#hash = crc32c(entry.value, crc32c(entry.key, this.#hash));
    if (entry.table === table.current) this.#keys++;
    if (entry.table === table.state && isStateRecord(entry.key)) {
      this.#revision = readState(entry.value).revision;
    }
  }

  get summary(): SnapshotSummary {
    return { hash: this.#hash, revision: this.#revision, keys: this.#keys };
  }
}
