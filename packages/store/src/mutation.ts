/**
 * The writes of one revision. Pure apart from the writer that it is given.
 *
 * Source: etcd server/storage/mvcc/kvstore_txn.go. However many keys change, the revision goes up
 * by one; the changes are numbered 0, 1, 2 in the order in which they are made.
 */
import { assert, emptyBytes, equalBytes, WireWriter } from "@flotilla/base";
import { encodeKeyMeta } from "./codec/key-meta.ts";
import { writeKeyValue } from "./codec/key-value.ts";
import type { BackendWriter, KeyValue, WatchEvent } from "./contract.ts";
import { deletedVersion, liveVersion, revisionKey, table, versionKey } from "./layout.ts";
import { attachKey, detachKey } from "./leases.ts";
import { type LiveKey, readKey, readValue } from "./read-range.ts";

const noEvents: readonly WatchEvent[] = [];

/** Collects the changes of one command and gives them one revision. */
export class Mutation {
  readonly writer: BackendWriter;
  readonly #base: number;
  readonly #tellsPrevious: boolean;
  #events: WatchEvent[] | undefined;

  /**
   * `base`: revision of the store before this command. `tellsPrevious`: events are to have the values
   * before, which somebody watches for.
   */
  constructor(writer: BackendWriter, base: number, tellsPrevious: boolean) {
    this.writer = writer;
    this.#base = base;
    this.#tellsPrevious = tellsPrevious;
  }

  /** What has changed, in the order of the changes. */
  get events(): readonly WatchEvent[] {
    return this.#events ?? noEvents;
  }

  /** What a read within this command sees: one higher as soon as something has changed. */
  get revision(): number {
    return this.#events === undefined ? this.#base : this.#base + 1;
  }

  /** What is known of `key`, own changes included. */
  read(key: Uint8Array): LiveKey | undefined {
    return readKey(this.writer, key);
  }

  /** `previous` is what {@link read} gives for `key`. */
  put(key: Uint8Array, value: Uint8Array, lease: bigint, previous: LiveKey | undefined): void {
    const main = this.#base + 1;
    const sub = this.events.length;
    const kv: KeyValue = {
      key,
      value,
      createRevision: previous === undefined ? main : previous.createRevision,
      modRevision: main,
      version: previous === undefined ? 1 : previous.version + 1,
      lease,
    };
    const { createRevision, version } = kv;
    const told = createRevision === main ? undefined : this.#beforeRevision(previous);
    const meta = encodeKeyMeta({ createRevision, modRevision: main, sub, version, lease });
    this.writer.put(table.current, key, meta);
    this.writer.append(table.history, revisionKey(main, sub), encodeRecord(kv));
    this.writer.put(table.versions, versionKey(key, main, sub), liveVersion);
    const before = previous === undefined ? 0n : previous.lease;
    if (before !== lease) {
      if (before !== 0n) detachKey(this.writer, before, key);
      if (lease !== 0n) attachKey(this.writer, lease, key);
    }
    this.#note({ kind: "put", kv, previous: told });
  }

  /** `previous` is what {@link read} gives for its key. */
  delete(previous: LiveKey): void {
    const main = this.#base + 1;
    const sub = this.events.length;
    const { key } = previous;
    assert(key.length > 0, "mutation: a stored key is never empty");
    const tombstone = tombstoneOf(key, 0);
    const before = this.#beforeRevision(previous);
    this.writer.delete(table.current, key);
    this.writer.append(table.history, revisionKey(main, sub, true), encodeRecord(tombstone));
    this.writer.put(table.versions, versionKey(key, main, sub), deletedVersion);
    if (previous.lease !== 0n) detachKey(this.writer, previous.lease, key);
    this.#note({ kind: "delete", kv: tombstoneOf(key, main), previous: before });
  }

  #note(event: WatchEvent): void {
    // Most commands change one key: an array that starts empty would take room for sixteen more.
    if (this.#events === undefined) this.#events = [event];
    else this.#events.push(event);
  }

  /** What watchers are told of as the value before: never one of this revision itself, as in etcd. */
  #beforeRevision(previous: LiveKey | undefined): KeyValue | undefined {
    if (!this.#tellsPrevious || previous === undefined) return undefined;
    if (previous.modRevision <= this.#base) return readValue(this.writer, previous);
    return this.events.find(({ kv }) => equalBytes(kv.key, previous.key))?.previous;
  }
}

/** Grows to the largest record and stays: what is handed to a backend is the caller's again afterwards. */
const scratch = new WireWriter(4096);

/** Valid until the next one. */
function encodeRecord(kv: KeyValue): Uint8Array {
  scratch.reset();
  writeKeyValue(scratch, kv);
  return scratch.view();
}

/** The KeyValue of a delete event. */
export function tombstoneOf(key: Uint8Array, modRevision: number): KeyValue {
  return { key, value: emptyBytes, createRevision: 0, modRevision, version: 0, lease: 0n };
}
