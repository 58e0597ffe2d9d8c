/**
 * Compaction: refusing reads below a revision, and removing what nobody can read any more. Pure
 * apart from the writer that it is given.
 *
 * Source of the rules: etcd server/storage/mvcc/kvstore_compaction.go and key_index.go. For each key
 * the newest change at or below the compact revision is kept. A delete below it is dropped. What was
 * changed AT it is kept whole, deletes too, so that a watch from there sees it (etcd issue 18089).
 *
 * The rows are removed in slices, each in the transaction of whatever is applied next. Only the rows
 * since the last compaction are looked at: each makes its predecessor of the same key superfluous.
 *
 * Example, compaction at 4 of put a 2, put a 3, delete a 4, put b 5: the row 3 drops the row 2, the
 * delete 4 drops the row 3 and stays. The next compaction, at 5, begins at 4 and drops the delete.
 */
import { assert, compareBytes, failpoint, successorOf } from "@flotilla/base";
import { decodeKeyValue } from "./codec/key-value.ts";
import type { BackendReader, BackendWriter } from "./contract.ts";
import { parseRevisionKey, type Revision, revisionKey, table, versionKey } from "./layout.ts";
import { versionBefore } from "./read-range.ts";
import type { StoreState } from "./state.ts";

/** Decides a compaction; the removal is left to {@link compactSlice}. */
export function decideCompaction(
  state: StoreState,
  revision: number,
): StoreState | "compacted" | "futureRevision" {
  if (revision <= state.compactRevision) return "compacted";
  if (revision > state.revision) return "futureRevision";
  // What was superfluous at the old compact revision was kept, and are to be looked at again.
  const again = revisionKey(Math.max(state.compactRevision, 0), 0);
  const compactFrom = compareBytes(state.compactFrom, again) < 0 ? state.compactFrom : again;
  return { ...state, compactRevision: revision, compacting: true, compactFrom };
}

/** Removes what the next `rowsMax` rows of history make superfluous; returns the new state. */
export function compactSlice(
  writer: BackendWriter,
  state: StoreState,
  rowsMax: number,
): StoreState {
  assert(rowsMax > 0, "compaction: a slice has rows");
  if (!state.compacting) return state;
  failpoint("compactBeforeCommitBatch");
  const end = revisionKey(state.compactRevision + 1, 0);
  const options = { limit: rowsMax };
  const rows = [...writer.range(table.history, state.compactFrom, end, options)];
  for (const [key, value] of rows) compactRow(writer, state, parseRevisionKey(key), value);
  failpoint("compactAfterCommitBatch");
  const last = rows.at(-1);
  if (last === undefined || rows.length < rowsMax) {
    failpoint("compactBeforeSetFinishedCompact");
    const compactFrom = revisionKey(state.compactRevision, 0);
    return { ...state, compacting: false, compactFrom };
  }
  return { ...state, compactFrom: successorOf(last[0]) };
}

/** True when a finished compaction at `compactRevision` would still have the row. */
export function survivesCompaction(
  reader: BackendReader,
  compactRevision: number,
  revision: Revision,
  key: Uint8Array,
): boolean {
  if (revision.main >= compactRevision) return true;
  if (revision.tombstone) return false;
  const from = versionKey(key, revision.main, revision.sub + 1);
  const end = versionKey(key, compactRevision + 1, 0);
  return reader.count(table.versions, from, end) === 0;
}

function compactRow(
  writer: BackendWriter,
  state: StoreState,
  revision: Revision,
  value: Uint8Array,
): void {
  const { key } = decodeKeyValue(value);
  const before = versionBefore(writer, key, revision.main, revision.sub);
  if (before !== undefined && before.main < state.compactRevision) removeRow(writer, key, before);
  if (revision.tombstone && revision.main < state.compactRevision) removeRow(writer, key, revision);
}

function removeRow(writer: BackendWriter, key: Uint8Array, revision: Revision): void {
  const { main, sub, tombstone } = revision;
  writer.delete(table.history, revisionKey(main, sub, tombstone));
  writer.delete(table.versions, versionKey(key, main, sub));
}
