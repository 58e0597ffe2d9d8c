/** The calls of a connection, and what is remembered of those that are over. Pure bookkeeping. */
import { AscendingMap } from "@flotilla/base";
import type { CallStream } from "./call-stream.ts";

/** Streams that were reset lately: frames already on their way are no error (RFC 9113 section 5.1). */
const recentResetsMax = 1024;

/** Calls by stream id. */
export class CallTable {
  readonly #calls = new AscendingMap<CallStream>();
  readonly #recentResets = new Set<number>();
  readonly #callsMax: number;
  /** The highest stream that the client has opened. */
  lastStreamId = 0;
  /** Handlers that have started and not ended: those of cancelled calls are among them. */
  handlersRunning = 0;

  constructor(callsMax: number) {
    this.#callsMax = callsMax;
  }

  get size(): number {
    return this.#calls.size;
  }

  get isFull(): boolean {
    return this.#calls.size >= this.#callsMax || this.handlersRunning >= this.#callsMax;
  }

  get(streamId: number): CallStream | undefined {
    return this.#calls.get(streamId);
  }

  /** A copy: what is done to the calls may remove them. */
  all(): CallStream[] {
    return this.#calls.values();
  }

  /** Of those with a message that is not complete, the one that the client has opened first. */
  oldestReceiving(): CallStream | undefined {
    return this.#calls.find(({ isReceiving }) => isReceiving);
  }

  add(call: CallStream): void {
    this.#calls.add(call.id, call);
  }

  /** The call that was there. */
  remove(streamId: number): CallStream | undefined {
    return this.#calls.delete(streamId);
  }

  clear(): void {
    this.#calls.clear();
  }

  rememberReset(streamId: number): void {
    this.#recentResets.add(streamId);
    if (this.#recentResets.size <= recentResetsMax) return;
    for (const oldest of this.#recentResets) {
      this.#recentResets.delete(oldest);
      break;
    }
  }

  wasReset(streamId: number): boolean {
    return this.#recentResets.has(streamId);
  }
}
