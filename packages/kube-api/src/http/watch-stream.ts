/**
 * A watch as the lines of an HTTP answer.
 *
 * Pulled by the client's speed: the next line is made when the last one is sent. Ends at its
 * timeout, when history is gone (a line says so), when this member can no longer confirm that it is
 * up to date, or when the client goes.
 */
import type { Resource } from "@flotilla/objects";
import type { KubeApi } from "../api.ts";
import { ApiError, expired } from "../errors.ts";
import { listChunk, watchTimeoutSecondsMin } from "../limits.ts";
import { type ListOptions, parseResourceVersion } from "../registry/list-options.ts";
import { listObjects } from "../registry/read.ts";
import type { Selection } from "../registry/selection.ts";
import { type ObjectChange, ObjectWatch } from "../registry/watch.ts";
import { type Presentation, presentBookmark, presentEvent } from "./present.ts";

export interface WatchTarget {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly selection: Selection;
  readonly options: ListOptions;
  readonly as: Presentation;
}

const words = { added: "ADDED", modified: "MODIFIED", deleted: "DELETED" } as const;

/** Refuses what can be refused before the answer starts, and gives its lines. */
export async function openWatch(
  api: KubeApi,
  target: WatchTarget,
  signal: AbortSignal,
): Promise<AsyncGenerator<string, void>> {
  const { storage } = api.context;
  const { resourceVersion, sendInitialEvents } = target.options;
  const revision = parseResourceVersion(resourceVersion);
  if (resourceVersion === "" || revision > storage.revision) await storage.barrier(signal);
  const fromNow = sendInitialEvents === false && revision === 0;
  if (sendInitialEvents === true || (revision === 0 && !fromNow)) {
    return new WatchLines(api, target, signal).lines(undefined);
  }
  const after = fromNow ? storage.revision : revision;
  if (after < storage.compactRevision) throw tooOld(after, storage.compactRevision);
  return new WatchLines(api, target, signal).lines(after);
}

function tooOld(revision: number, compactRevision: number): ApiError {
  return expired(`too old resource version: ${revision} (${compactRevision})`);
}

class WatchLines {
  readonly #api: KubeApi;
  readonly #target: WatchTarget;
  readonly #signal: AbortSignal;
  #isFirst = true;
  #isOver = false;
  #bookmarkDue = false;

  constructor(api: KubeApi, target: WatchTarget, signal: AbortSignal) {
    this.#api = api;
    this.#target = target;
    this.#signal = signal;
  }

  /** After a revision; undefined = what exists first. Everything is opened and closed in here. */
  async *lines(after: number | undefined): AsyncGenerator<string, void> {
    this.#api.load.watches++;
    try {
      let start = after;
      if (start === undefined) start = yield* this.#existing();
      yield* this.#changes(start);
    } catch (error) {
      if (!this.#signal.aborted) yield this.#error(ApiError.from(error));
    } finally {
      this.#api.load.watches--;
    }
  }

  /** Everything that exists, as added; returns the revision at which it was read. */
  async *#existing(): AsyncGenerator<string, number> {
    const { options, selection, as } = this.#target;
    const page = { ...options, limit: listChunk, resourceVersion: "0", resourceVersionMatch: "" };
    let continuation = "";
    for (;;) {
      const list = await listObjects(
        this.#api.context,
        this.#target,
        selection,
        { ...page, resourceVersion: continuation === "" ? "0" : "", continuation },
        this.#signal,
      );
      const lines = list.items.map((decoded) => this.#line({ kind: "added", decoded }));
      if (lines.length > 0) yield lines.join("");
      continuation = list.continuation;
      if (continuation !== "") continue;
      if (options.sendInitialEvents) yield bookmark(as, list.revision, true);
      return list.revision;
    }
  }

  async *#changes(after: number): AsyncGenerator<string, void> {
    const { context, freshness, timers } = this.#api;
    const watch = new ObjectWatch(context, this.#target, this.#target.selection, after);
    const wake = (): void => watch.wake();
    const abort = (): void => watch.close();
    this.#signal.addEventListener("abort", abort, { once: true });
    const unsubscribe = freshness.subscribe((beat) => {
      if (beat === "stale") this.#isOver = true;
      else this.#bookmarkDue = true;
      wake();
    });
    const cancel = timers.after(this.#timeoutMs(), () => {
      this.#isOver = true;
      wake();
    });
    try {
      if (!this.#signal.aborted) yield* this.#follow(watch);
    } finally {
      cancel();
      unsubscribe();
      this.#signal.removeEventListener("abort", abort);
      watch.close();
    }
  }

  async *#follow(watch: ObjectWatch): AsyncGenerator<string, void> {
    for (;;) {
      const step = await watch.next();
      switch (step.kind) {
        case "changes":
          yield step.changes.map((change) => this.#line(change)).join("");
          if (this.#isOver) return;
          break;
        case "woken":
          if (this.#bookmarkDue && this.#target.options.allowWatchBookmarks) {
            yield bookmark(this.#target.as, step.revision, false);
          }
          this.#bookmarkDue = false;
          if (this.#isOver) return;
          break;
        case "expired":
          yield this.#error(
            expired(`too old resource version: compacted (${step.compactRevision})`),
          );
          return;
        case "closed":
          return;
      }
    }
  }

  #timeoutMs(): number {
    const { timeoutSeconds } = this.#target.options;
    if (timeoutSeconds > 0) return Math.min(timeoutSeconds, timeoutSecondsMax) * 1000;
    // Spread, so that all watches of a start do not come back at the same moment.
    return (watchTimeoutSecondsMin + this.#api.context.random.below(watchTimeoutSecondsMin)) * 1000;
  }

  #line({ kind, decoded }: ObjectChange): string {
    const as = { ...this.#target.as, nowMs: this.#api.context.wallClockMs() }; // Ages go on.
    const object = presentEvent(as, decoded, this.#isFirst);
    this.#isFirst = false;
    return `{"type":"${words[kind]}","object":${object}}\n`;
  }

  #error(error: ApiError): string {
    return `${JSON.stringify({ type: "ERROR", object: error.toStatus() })}\n`;
  }
}

/** A day: timers take no more than 2^31 ms. */
const timeoutSecondsMax = 86_400;

function bookmark(as: Presentation, revision: number, isInitialEnd: boolean): string {
  return `{"type":"BOOKMARK","object":${presentBookmark(as, revision, isInitialEnd)}}\n`;
}
