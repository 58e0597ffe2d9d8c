/**
 * How far a watch is, and what each answer of a member means to it. Pure.
 *
 * A watch outlives its stream: the next one begins where this one has everything. That place is known
 * from "created" on, also when the watch begins with what comes next, so that nothing is missed and
 * nothing is told twice however often members come and go.
 *
 * A notice of progress moves it, too, but only events say what was told: members before etcd 3.4.25 and
 * 3.5.8 give notice of revisions whose events are still to come.
 */

import type { WatchEvent } from "@flotilla/store";
import type { WatchResponse } from "./codec/watch.ts";
import { codeOf, EtcdError, serverError, withoutGoPrefix } from "./errors.ts";

export type WatchStep =
  /** The member has begun; the first one says from which revision on. */
  | { readonly kind: "created" }
  /** Whole revisions, all of them new. */
  | { readonly kind: "events"; readonly events: readonly WatchEvent[]; readonly revision: number }
  /** Nothing up to this revision that was not told. */
  | { readonly kind: "progress"; readonly revision: number }
  | { readonly kind: "nothing" }
  /** The stream is of no more use, another may be. */
  | { readonly kind: "again"; readonly isAboutToken: boolean }
  | { readonly kind: "over"; readonly error: EtcdError };

export class WatchPosition {
  /** First revision that was not told yet; 0 until the watch was created for the first time. */
  #next: number;
  /** Last revision whose events were told, or the one before the first that is wanted. */
  #told: number;
  /** Until a notice of progress has been ahead of events. */
  #believesNotices = true;
  /** Of a revision that comes in fragments. */
  #pending: WatchEvent[] = [];

  /** `startRevision` 0 begins with what comes next. */
  constructor(startRevision: number) {
    this.#next = startRevision;
    this.#told = startRevision - 1;
  }

  /** Where the next stream has to start. */
  get next(): number {
    return this.#next;
  }

  /** A stream has ended: the rest of a revision that came in part comes again as a whole. */
  interrupted(): void {
    this.#pending = [];
  }

  take(response: WatchResponse): WatchStep {
    if (response.isCanceled) return this.#canceled(response);
    if (response.isCreated) {
      // A watch from now on begins with the revision after the one that the member has.
      if (this.#next === 0) {
        this.#next = response.revision + 1;
        this.#told = response.revision;
      }
      return { kind: "created" };
    }
    if (response.events.length > 0 || this.#pending.length > 0) return this.#events(response);
    if (!this.#believesNotices || response.revision < this.#next) return { kind: "nothing" };
    this.#next = response.revision + 1;
    return { kind: "progress", revision: response.revision };
  }

  #events(response: WatchResponse): WatchStep {
    for (const event of response.events) {
      if (event.kv.modRevision > this.#told) this.#pending.push(event);
    }
    // A member that catches up sends many revisions in one series of fragments.
    const count = response.isFragment ? this.#wholeCount() : this.#pending.length;
    const events = this.#pending.slice(0, count);
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return { kind: "nothing" };
    this.#pending = this.#pending.slice(count);
    // Not the header's revision: while a watch catches up, that one is ahead of the events.
    const revision = last.kv.modRevision;
    if (first.kv.modRevision < this.#next) this.#believesNotices = false;
    this.#told = revision;
    this.#next = revision + 1;
    return { kind: "events", events, revision };
  }

  /** Events of revisions of which nothing more can come: all but the last one's. */
  #wholeCount(): number {
    const last = this.#pending.at(-1)?.kv.modRevision;
    return this.#pending.findLastIndex((event) => event.kv.modRevision !== last) + 1;
  }

  #canceled({ compactRevision, cancelReason }: WatchResponse): WatchStep {
    if (compactRevision !== 0) {
      const message = `History from revision ${this.#next} on is gone: it begins at ${compactRevision}`;
      return { kind: "over", error: new EtcdError("compacted", message, { compactRevision }) };
    }
    const text = withoutGoPrefix(cancelReason);
    const code = codeOf(text);
    if (code === "invalidAuthToken" || code === "authOldRevision") {
      return { kind: "again", isAboutToken: true };
    }
    if (text === "" || code === "noLeader" || code === "watchCanceled" || code === "stopped") {
      return { kind: "again", isAboutToken: false };
    }
    return { kind: "over", error: serverError(0, text) };
  }
}
