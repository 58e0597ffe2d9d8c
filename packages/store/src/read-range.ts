/**
 * Range: which rows a request names at a revision. Pure apart from the reader that it is given.
 *
 * Source: etcd server/etcdserver/txn/range.go and server/storage/mvcc/kvstore_txn.go.
 */
import { emptyBytes, present } from "@flotilla/base";
import { decodeKeyMeta, type KeyMeta } from "./codec/key-meta.ts";
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
import { needsValues, rowsWanted, selectRows } from "./selection.ts";

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
      ? findLatest(view.reader, bounds, wanted, needsValues(request))
      : findAt(view.reader, bounds, at, wanted);
  const { kvs, more } = request.countOnly
    ? { kvs: [], more: false }
    : selectRows(found.kvs, request);
  return { kind: "range", kvs, more, count: found.count, revision: view.revision };
}

/** A live key. */
export interface LiveKey extends KeyMeta {
  readonly key: Uint8Array;
}

/** What is known of one key, if it is live. */
export function readKey(reader: BackendReader, key: Uint8Array): LiveKey | undefined {
  const bytes = reader.get(table.current, key);
  return bytes === undefined ? undefined : liveKey(key, bytes);
}

/** The live keys of `bounds` in their order, `wanted` at most. */
export function readKeys(
  reader: BackendReader,
  bounds: Bounds,
  wanted: number = Number.POSITIVE_INFINITY,
): readonly LiveKey[] {
  if (isEmptyBounds(bounds) || wanted === 0) return [];
  if (bounds.kind === "key") {
    const live = readKey(reader, bounds.key);
    return live === undefined ? [] : [live];
  }
  const keys: LiveKey[] = [];
  const options = Number.isFinite(wanted) ? { limit: wanted } : {};
  for (const [key, bytes] of reader.range(table.current, bounds.from, bounds.to, options)) {
    keys.push(liveKey(key, bytes));
  }
  return keys;
}

/** A live key with its value. */
export function readValue(reader: BackendReader, { modRevision, sub }: KeyMeta): KeyValue {
  return readRevision(reader, { main: modRevision, sub, tombstone: false });
}

/** A live key as a row whose value is left out. */
export function rowWithoutValue(live: LiveKey): KeyValue {
  const { key, createRevision, modRevision, version, lease } = live;
  return { key, value: emptyBytes, createRevision, modRevision, version, lease };
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

function findLatest(
  reader: BackendReader,
  bounds: Bounds,
  wanted: number,
  withValues: boolean,
): Found {
  if (bounds.kind === "key" && wanted === 0) {
    return { kvs: [], count: readKey(reader, bounds.key) === undefined ? 0 : 1 };
  }
  const keys = readKeys(reader, bounds, wanted);
  const kvs = withValues
    ? keys.map((live) => readValue(reader, live))
    : keys.map((live) => rowWithoutValue(live));
  if (bounds.kind === "key" || kvs.length < wanted) return { kvs, count: kvs.length };
  return { kvs, count: reader.count(table.current, bounds.from, bounds.to) };
}

export function liveKey(key: Uint8Array, bytes: Uint8Array): LiveKey {
  const { createRevision, modRevision, sub, version, lease } = decodeKeyMeta(bytes);
  return { key, createRevision, modRevision, sub, version, lease };
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
