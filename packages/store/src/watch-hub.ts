/**
 * Watchers: each holds a position, the hub tells them that something came. Pure.
 *
 * A watcher that is synced has no position of its own: whatever concerns it next is new. So one
 * that is idle is never overtaken by a compaction, and costs nothing but its place in the index.
 * One that has something to take keeps the first revision that it still needs, and is served from
 * the event log or, further back, from the history.
 */
import { assert } from "@flotilla/base";
import type { BackendReader, WatchBatch, WatchEvent, Watcher, WatchRequest } from "./contract.ts";
import { EventLog, eventBytes } from "./event-log.ts";
import { readHistory } from "./history-events.ts";
import { InterestIndex } from "./interest.ts";
import { type Bounds, boundsOf, containsKey } from "./key-range.ts";
import type { StoreLimits } from "./limits.ts";

/** What the hub asks of the store. */
export interface WatchSource {
  readonly limits: StoreLimits;
  readonly reader: BackendReader;
  revision(): number;
  compactRevision(): number;
}

/** The events that one command made. */
export interface RevisionEvents {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

export class WatchHub {
  readonly #source: WatchSource;
  readonly #log: EventLog;
  readonly #interest = new InterestIndex<StoreWatcher>();

  constructor(source: WatchSource) {
    this.#source = source;
    this.#log = new EventLog(source.revision() + 1, source.limits);
  }

  watch(request: WatchRequest, wake: () => void): Watcher {
    const watcher = new StoreWatcher(this.#source, this.#log, request, wake, (closed) =>
      this.#interest.remove(closed),
    );
    this.#interest.add(watcher);
    return watcher;
  }

  /** Tells watchers about revisions that are applied; the source is already at the last of them. */
  publish(revisions: readonly RevisionEvents[]): void {
    if (this.#interest.isEmpty) {
      // Nobody will ask for them, but somebody who comes later: that one reads the history.
      this.#log.clear(this.#source.revision() + 1);
      return;
    }
    for (const { revision, events } of revisions) this.#log.append(revision, events);
    for (const { revision, events } of revisions) {
      for (const event of events) {
        this.#interest.match(event.kv.key, (watcher) => watcher.notice(revision, event.kind));
      }
    }
  }

  /**
   * The state was replaced by a snapshot: what lies between is in no log. `revision` is the one that
   * the store had before; everybody goes on from there (etcd issue 15271).
   */
  reload(revision: number): void {
    this.#log.clear(this.#source.revision() + 1);
    for (const watcher of [...this.#interest]) watcher.resume(revision);
  }
}

class StoreWatcher implements Watcher {
  readonly bounds: Bounds;
  readonly #source: WatchSource;
  readonly #log: EventLog;
  readonly #request: WatchRequest;
  readonly #wake: () => void;
  readonly #onClose: (watcher: StoreWatcher) => void;
  /** First revision that is still needed; while synced only a lower bound of it. */
  #next: number;
  #synced: boolean;
  /** It asked for what was compacted already: refused, even if memory should still have it. */
  readonly #isTooOld: boolean;
  #isClosed = false;

  constructor(
    source: WatchSource,
    log: EventLog,
    request: WatchRequest,
    wake: () => void,
    onClose: (watcher: StoreWatcher) => void,
  ) {
    this.bounds = boundsOf(request);
    this.#source = source;
    this.#log = log;
    this.#request = request;
    this.#wake = wake;
    this.#onClose = onClose;
    this.#next = request.startRevision > 0 ? request.startRevision : source.revision() + 1;
    this.#synced = this.#next > source.revision();
    this.#isTooOld = this.#next < source.compactRevision();
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** A change of `revision` lies in the bounds of this watcher. */
  notice(revision: number, kind: WatchEvent["kind"]): void {
    // A revision below the position belongs to a watcher that asked for a future one.
    if (!this.#synced || revision < this.#next || !this.#wantsKind(kind)) return;
    this.#next = revision;
    this.#synced = false;
    this.#wake();
  }

  resume(revision: number): void {
    if (!this.#synced) return; // It has its position, and was woken for it.
    this.#next = Math.max(this.#next, revision + 1);
    if (this.#next > this.#source.revision()) return;
    this.#synced = false;
    this.#wake();
  }

  take(bytesMax: number): WatchBatch | undefined {
    assert(bytesMax > 0, "watch: a batch has a size");
    while (!this.#isClosed && !this.#synced) {
      const from = this.#next;
      const compactRevision = this.#source.compactRevision();
      const isLogged = from >= this.#log.first;
      if (this.#isTooOld || (from < compactRevision && !isLogged)) {
        this.close();
        return { kind: "compacted", compactRevision };
      }
      if (isLogged) {
        const events = this.#takeLogged(bytesMax);
        if (events.length > 0) return this.#batch(events);
        continue; // The log is exhausted, and with it this watcher synced.
      }
      const events = this.#takeHistory(bytesMax);
      // Also without events when it has looked at much and is not there yet: that is progress.
      if (events.length > 0 || this.#next < this.#log.first) return this.#batch(events);
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose(this);
  }

  #batch(events: readonly WatchEvent[]): WatchBatch {
    return { kind: "events", events, revision: this.#next - 1 };
  }

  #takeLogged(bytesMax: number): readonly WatchEvent[] {
    const taken: WatchEvent[] = [];
    let bytes = 0;
    let revision = this.#next;
    for (; revision <= this.#source.revision() && bytes < bytesMax; revision++) {
      for (const event of this.#log.eventsOf(revision, this.#request.prevKv)) {
        if (!this.#wants(event.kv.key, event.kind)) continue;
        taken.push(event);
        bytes += eventBytes(event);
      }
    }
    this.#moveTo(revision);
    return taken;
  }

  #takeHistory(bytesMax: number): readonly WatchEvent[] {
    const { events, next } = readHistory(this.#source.reader, {
      from: this.#next,
      until: Math.min(this.#log.first, this.#source.revision() + 1),
      bytesMax,
      rowsMax: this.#source.limits.historyRows,
      prevKv: this.#request.prevKv,
      wants: (key, tombstone) => this.#wants(key, tombstone ? "delete" : "put"),
    });
    this.#moveTo(next);
    return events;
  }

  #moveTo(revision: number): void {
    assert(revision >= this.#next, "watch: a position never goes back");
    this.#next = revision;
    this.#synced = revision > this.#source.revision();
  }

  #wants(key: Uint8Array, kind: WatchEvent["kind"]): boolean {
    return this.#wantsKind(kind) && containsKey(this.bounds, key);
  }

  #wantsKind(kind: WatchEvent["kind"]): boolean {
    return kind === "put" ? !this.#request.noPut : !this.#request.noDelete;
  }
}
