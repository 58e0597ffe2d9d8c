/**
 * Watching objects: the store's events, seen through a selection.
 *
 * An object that enters the selection is told as added, one that leaves it as deleted. Positions, no
 * queues: nothing is read from the store before the consumer asks for more.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Resource } from "@flotilla/objects";
import type { StorageBatch, StorageEvent, StorageWatch } from "../storage.ts";
import type { RegistryContext } from "./context.ts";
import { prefixOf } from "./keys.ts";
import type { Decoded, ObjectCache } from "./object-cache.ts";
import type { Selection } from "./selection.ts";

export interface ObjectChange {
  readonly kind: "added" | "modified" | "deleted";
  /** The object as it is told: deleted ones show their last state and the revision of the end. */
  readonly decoded: Decoded;
}

export type WatchStep =
  | { readonly kind: "changes"; readonly changes: readonly ObjectChange[] }
  /** Woken up from outside; everything up to `revision` was told. */
  | { readonly kind: "woken"; readonly revision: number }
  | { readonly kind: "expired"; readonly compactRevision: number }
  | { readonly kind: "closed" };

/** One watch; `close` it. */
export class ObjectWatch {
  readonly #cache: ObjectCache;
  readonly #selection: Selection;
  readonly #watch: StorageWatch;
  #woken = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(
    context: RegistryContext,
    collection: { readonly resource: Resource; readonly namespace: string | undefined },
    selection: Selection,
    afterRevision: number,
  ) {
    this.#cache = context.cache;
    this.#selection = selection;
    const prefix = prefixOf(collection.resource, collection.namespace);
    this.#watch = context.storage.watch(prefix, afterRevision, () => this.#wake?.());
  }

  /** What happens next. One call at a time. */
  async next(): Promise<WatchStep> {
    for (;;) {
      if (this.#closed) return { kind: "closed" };
      const batch = this.#watch.take();
      if (batch !== undefined) {
        const step = this.#stepOf(batch);
        if (step !== undefined) return step;
        await nextTurn(); // Much that is not shown must not stall everything else.
      }
      // Also between changes that are not shown: there may be no end of them.
      if (this.#woken) {
        this.#woken = false;
        return { kind: "woken", revision: this.#watch.progress() };
      }
      if (batch !== undefined) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Makes a waiting `next`, or the next one, return; used for bookmarks and ends. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
    this.#wake?.();
  }

  /** Undefined when this selection shows nothing of it. */
  #stepOf(batch: StorageBatch): WatchStep | undefined {
    if (batch.kind === "compacted") {
      return { kind: "expired", compactRevision: batch.compactRevision };
    }
    const changes = batch.events.flatMap((event) => this.#changeOf(event));
    return changes.length === 0 ? undefined : { kind: "changes", changes };
  }

  #changeOf(event: StorageEvent): ObjectChange[] {
    const { current, previous, revision } = event;
    const now = current && this.#cache.decode(current);
    const before = previous && this.#cache.decode(previous);
    const isIn = now !== undefined && this.#selection.matches(now.object);
    const wasIn = before !== undefined && this.#selection.matches(before.object);
    if (isIn) return [{ kind: wasIn ? "modified" : "added", decoded: now }];
    if (!wasIn || previous === undefined) return [];
    // The last state that the watcher may see, at the revision at which it went out of its sight.
    const last = this.#cache.decode(previous, revision);
    return last === undefined ? [] : [{ kind: "deleted", decoded: last }];
  }
}
