/**
 * Events about pods and the node: best effort, bounded, repeated ones counted instead of multiplied.
 *
 * Source: client-go tools/record (aggregation by object, reason and message). An event that cannot be
 * delivered is dropped: nothing may wait for it.
 */
import type { Logger } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";
import { type Event, events, formatTime, type KubeObject, newEvent } from "@flotilla/objects";
import { reasonOf } from "./errors.ts";

/** Events that wait to be sent; further ones are dropped. */
export const eventQueueMax = 64;
/** Different events that are remembered for counting. */
export const eventMemoryMax = 256;
/** The count of a repeated event is written at most this often. */
export const eventRepeatMsMin = 10_000;

export interface EventRecorderDeps {
  readonly client: ObjectClient;
  /** Wall-clock time. */
  wallNowMs(): number;
  readonly logger: Logger;
  readonly nodeName: string;
}

export interface EventText {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

interface Remembered {
  readonly event: Event;
  count: number;
  sentAtMs: number;
}

/** Sends events one after the other. */
export class EventRecorder {
  readonly #deps: EventRecorderDeps;
  readonly #memory = new Map<string, Remembered>();
  readonly #queue: (() => Promise<unknown>)[] = [];
  #isSending = false;
  #lastNameMs = 0;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
  }

  /** Tells `text` about `object`. Returns at once. */
  record(object: KubeObject, text: EventText): void {
    const key = JSON.stringify([object.metadata.uid, text.reason, text.message]);
    const known = this.#memory.get(key);
    const nowMs = this.#deps.wallNowMs();
    if (known === undefined) this.#recordNew(key, object, text, nowMs);
    else this.#recordAgain(known, nowMs);
  }

  #recordNew(key: string, object: KubeObject, text: EventText, nowMs: number): void {
    // The time is part of the name, so it has to differ between two events of one millisecond.
    this.#lastNameMs = Math.max(nowMs, this.#lastNameMs + 1);
    const event = newEvent(object, {
      ...text,
      component: "kubelet",
      host: this.#deps.nodeName,
      nowMs: this.#lastNameMs,
    });
    this.#memory.set(key, { event, count: 1, sentAtMs: nowMs });
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > eventMemoryMax && oldest !== undefined) this.#memory.delete(oldest);
    this.#enqueue(() => this.#deps.client.create(events, event));
  }

  #recordAgain(known: Remembered, nowMs: number): void {
    known.count++;
    if (nowMs - known.sentAtMs < eventRepeatMsMin) return;
    known.sentAtMs = nowMs;
    const { name, namespace = "default" } = known.event.metadata;
    const patch = { count: known.count, lastTimestamp: formatTime(nowMs) };
    this.#enqueue(() => this.#deps.client.patch(events, { namespace, name }, patch));
  }

  #enqueue(send: () => Promise<unknown>): void {
    if (this.#queue.length >= eventQueueMax) return;
    this.#queue.push(send);
    if (!this.#isSending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isSending = true;
    for (let send = this.#queue.shift(); send !== undefined; send = this.#queue.shift()) {
      try {
        await send();
      } catch (error) {
        this.#deps.logger.debug("event dropped", { reason: reasonOf(error) });
      }
    }
    this.#isSending = false;
  }
}
