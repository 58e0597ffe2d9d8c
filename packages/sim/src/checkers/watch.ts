/**
 * What watchers were told, against what has happened: every change of their keys, once, in order,
 * whole revisions, also when they go on at another server.
 *
 * O(events told + events due), with the logarithm of the history for each batch. Pure.
 */
import type { NodeId } from "@flotilla/consensus";
import { type Violation, violation } from "../oracles/violation.ts";
import type { KeyEvent, StoreHistory } from "./history.ts";
import { StoreTimeline } from "./store-timeline.ts";

/** One watch on one server, from its opening to its end. */
export interface WatchStream {
  readonly server: NodeId;
  /** First revision wanted; 0 = from now on. */
  readonly startRevision: number;
  /** Of the server when it was opened: "from now on" is what comes after. */
  readonly openedRevision: number;
  /** As taken: whole revisions, everything up to `revision` given. */
  readonly batches: readonly WatchBatch[];
  /** Present when the server ended it so, with the revision it named. */
  readonly compactedAt: number | undefined;
}

/** What a stream gave at once. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchedEvent[];
}

/** A change, and the revision that made it. */
export type WatchedEvent = KeyEvent & { readonly revision: number };

/** One watcher of one client: its streams, each resumed after the last revision given by those before. */
export interface WatchHistory {
  readonly client: number;
  /** Keys `from` <= key < `to` in the order of code units; `to` undefined: only `from`. */
  readonly from: string;
  readonly to: string | undefined;
  readonly streams: readonly WatchStream[];
  /** Up to which revision it must have been told by now; 0 when nothing is demanded. */
  readonly dueRevision: number;
}

/** The first promise that a watcher saw broken. `compactRevision`: the highest that was ever compacted. */
export function checkWatches(
  watches: readonly WatchHistory[],
  history: StoreHistory,
  compactRevision: number,
): Violation | undefined {
  const timeline = new StoreTimeline(history);
  for (const watch of watches) {
    const found = new WatchCheck(watch, timeline, compactRevision).run();
    if (found !== undefined) return found;
  }
  return undefined;
}

class WatchCheck {
  readonly #watch: WatchHistory;
  readonly #timeline: StoreTimeline;
  readonly #compactRevision: number;
  /** Where its client goes on, all before being told or compacted; undefined while it knows of nothing. */
  #next: number | undefined;
  /** From which revision on its last stream owes it every change. */
  #owedFrom = 0;

  constructor(watch: WatchHistory, timeline: StoreTimeline, compactRevision: number) {
    this.#watch = watch;
    this.#timeline = timeline;
    this.#compactRevision = compactRevision;
  }

  run(): Violation | undefined {
    for (const stream of this.#watch.streams) {
      const found = this.#checkStart(stream) ?? this.#checkBatches(stream);
      if (found !== undefined) return found;
    }
    return this.#checkDue();
  }

  #checkStart(stream: WatchStream): Violation | undefined {
    const { startRevision } = stream;
    if (this.#next !== undefined && startRevision !== this.#next) {
      return this.#broken(stream, `it goes on at ${startRevision} and needs ${this.#next}`);
    }
    if (startRevision > 0) this.#next = startRevision;
    this.#owedFrom = this.#next ?? stream.openedRevision + 1;
    return undefined;
  }

  #checkBatches(stream: WatchStream): Violation | undefined {
    for (const batch of stream.batches) {
      const found = this.#checkBatch(stream, batch, this.#owedFrom);
      if (found !== undefined) return found;
      this.#owedFrom = Math.max(this.#owedFrom, batch.revision + 1);
      this.#next = this.#owedFrom;
    }
    const { compactedAt } = stream;
    if (compactedAt === undefined) return undefined;
    const needed = this.#owedFrom;
    if (needed >= compactedAt || compactedAt > this.#compactRevision) {
      return this.#broken(
        stream,
        `it was told that ${compactedAt} is compacted; it needed ${needed}, and ${this.#compactRevision} is the highest that was`,
      );
    }
    this.#next = compactedAt;
    this.#owedFrom = compactedAt;
    return undefined;
  }

  #checkBatch(stream: WatchStream, batch: WatchBatch, next: number): Violation | undefined {
    const { revision, events } = batch;
    if (revision > this.#timeline.lastRevision) {
      return this.#broken(stream, `it was given revision ${revision}, which nobody has applied`);
    }
    const due = this.#due(next - 1, revision);
    for (let at = 0; at < Math.max(due.length, events.length); at++) {
      const [told, want] = [events[at], due[at]];
      if (told !== undefined && want !== undefined && isSame(told, want)) continue;
      return this.#broken(
        stream,
        `the change after revision ${at === 0 ? next - 1 : due[at - 1]?.revision} in what it was given up to ${revision} is ${textOf(told)} and should be ${textOf(want)}`,
      );
    }
    return undefined;
  }

  /** What must be told about the time after `after`, up to `last`. */
  #due(after: number, last: number): readonly WatchedEvent[] {
    const due: WatchedEvent[] = [];
    for (const { revision, events } of this.#timeline.between(after, last)) {
      for (const event of events) if (this.#covers(event.key)) due.push({ ...event, revision });
    }
    return due;
  }

  #covers(key: string): boolean {
    const { from, to } = this.#watch;
    return to === undefined ? key === from : key >= from && key < to;
  }

  #checkDue(): Violation | undefined {
    const { dueRevision, streams } = this.#watch;
    const last = streams.at(-1);
    if (last === undefined) return undefined;
    const missing = this.#due(this.#owedFrom - 1, dueRevision)[0];
    if (missing === undefined) return undefined;
    return this.#broken(last, `it was never told of ${textOf(missing)}`);
  }

  #broken(stream: WatchStream, facts: string): Violation {
    const { client, from, to } = this.#watch;
    const keys = to === undefined ? from : `${from} to ${to}`;
    return violation(
      "watch",
      `client ${client} watches ${keys} at ${stream.server} from ${stream.startRevision}: ${facts}`,
    );
  }
}

function isSame(left: WatchedEvent, right: WatchedEvent): boolean {
  return (
    left.revision === right.revision &&
    left.kind === right.kind &&
    left.key === right.key &&
    left.value === right.value
  );
}

function textOf(event: WatchedEvent | undefined): string {
  if (event === undefined) return "nothing";
  const { kind, key, value, revision } = event;
  return `${kind} ${key}${value === undefined ? "" : `=${value}`} at ${revision}`;
}
