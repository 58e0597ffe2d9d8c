/**
 * A checksum over the history that members compare to find one that has gone wrong. Pure.
 *
 * Source: etcd server/storage/mvcc/hash.go (HashKV): CRC-32C over the table's name, then key and
 * value of each row that a compaction would keep. How far the removal of compacted rows has come
 * differs between members and must not show.
 */
import { crc32c, utf8 } from "@flotilla/base";
import { decodeKeyValue } from "./codec/key-value.ts";
import { survivesCompaction } from "./compaction.ts";
import type { BackendReader } from "./contract.ts";
import { parseRevisionKey, revisionKey, table } from "./layout.ts";
import type { StoreState } from "./state.ts";

/** O(rows of the history up to `revision`). */
export function hashHistory(reader: BackendReader, state: StoreState, revision: number): number {
  let hash = crc32c(utf8("key"));
  const end = revisionKey(revision + 1, 0);
  for (const [key, value] of reader.range(table.history, new Uint8Array(0), end)) {
    if (state.compacting && !isKept(reader, state, key, value)) continue;
    hash = crc32c(value, crc32c(key, hash));
  }
  return hash;
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
