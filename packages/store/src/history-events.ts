/**
 * Events read back from the history: for watchers that are behind what is kept in memory. Pure
 * apart from the reader that it is given.
 */
import { decodeKeyValue } from "./codec/key-value.ts";
import type { BackendReader, KeyValue, WatchEvent } from "./contract.ts";
import { parseRevisionKey, type Revision, revisionKey, table } from "./layout.ts";
import { tombstoneOf } from "./mutation.ts";
import { readRevision, versionBefore } from "./read-range.ts";

export interface HistoryRequest {
  /** First revision, and the one after the last. */
  readonly from: number;
  readonly until: number;
  readonly bytesMax: number;
  readonly rowsMax: number;
  readonly prevKv: boolean;
  wants(key: Uint8Array, tombstone: boolean): boolean;
}

/** Whole revisions from `from` on: `next` is the first one that was not looked at. */
export interface HistoryEvents {
  readonly events: readonly WatchEvent[];
  readonly next: number;
}

/** Reads wanted events in order, about `bytesMax` of them or `rowsMax` rows. */
export function readHistory(reader: BackendReader, request: HistoryRequest): HistoryEvents {
  const found: { readonly revision: Revision; readonly kv: KeyValue }[] = [];
  let next = request.until;
  let bytes = 0;
  let rows = 0;
  let main = request.from;
  const end = revisionKey(request.until, 0);
  for (const [key, value] of reader.range(table.history, revisionKey(request.from, 0), end)) {
    const revision = parseRevisionKey(key);
    const isFull = bytes >= request.bytesMax || rows >= request.rowsMax;
    if (isFull && revision.main !== main) {
      next = revision.main;
      break;
    }
    main = revision.main;
    rows++;
    const kv = decodeKeyValue(value);
    if (!request.wants(kv.key, revision.tombstone)) continue;
    bytes += kv.key.length + kv.value.length;
    found.push({ revision, kv });
  }
  const events = found.map(({ revision, kv }) => eventOf(reader, revision, kv, request.prevKv));
  return { events, next };
}

function eventOf(
  reader: BackendReader,
  revision: Revision,
  kv: KeyValue,
  prevKv: boolean,
): WatchEvent {
  const isCreation = !revision.tombstone && kv.createRevision === revision.main;
  const previous = prevKv && !isCreation ? previousValue(reader, revision, kv.key) : undefined;
  if (!revision.tombstone) return { kind: "put", kv, previous };
  return { kind: "delete", kv: tombstoneOf(kv.key, revision.main), previous };
}

/** What the key held before the revision of the change; undefined for a creation, and when it is compacted away. */
function previousValue(
  reader: BackendReader,
  revision: Revision,
  key: Uint8Array,
): KeyValue | undefined {
  const before = versionBefore(reader, key, revision.main, 0);
  return before === undefined || before.tombstone ? undefined : readRevision(reader, before);
}
