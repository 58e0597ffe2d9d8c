/**
 * Watchers: each holds a position, the hub tells them that something came. Pure.
 *
 * A watcher that is synced has no position of its own: whatever concerns it next is new. So one
 * that is idle is never overtaken by a compaction, and costs nothing but its place in the index.
 * One that has something to take keeps the first revision that it still needs, and is served from
 * the event log or, further back, from the history.
 */
import { assert } from "@flotilla/base";
import { Audience, type Stretch, type WatchForm } from "./audience.ts";
import type { BackendReader, WatchBatch, WatchEvent, Watcher, WatchRequest } from "./contract.ts";
import { EventLog, eventBytes } from "./event-log.ts";
import { readHistory } from "./history-events.ts";
import { InterestIndex } from "./interest.ts";
import { boundsOf, containsKey } from "./key-range.ts";
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
  readonly #interest = new InterestIndex<Audience<StoreWatcher>>();
  /** Watchers that want to know what was before. */
  #previousWanted = 0;

  constructor(source: WatchSource) {
    this.#source = source;
    this.#log = new EventLog(source.revision() + 1, source.limits);
  }

  /** True when events have to come with what was before. */
  get tellsPrevious(): boolean {
    return this.#previousWanted > 0;
  }

  watch(request: WatchRequest, wake: () => void): Watcher {
    const bounds = boundsOf(request);
    // What is in memory was noted without what was before: that is read from the history.
    if (request.prevKv && !this.tellsPrevious) this.#log.clear(this.#source.revision() + 1);
    if (request.prevKv) this.#previousWanted++;
    const audience = this.#interest.at(bounds, () => new Audience(bounds));
    const place = { source: this.#source, log: this.#log, audience };
    return new StoreWatcher(place, request, wake, () => {
      if (request.prevKv) this.#previousWanted--;
      if (audience.isEmpty) this.#interest.remove(audience);
    });
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
      for (const { kv, kind } of events) {
        this.#interest.match(kv.key, (audience) => audience.notice(revision, kind));
      }
    }
  }

  /**
   * The state was replaced by a snapshot: what lies between is in no log. `revision` is the one that
   * the store had before; everybody goes on from there (etcd issue 15271).
   */
  reload(revision: number): void {
    this.#log.clear(this.#source.revision() + 1);
    for (const audience of this.#interest) {
      audience.forget();
      for (const watcher of audience.listeners) watcher.resume(revision);
    }
  }
}

/** A batch that is shared ends at a multiple of this: enough for an answer, and few enough to end alike. */
const sharedRevisions = 64;

/** Where a watcher finds what it gives. */
interface WatcherPlace {
  readonly source: WatchSource;
  readonly log: EventLog;
  readonly audience: Audience<StoreWatcher>;
}

class StoreWatcher implements Watcher {
  readonly #source: WatchSource;
  readonly #log: EventLog;
  readonly #audience: Audience<StoreWatcher>;
  readonly #request: WatchRequest;
  readonly #form: WatchForm;
  readonly #wake: () => void;
  /** It has left its audience. */
  readonly #onClosed: () => void;
  /** First revision that is still needed; while synced only a lower bound of it. */
  #next: number;
  #synced = false;
  /** It asked for what was compacted already: refused, even if memory should still have it. */
  readonly #isTooOld: boolean;
  #isClosed = false;

  constructor(
    { source, log, audience }: WatcherPlace,
    request: WatchRequest,
    wake: () => void,
    onClosed: () => void,
  ) {
    this.#source = source;
    this.#log = log;
    this.#audience = audience;
    this.#request = request;
    this.#form = formOf(request);
    this.#wake = wake;
    this.#onClosed = onClosed;
    this.#next = request.startRevision > 0 ? request.startRevision : source.revision() + 1;
    this.#isTooOld = this.#next < source.compactRevision();
    audience.join(this);
    this.#setSynced(this.#next > source.revision());
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** A change of `revision` lies in the bounds of this watcher. */
  notice(revision: number, kind: WatchEvent["kind"]): void {
    // A revision below the position belongs to a watcher that asked for a future one.
    if (!this.#synced || revision < this.#next || !this.#wantsKind(kind)) return;
    this.#next = revision;
    this.#setSynced(false);
    this.#wake();
  }

  resume(revision: number): void {
    if (!this.#synced) return; // It has its position, and was woken for it.
    this.#next = Math.max(this.#next, revision + 1);
    if (this.#next > this.#source.revision()) return;
    this.#setSynced(false);
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
        const batch = this.#takeLogged(bytesMax);
        if (batch.events.length > 0) return batch;
        continue; // The log is exhausted, and with it this watcher synced.
      }
      const events = this.#takeHistory(bytesMax);
      // Also without events when it has looked at much and is not there yet: that is progress.
      if (events.length > 0 || this.#next < this.#log.first) {
        return { kind: "events", events, revision: this.#next - 1 };
      }
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#setSynced(false);
    this.#audience.leave(this);
    this.#onClosed();
  }

  #takeLogged(bytesMax: number): Stretch["batch"] {
    let stretch = this.#audience.kept(this.#next, bytesMax, this.#form);
    if (stretch === undefined) {
      stretch = this.#readLogged(bytesMax);
      this.#audience.keep(stretch);
    }
    this.#moveTo(stretch.next);
    return stretch.batch;
  }

  #readLogged(bytesMax: number): Stretch {
    const from = this.#next;
    const events: WatchEvent[] = [];
    let bytes = 0;
    let next = from;
    for (const end = this.#endFrom(from); next < end && bytes < bytesMax; next++) {
      for (const event of this.#log.eventsOf(next, this.#request.prevKv)) {
        if (!this.#wants(event.kv.key, event.kind)) continue;
        events.push(event);
        bytes += eventBytes(event);
      }
    }
    const batch = { kind: "events", events, revision: next - 1 } as const;
    return { from, next, bytesMax, form: this.#form, batch };
  }

  /**
   * Where watchers stop who are to go on together: those who begin at different times end at the same
   * revision, and share what follows.
   */
  #endFrom(from: number): number {
    const end = this.#source.revision() + 1;
    if (!this.#audience.isMany) return end;
    return Math.min(end, from - (from % sharedRevisions) + sharedRevisions);
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
    this.#setSynced(revision > this.#source.revision());
  }

  #setSynced(synced: boolean): void {
    if (synced === this.#synced) return;
    this.#synced = synced;
    this.#audience.idleBy(synced ? 1 : -1);
  }

  #wants(key: Uint8Array, kind: WatchEvent["kind"]): boolean {
    return this.#wantsKind(kind) && containsKey(this.#audience.bounds, key);
  }

  #wantsKind(kind: WatchEvent["kind"]): boolean {
    return kind === "put" ? !this.#request.noPut : !this.#request.noDelete;
  }
}

function formOf({ prevKv, noPut, noDelete }: WatchRequest): WatchForm {
  return (prevKv ? 4 : 0) + (noPut ? 2 : 0) + (noDelete ? 1 : 0);
}
