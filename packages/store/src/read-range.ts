/**
 * Range: which rows a request names at a revision. Pure apart from the reader that it is given.
 *
 * Source: etcd server/etcdserver/txn/range.go and server/storage/mvcc/kvstore_txn.go.
 */
import { emptyBytes, present } from "@flotilla/base";
import { decodeKeyValue } from "./codec/key-value.ts";
import type { BackendReader, KeyValue, RangeRequest, RangeResult } from "./contract.ts";
import { type Bounds, boundsOf, isEmptyBounds } from "./key-range.ts";
import {
  parseVersion,
  type Revision,
  revisionKey,
  sameVersionedKey,
  table,
  versionKey,
  versionsStart,
} from "./layout.ts";
import { rowsWanted, selectRows } from "./selection.ts";

/** The state that a read sees. */
export interface View {
  readonly reader: BackendReader;
  /** Latest revision, own changes of a transaction included. */
  readonly revision: number;
  readonly compactRevision: number;
}

export type ReadRefusal = "compacted" | "futureRevision";

/** Rows found, at most as many as were wanted, and how many there are in all. */
interface Found {
  readonly kvs: readonly KeyValue[];
  readonly count: number;
}

/** Why `revision` cannot be read, if so; 0 and below mean the latest. */
export function checkRevision(view: View, revision: number): ReadRefusal | undefined {
  if (revision <= 0) return undefined;
  if (revision > view.revision) return "futureRevision";
  return revision < view.compactRevision ? "compacted" : undefined;
}

/** Serves a range. O(rows of the range); a count at the latest revision is left to the backend. */
export function readRange(
  view: View,
  request: RangeRequest,
): RangeResult | { readonly kind: "refused"; readonly error: ReadRefusal } {
  const error = checkRevision(view, request.revision);
  if (error !== undefined) return { kind: "refused", error };
  const bounds = boundsOf(request);
  const at = request.revision <= 0 ? view.revision : request.revision;
  const wanted = request.countOnly ? 0 : rowsWanted(request);
  const found = isEmptyBounds(bounds)
    ? { kvs: [], count: 0 }
    : at === view.revision
      ? findLatest(view.reader, bounds, wanted)
      : findAt(view.reader, bounds, at, wanted);
  const { kvs, more } = request.countOnly
    ? { kvs: [], more: false }
    : selectRows(found.kvs, request);
  return { kind: "range", kvs, more, count: found.count, revision: view.revision };
}

/** The live value of one key. */
export function readKey(reader: BackendReader, key: Uint8Array): KeyValue | undefined {
  const bytes = reader.get(table.current, key);
  return bytes === undefined ? undefined : decodeKeyValue(bytes);
}

/** All live rows of `bounds`, in the order of their keys. */
export function readAll(reader: BackendReader, bounds: Bounds): readonly KeyValue[] {
  if (isEmptyBounds(bounds)) return [];
  return findLatest(reader, bounds, Number.POSITIVE_INFINITY).kvs;
}

/** The last change of `key` before the change (`main`, `sub`), whatever its kind. */
export function versionBefore(
  reader: BackendReader,
  key: Uint8Array,
  main: number,
  sub: number,
): Revision | undefined {
  const before = versionKey(key, main, sub);
  const entries = reader.range(table.versions, versionsStart(key), before, {
    reverse: true,
    limit: 1,
  });
  for (const [version, value] of entries) return parseVersion(version, value);
  return undefined;
}

/** The row that a change wrote. */
export function readRevision(reader: BackendReader, revision: Revision): KeyValue {
  const key = revisionKey(revision.main, revision.sub, revision.tombstone);
  const bytes = reader.get(table.history, key);
  return decodeKeyValue(present(bytes, "a version without its row in the history"));
}

function findLatest(reader: BackendReader, bounds: Bounds, wanted: number): Found {
  if (bounds.kind === "key") {
    const kv = readKey(reader, bounds.key);
    if (kv === undefined) return { kvs: [], count: 0 };
    return { kvs: wanted === 0 ? [] : [kv], count: 1 };
  }
  const kvs: KeyValue[] = [];
  if (wanted > 0) {
    const options = Number.isFinite(wanted) ? { limit: wanted } : {};
    for (const [, value] of reader.range(table.current, bounds.from, bounds.to, options)) {
      kvs.push(decodeKeyValue(value));
    }
    if (kvs.length < wanted) return { kvs, count: kvs.length };
  }
  return { kvs, count: reader.count(table.current, bounds.from, bounds.to) };
}

function findAt(reader: BackendReader, bounds: Bounds, at: number, wanted: number): Found {
  if (bounds.kind === "key") {
    const revision = versionBefore(reader, bounds.key, at + 1, 0);
    if (revision === undefined || revision.tombstone) return { kvs: [], count: 0 };
    return { kvs: wanted === 0 ? [] : [readRevision(reader, revision)], count: 1 };
  }
  const revisions: Revision[] = [];
  let count = 0;
  for (const { live } of keysAt(reader, versionsStart(bounds.from), bounds.to, at)) {
    if (live === undefined) continue;
    count++;
    if (revisions.length < wanted) revisions.push(live);
  }
  return { kvs: revisions.map((revision) => readRevision(reader, revision)), count };
}

/** One key with a history, at a revision. */
export interface KeyAt {
  /** The change that wrote what it held then; undefined when there was nothing. */
  readonly live: Revision | undefined;
  /** The last entry of `versions` that is its. */
  readonly lastVersion: Uint8Array;
}

/** The keys below `to` at revision `at`, from a place in `versions` on at which a key begins. */
export function* keysAt(
  reader: BackendReader,
  from: Uint8Array,
  to: Uint8Array | undefined,
  at: number,
): Generator<KeyAt> {
  const end = to === undefined ? undefined : versionsStart(to);
  let lastVersion = emptyBytes;
  let newest: Revision | undefined;
  const keyAt = (): KeyAt => ({ live: newest?.tombstone ? undefined : newest, lastVersion });
  for (const [version, value] of reader.range(table.versions, from, end)) {
    if (!sameVersionedKey(version, lastVersion)) {
      if (lastVersion.length > 0) yield keyAt();
      newest = undefined;
    }
    lastVersion = version;
    const revision = parseVersion(version, value);
    if (revision.main <= at) newest = revision;
  }
  if (lastVersion.length > 0) yield keyAt();
}
