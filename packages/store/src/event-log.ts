/**
 * The most recent events, in memory: what nearly every watcher is served from. Pure.
 *
 * Revisions in it are contiguous, because every revision has an event. Bounded in bytes and in
 * events; what falls out is read from the history in the backend, and so is what came while nobody
 * watched.
 */
import { assert } from "@flotilla/base";
import type { WatchEvent } from "./contract.ts";
import type { StoreLimits } from "./limits.ts";

/** Bytes count keys and values, previous ones included. */
type EventLogLimits = Pick<StoreLimits, "recentBytes" | "recentEvents">;

interface LoggedRevision {
  readonly events: readonly WatchEvent[];
  /** The same without the previous values; made when first asked for. */
  plain: readonly WatchEvent[] | undefined;
  readonly bytes: number;
}

export class EventLog {
  readonly #limits: EventLogLimits;
  #revisions: LoggedRevision[] = [];
  /** Index in `#revisions` of the oldest one that is still kept. */
  #head = 0;
  /** Revision after the newest one. */
  #end: number;
  #bytes = 0;
  #events = 0;

  /** `next`: the first revision that will be appended. */
  constructor(next: number, limits: EventLogLimits) {
    this.#end = next;
    this.#limits = limits;
  }

  /** Oldest revision that is kept; one above the newest when there is none. */
  get first(): number {
    return this.#end - (this.#revisions.length - this.#head);
  }

  /** All events of the next revision. */
  append(revision: number, events: readonly WatchEvent[]): void {
    assert(events.length > 0, "event log: a revision has events");
    assert(revision === this.#end, "event log: revisions must be contiguous");
    let bytes = 0;
    for (const event of events) bytes += eventBytes(event);
    this.#revisions.push({ events, plain: undefined, bytes });
    this.#end = revision + 1;
    this.#bytes += bytes;
    this.#events += events.length;
    this.#trim();
  }

  /** Events of a revision at or above {@link first}. */
  eventsOf(revision: number, withPrevious: boolean): readonly WatchEvent[] {
    const logged = this.#revisions[this.#head + revision - this.first];
    assert(logged !== undefined, "event log: the revision must be kept");
    if (withPrevious) return logged.events;
    logged.plain ??= logged.events.map(withoutPrevious);
    return logged.plain;
  }

  /** Forgets everything; goes on with revision `next`. */
  clear(next: number): void {
    this.#end = next;
    this.#revisions = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#events = 0;
  }

  #trim(): void {
    const { recentBytes, recentEvents } = this.#limits;
    while (this.#bytes > recentBytes || this.#events > recentEvents) {
      const oldest = this.#revisions[this.#head++] as LoggedRevision;
      this.#bytes -= oldest.bytes;
      this.#events -= oldest.events.length;
    }
    // Moving the rest down costs as much as it frees only once half of the array is free.
    if (this.#head > 64 && this.#head * 2 > this.#revisions.length) {
      this.#revisions = this.#revisions.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** What an event weighs against a limit. */
export function eventBytes(event: WatchEvent): number {
  const { kv, previous } = event;
  const own = kv.key.length + kv.value.length;
  return previous === undefined ? own : own + previous.key.length + previous.value.length;
}

function withoutPrevious(event: WatchEvent): WatchEvent {
  return event.previous === undefined ? event : { ...event, previous: undefined };
}
