/**
 * A hash over the history, equal on all members that hold the same: it tells when one of them has
 * gone wrong. Pure.
 *
 * Source: etcd server/storage/mvcc/hash.go (HashKV): CRC-32C over the table's name, then key and
 * value of each row that a compaction would keep. How far the removal of compacted rows has come
 * differs between members and must not show.
 */
import { crc32c, emptyBytes, successorOf, utf8 } from "@flotilla/base";
import { decodeKeyValue } from "./codec/key-value.ts";
import { survivesCompaction } from "./compaction.ts";
import type { BackendReader, HashResult } from "./contract.ts";
import { parseRevisionKey, revisionKey, table } from "./layout.ts";
import type { StoreState } from "./state.ts";

/** One hash in the making. */
export class HistoryHash {
  readonly #state: StoreState;
  readonly #revision: number;
  #hash: number = crc32c(utf8("key"));
  /** First row that is not in it. */
  #position: Uint8Array = emptyBytes;

  /** Of all up to `revision`, which is not below the compact revision of `state`. */
  constructor(state: StoreState, revision: number) {
    this.#state = state;
    this.#revision = revision;
  }

  /** What it is, once all rows are in. */
  get result(): HashResult {
    const { compactRevision } = this.#state;
    return { kind: "hash", hash: this.#hash, compactRevision, revision: this.#revision };
  }

  /** Takes the next rows in, `rowsMax` at most; true when that was all. `reader` sees the given state. */
  advance(reader: BackendReader, rowsMax: number): boolean {
    const end = revisionKey(this.#revision + 1, 0);
    const options = Number.isFinite(rowsMax) ? { limit: rowsMax } : {};
    let looked = 0;
    let last: Uint8Array | undefined;
    for (const [key, value] of reader.range(table.history, this.#position, end, options)) {
      looked++;
      last = key;
      if (this.#state.compacting && !isKept(reader, this.#state, key, value)) continue;
      this.#hash = crc32c(value, crc32c(key, this.#hash));
    }
    if (last !== undefined) this.#position = successorOf(last);
    return looked < rowsMax;
  }
}

function isKept(
  reader: BackendReader,
  state: StoreState,
  key: Uint8Array,
  value: Uint8Array,
): boolean {
  const revision = parseRevisionKey(key);
  if (revision.main >= state.compactRevision) return true;
  return survivesCompaction(reader, state.compactRevision, revision, decodeKeyValue(value).key);
}
