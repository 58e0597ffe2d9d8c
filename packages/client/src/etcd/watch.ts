/**
 * A watch as an async iterable that outlives members: streams come and go, the position stays.
 *
 * What the consumer has not taken is kept up to a bound; beyond it nothing more is read, and the
 * member serves the rest from its history when there is room again.
 */
import type { WatchEvent } from "@flotilla/store";
import { abortable, type LinkedSignal, linkSignals, onAborted, sleep } from "./abort.ts";
import type { Channel } from "./channel.ts";
import { decodeWith } from "./codec/header.ts";
import {
  encodeProgressRequest,
  encodeWatchCreate,
  readWatchResponse,
  type WatchSubject,
} from "./codec/watch.ts";
import { EtcdError } from "./errors.ts";
import type { MessageStream } from "./grpc/connection.ts";
import { StreamFailure } from "./grpc/outcome.ts";
import { pauseMsMax, pauseMsMin, watchProgressMs, watchQueueBytesMax } from "./limits.ts";
import { decideStreamRetry } from "./retry.ts";
import { WatchPosition } from "./watch-position.ts";

/** Events in order: whole revisions, none missing, none twice. */
export interface WatchBatch {
  /** Empty in a notice of progress. */
  readonly events: readonly WatchEvent[];
  /** Everything up to it was told. A later watch that starts one beyond it goes on from here. */
  readonly revision: number;
}

export interface WatchOptions {
  /** First revision wanted. Default: what comes next. */
  readonly startRevision?: number;
  /** Each event with what the key held before. Default false. */
  readonly prevKv?: boolean;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Batches without events, too, whenever a member says how far it is. Default false. */
  readonly progress?: boolean;
  /** Ends the watch; the iteration then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a watch needs beside what is watched. */
export interface WatchDeps {
  readonly channel: Channel;
  /** Takes the namespace away. */
  readonly outOf: (event: WatchEvent) => WatchEvent;
}

const path = "/etcdserverpb.Watch/Watch";

/**
 * Begins at once, whether or not anybody iterates, and is iterated once. Waits for members as long as
 * there is none, until it is closed or its signal aborts.
 */
export class Watch implements AsyncIterableIterator<WatchBatch> {
  /**
   * The revision with which the watch begins, once a member watches: every change from there on will
   * be told. Rejects when the watch ends before.
   */
  readonly ready: Promise<number>;
  readonly #deps: WatchDeps;
  readonly #subject: WatchSubject;
  readonly #wantsProgress: boolean;
  readonly #position: WatchPosition;
  readonly #closing = new AbortController();
  readonly #link: LinkedSignal;
  readonly #signal: AbortSignal;
  readonly #queue: WatchBatch[] = [];
  #queueBytes = 0;
  /** Wakes whoever waits for the queue to change, on either side of it. */
  #wake: () => void = () => {};
  #changed: Promise<void> = Promise.resolve();
  /** Streams in a row that told nothing. */
  #fruitless = 0;
  #isOver = false;
  /** Why it is over; undefined when it was closed. */
  #error: unknown;
  #isReady: (revision: number) => void = () => {};
  #isNotReady: (error: unknown) => void = () => {};

  constructor(deps: WatchDeps, subject: WatchSubject, options: WatchOptions) {
    this.#deps = deps;
    this.#subject = subject;
    this.#wantsProgress = options.progress ?? false;
    this.#position = new WatchPosition(options.startRevision ?? 0);
    this.#link = linkSignals(this.#closing.signal, options.signal, deps.channel.closing);
    this.#signal = this.#link.signal;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isNotReady = reject;
    });
    this.ready.catch(() => {}); // The iteration throws it, too.
    this.#renew();
    void this.#run();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchBatch, undefined>> {
    for (;;) {
      const batch = this.#queue.shift();
      if (batch !== undefined) {
        this.#queueBytes -= sizeOf(batch);
        this.#notify();
        return { done: false, value: batch };
      }
      if (this.#isOver) {
        const error = this.#error;
        this.#error = undefined; // Thrown once, as a generator would.
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await this.#changed;
    }
  }

  /** What `break` in a `for await` calls. */
  async return(): Promise<IteratorResult<WatchBatch, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends the watch; an iteration under way ends, too. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queue.length = 0;
    this.#queueBytes = 0;
    const reason = new EtcdError("closed", "The watch was closed");
    this.#isNotReady(reason);
    this.#closing.abort(reason);
    this.#notify();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      while (!this.#isOver) await this.#follow();
    } catch (error) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#error = error;
      this.#isNotReady(error);
      this.#notify();
    } finally {
      this.#link.release();
    }
  }

  /** One stream to its end. Throws when there shall be no other. */
  async #follow(): Promise<void> {
    const { channel } = this.#deps;
    await this.#pause();
    const stream = await channel.stream(path, { signal: this.#signal });
    const stopListening = onAborted(this.#signal, () => stream.close());
    const stopAsking = this.#askProgress(stream);
    try {
      stream.send(encodeWatchCreate(this.#subject, this.#position.next));
      await this.#read(stream);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof StreamFailure)) throw error;
      stream.report(error.failure);
      const fatal = decideStreamRetry(error.failure, channel.hasCredentials);
      if (fatal !== undefined) throw fatal;
    } finally {
      stopAsking();
      stopListening();
      stream.close();
      this.#position.interrupted();
    }
    this.#signal.throwIfAborted();
  }

  /** The next stream comes at once, but not for ever: members may end each of them. */
  async #pause(): Promise<void> {
    const before = this.#fruitless++;
    if (before < 2) return;
    const pauseMs = Math.min(pauseMsMin * 2 ** (before - 2), pauseMsMax);
    await sleep(this.#deps.channel.deps.timers, pauseMs, this.#signal);
  }

  async #read(stream: MessageStream): Promise<void> {
    for await (const message of stream.messages) {
      const step = this.#position.take(decodeWith(message, readWatchResponse));
      if (step.kind === "events" || step.kind === "progress") this.#fruitless = 0;
      switch (step.kind) {
        case "created":
          this.#isReady(this.#position.next);
          break;
        case "events":
          this.#push({ events: step.events.map(this.#deps.outOf), revision: step.revision });
          break;
        case "progress":
          if (this.#wantsProgress) this.#push({ events: [], revision: step.revision });
          break;
        case "nothing":
          break;
        case "again":
          throw new StreamFailure({
            kind: "status",
            ...(step.isAboutToken ? tokenRefused : canceled),
          });
        case "over":
          throw step.error;
      }
      while (this.#queueBytes > watchQueueBytesMax) await abortable(this.#changed, this.#signal);
    }
    // A member that ends a watch in peace is one that stops.
    throw new StreamFailure({ kind: "lost", reason: "the member ended the watch" });
  }

  /** Now and then, so that a quiet watch knows how far it is. Returns the way to stop. */
  #askProgress(stream: MessageStream): () => void {
    const { timers } = this.#deps.channel.deps;
    let cancel = (): void => {};
    const schedule = (): void => {
      cancel = timers.after(watchProgressMs, () => {
        stream.send(encodeProgressRequest());
        schedule();
      });
    };
    schedule();
    return () => cancel();
  }

  #push(batch: WatchBatch): void {
    this.#queue.push(batch);
    this.#queueBytes += sizeOf(batch);
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#renew();
    wake();
  }

  #renew(): void {
    this.#changed = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** What a cancellation stands for that says nothing else. */
const canceled = { status: 14, text: "etcdserver: watch canceled" };
const tokenRefused = { status: 16, text: "etcdserver: invalid auth token" };

/** Of an event beside its key and value. */
const eventOverheadBytes = 128;

function sizeOf({ events }: WatchBatch): number {
  let bytes = eventOverheadBytes;
  for (const { kv, previous } of events) {
    bytes += eventOverheadBytes + kv.key.length + kv.value.length + (previous?.value.length ?? 0);
  }
  return bytes;
}
