/**
 * The authoritative history, indexed: what was at a key at any revision, and where a value came in.
 *
 * A revision that the history does not know is judged by nobody. Pure.
 */
import type { KeyEvent, Revision, StoreHistory } from "./history.ts";

/** What was at a key from `revision` on. */
export interface KeyVersion {
  readonly revision: number;
  /** Undefined: it was deleted. */
  readonly value: string | undefined;
  /** As etcd counts: 1 on creation, 0 when absent. */
  readonly version: number;
}

/** Where a value was written. */
export interface WrittenValue {
  readonly key: string;
  readonly revision: number;
}

const neverWritten: KeyVersion = { revision: 0, value: undefined, version: 0 };

export class StoreTimeline {
  readonly #revisions: readonly Revision[];
  readonly #keys: Map<string, KeyVersion[]> = new Map();
  readonly #values: Map<string, WrittenValue> = new Map();
  /** A value that was written again: every value is unique in a run. */
  readonly repeated:
    | (WrittenValue & { readonly value: string; readonly before: number })
    | undefined;

  constructor(history: StoreHistory) {
    this.#revisions = history.revisions;
    let repeated: this["repeated"];
    for (const { revision, events } of history.revisions) {
      for (const event of events) repeated ??= this.#add(revision, event);
    }
    this.repeated = repeated;
  }

  /** The last revision that anybody has applied; 1 when there is none, as in an empty store. */
  get lastRevision(): number {
    return this.#revisions.at(-1)?.revision ?? 1;
  }

  #add(revision: number, event: KeyEvent): StoreTimeline["repeated"] {
    const { key, value } = event;
    const versions = this.#keys.get(key) ?? [];
    if (versions.length === 0) this.#keys.set(key, versions);
    const before = versions.at(-1)?.version ?? 0;
    versions.push({ revision, value, version: value === undefined ? 0 : before + 1 });
    if (value === undefined) return undefined;
    const earlier = this.#values.get(value);
    if (earlier !== undefined) return { key, value, revision, before: earlier.revision };
    this.#values.set(value, { key, revision });
    return undefined;
  }

  /** Where `value` was written; undefined: nowhere. */
  written(value: string): WrittenValue | undefined {
    return this.#values.get(value);
  }

  /** What was at `key` when the store was at `revision`. O(log changes of the key). */
  at(key: string, revision: number): KeyVersion {
    const versions = this.#keys.get(key) ?? [];
    const place = firstAfter(versions, revision);
    return versions[place - 1] ?? neverWritten;
  }

  /** All that changed after `after` and up to `last`, in order. */
  between(after: number, last: number): readonly Revision[] {
    return this.#revisions.slice(
      firstAfter(this.#revisions, after),
      firstAfter(this.#revisions, last),
    );
  }
}

/** The place of the first element of a higher revision. */
function firstAfter(ordered: readonly { readonly revision: number }[], revision: number): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ordered[middle]?.revision ?? 0) <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
