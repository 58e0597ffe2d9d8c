/**
 * The watches of one stream. Source: etcd server/etcdserver/api/v3rpc/watch.go.
 *
 * A watch holds a position in the store, not a queue: when the store wakes it, it joins the line, and
 * watches in line take turns of bounded size for as long as the client keeps up. Everything is
 * written to one ordered stream, so "created" precedes events and a progress answer follows every
 * event that it covers.
 */
import { compareBytes, failpoint } from "@flotilla/base";
import type { WriterCall } from "@flotilla/grpc";
import type { WatchBatch, WatchEvent, Watcher } from "@flotilla/store";
import { watchRefusal } from "../auth/watch-refusal.ts";
import {
  type EncodedEvents,
  type WatchAnswer,
  type WatchCreate,
  type WatchId,
  type WatchMessage,
  writeWatchAnswer,
} from "../codec/watch.ts";
import type { ServiceContext } from "../context.ts";
import { rpcErrors } from "../errors.ts";
import { messageOverheadBytes, watchesPerStreamMax, watchTurnBytes } from "../limits.ts";
import { type EventsAnswer, fragmentsOf } from "./watch-fragments.ts";
import type { TurnTaker, WatchTurns } from "./watch-turns.ts";

/** The id of an answer that belongs to no watch. */
const noWatch = -1;
/** From the first key on. */
const lowestKey = new Uint8Array(1);
/** Spreads the periodic notifications of many streams by up to a tenth of their interval. */
const jitterParts = 1000;

interface Watch {
  readonly id: WatchId;
  readonly watcher: Watcher;
  readonly fragment: boolean;
  readonly prevKv: boolean;
  readonly progressNotify: boolean;
  /** 0 = it started with what came next. */
  readonly startRevision: number;
  /** Whether it had events since the last periodic notification. */
  eventsSent: boolean;
}

/** What all streams have in common. */
export interface StreamShared {
  readonly context: ServiceContext;
  readonly encoded: EncodedEvents;
  readonly turns: WatchTurns;
}

/** Serves one client stream; lives from its first request to {@link close}. */
export class WatchStream implements TurnTaker {
  readonly #context: ServiceContext;
  readonly #call: WriterCall;
  readonly #encoded: EncodedEvents;
  readonly #turns: WatchTurns;
  readonly #watches = new Map<WatchId, Watch>();
  /** Ids of watches that compactions have ended: taken, as in etcd, until their client cancels them. */
  readonly #spentIds = new Set<WatchId>();
  /** Watches that have something to give, in the order of their turns. */
  readonly #ready = new Set<Watch>();
  #nextId = 0;
  /** Fragments of a revision of which some are sent. */
  #fragments: Generator<EventsAnswer, void, void> | undefined;
  #pumping = false;
  #progressWanted = false;
  #cancelTimer: (() => void) | undefined;

  constructor(shared: StreamShared, call: WriterCall) {
    this.#context = shared.context;
    this.#call = call;
    this.#encoded = shared.encoded;
    this.#turns = shared.turns;
    shared.context.counts.opened(this);
  }

  /** Watches that wait for their turn. */
  get lagging(): number {
    return this.#ready.size;
  }

  /** One request of the client; the next one has to wait for a promise. */
  handle(message: WatchMessage): Promise<void> | undefined {
    if (message === undefined || this.#call.ended) return undefined;
    if (message.kind === "create") return this.#createJudged(message);
    if (message.kind === "cancel") this.#cancel(message.watchId);
    else {
      this.#progressWanted = true;
      this.#schedulePump();
    }
    return undefined;
  }

  /** Ends every watch. */
  close(): void {
    this.#cancelTimer?.();
    for (const { watcher } of this.#watches.values()) watcher.close();
    this.#context.counts.closed(this);
    this.#context.counts.watchers.add(-this.#watches.size);
    this.#watches.clear();
    this.#ready.clear();
    this.#fragments = undefined;
  }

  /** Who may watch is asked once: what he sees later he sees by the rights of that time, as in etcd. */
  #createJudged(request: WatchCreate): Promise<void> | undefined {
    const { authority } = this.#context;
    if (!authority.isEnabled || request.startRevision < 0) {
      this.#create(request);
      return undefined;
    }
    const range = { key: keyOf(request), rangeEnd: request.rangeEnd };
    return watchRefusal(authority, this.#call, range).then((refusal) => {
      if (!this.#call.ended) this.#create(request, refusal);
    });
  }

  #create(request: WatchCreate, refusal?: string): void {
    const reason = refusal ?? this.#faultOf(request);
    if (reason !== undefined) {
      this.#write({ watchId: noWatch, created: true, canceled: true, cancelReason: reason });
      return;
    }
    const id = request.watchId === 0 ? this.#chooseId() : request.watchId;
    // Said before the watcher exists: whatever it gives comes later on the same stream.
    this.#write({ watchId: id, created: true });
    const watch: Watch = {
      id,
      watcher: this.#context.member.store.watch(
        {
          key: keyOf(request),
          rangeEnd: request.rangeEnd,
          startRevision: request.startRevision,
          prevKv: request.prevKv,
          noPut: request.noPut,
          noDelete: request.noDelete,
        },
        () => this.#wake(watch),
      ),
      fragment: request.fragment,
      prevKv: request.prevKv,
      progressNotify: request.progressNotify,
      startRevision: request.startRevision,
      eventsSent: false,
    };
    this.#watches.set(id, watch);
    this.#context.counts.watchers.add(1);
    if (watch.progressNotify && this.#cancelTimer === undefined) this.#scheduleProgress();
    this.#wake(watch);
  }

  /** Why a watch cannot be created; the texts are etcd's. */
  #faultOf(request: WatchCreate): string | undefined {
    if (request.startRevision < 0) return rpcErrors.compacted[1];
    const { rangeEnd } = request;
    const openEnded = rangeEnd.length === 0 || (rangeEnd.length === 1 && rangeEnd[0] === 0);
    if (!openEnded && compareBytes(keyOf(request), rangeEnd) >= 0) {
      return "mvcc: watcher range is empty";
    }
    if (request.watchId !== 0 && this.#isTaken(request.watchId)) {
      return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    if (this.#watches.size + this.#spentIds.size >= watchesPerStreamMax)
      return rpcErrors.tooManyRequests[1];
    return undefined;
  }

  #chooseId(): number {
    while (this.#isTaken(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #isTaken(id: WatchId): boolean {
    return this.#watches.has(id) || this.#spentIds.has(id);
  }

  #cancel(id: WatchId): void {
    const watch = this.#watches.get(id);
    if (watch !== undefined) this.#drop(watch);
    else if (!this.#spentIds.delete(id)) return;
    this.#write({ watchId: id, canceled: true });
  }

  #drop(watch: Watch): void {
    watch.watcher.close();
    if (this.#watches.delete(watch.id)) this.#context.counts.watchers.add(-1);
    this.#ready.delete(watch);
  }

  /** Called by the store in the middle of its work: only notes it. */
  #wake(watch: Watch): void {
    this.#ready.add(watch);
    this.#schedulePump();
  }

  #schedulePump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#turns.join(this);
  }

  /** Gives, until nothing is ready, or the client has enough for now, or others have waited long enough. */
  takeTurn(endMs: number): boolean {
    if (!this.#sendFragments()) return this.#waitForClient();
    for (const watch of this.#ready) {
      this.#ready.delete(watch); // Back at the end of the line if it has more.
      if (!this.#give(watch)) return this.#waitForClient();
      if (this.#ready.size > 0 && this.#context.timers.nowMs() >= endMs) return true;
    }
    this.#pumping = false;
    if (this.#progressWanted) this.#answerProgress();
    return false;
  }

  #waitForClient(): false {
    this.#call.drained().then(
      () => this.#turns.join(this),
      () => {}, // Never rejects.
    );
    return false;
  }

  /** False when the client should be waited for. */
  #give(watch: Watch): boolean {
    if (this.#call.ended) return true;
    const batch = watch.watcher.take(watchTurnBytes);
    if (batch === undefined) return true;
    if (batch.kind === "compacted") return this.#endCompacted(watch, batch.compactRevision);
    if (!watch.watcher.synced) this.#ready.add(watch);
    return this.#sendBatch(watch, batch);
  }

  #sendBatch(watch: Watch, batch: Extract<WatchBatch, { kind: "events" }>): boolean {
    if (batch.events.length === 0) return true;
    watch.eventsSent = true;
    this.#context.counts.events.add(batch.events.length);
    failpoint("beforeSendWatchResponse");
    const events = watch.prevKv ? this.#withoutCompacted(batch.events) : batch.events;
    const encodeAnswer = (some: readonly WatchEvent[], fragment: boolean): EventsAnswer => ({
      head: this.#encode(batch.revision, { watchId: watch.id, fragment }),
      events: this.#encoded.of(some),
    });
    if (!watch.fragment) return this.#writeEvents(encodeAnswer(events, false));
    const bytesMax = this.#context.options.maxRequestBytes + messageOverheadBytes;
    this.#fragments = fragmentsOf(events, bytesMax, encodeAnswer);
    return this.#sendFragments();
  }

  /** Goes on with a revision in parts. False when the client should be waited for. */
  #sendFragments(): boolean {
    while (this.#fragments !== undefined) {
      const { value, done } = this.#fragments.next();
      if (done) this.#fragments = undefined;
      else if (!this.#writeEvents(value)) return false;
    }
    return true;
  }

  #writeEvents({ head, events }: EventsAnswer): boolean {
    return this.#call.write(head, events);
  }

  /** What a compaction has made unreadable is no longer told as what was there before, as in etcd. */
  #withoutCompacted(events: readonly WatchEvent[]): readonly WatchEvent[] {
    const { compactRevision } = this.#context.member.store;
    const isHidden = ({ kv }: WatchEvent): boolean => kv.modRevision <= compactRevision;
    const [first] = events;
    if (first === undefined || !isHidden(first)) return events;
    return events.map((event) => (isHidden(event) ? { ...event, previous: undefined } : event));
  }

  /** What it still needed is gone: never skip, say so. The header carries no revision, as in etcd. */
  #endCompacted(watch: Watch, compactRevision: number): boolean {
    this.#drop(watch);
    this.#spentIds.add(watch.id);
    return this.#call.write(
      this.#encode(0, { watchId: watch.id, canceled: true, compactRevision }),
    );
  }

  /** One answer for the stream, once every watch has given all there is; none without watches. */
  #answerProgress(): void {
    const { revision } = this.#context.member.store;
    const watches = [...this.#watches.values()];
    if (!watches.every(({ watcher }) => watcher.synced)) return; // Asked again after the next pump.
    this.#progressWanted = false;
    if (watches.length === 0 || watches.some((watch) => watch.startRevision > revision)) return;
    this.#write({ watchId: noWatch });
  }

  #scheduleProgress(): void {
    const { timers, random, options } = this.#context;
    const jitter = random.below(jitterParts) / (10 * jitterParts);
    this.#cancelTimer = timers.after(options.progressIntervalMs * (1 + jitter), () => {
      this.#notifyProgress();
      this.#scheduleProgress();
    });
  }

  /** Tells quiet watches how far they are, so that a client can resume without history. */
  #notifyProgress(): void {
    const { revision } = this.#context.member.store;
    for (const watch of this.#watches.values()) {
      const quiet = !watch.eventsSent;
      watch.eventsSent = false;
      if (!watch.progressNotify || !quiet) continue;
      if (watch.watcher.synced && watch.startRevision <= revision)
        this.#write({ watchId: watch.id });
    }
  }

  #write(answer: WatchAnswer): void {
    this.#call.write(this.#encode(this.#context.member.store.revision, answer));
  }

  #encode(revision: number, answer: WatchAnswer): Uint8Array {
    return this.#context.answer(revision, (writer) => writeWatchAnswer(writer, answer));
  }
}

function keyOf(request: WatchCreate): Uint8Array {
  return request.key.length === 0 ? lowestKey : request.key;
}
