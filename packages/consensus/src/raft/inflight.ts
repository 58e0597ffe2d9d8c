/**
 * The appends on their way to one follower: a window of messages and of bytes.
 *
 * A ring that grows to what is used, in the order of sending. Source: etcd/raft tracker/inflights.go.
 */
import { assert } from "@flotilla/base";
import type { LogIndex } from "../contract.ts";

/** How much may be on its way. */
export interface Window {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

/** What was sent and not yet acknowledged. */
export class Inflight {
  readonly #window: Window;
  #lastIndexes: LogIndex[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  constructor(window: Window) {
    this.#window = window;
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head;
  }

  /** True when nothing more may be sent. A single message may exceed the window of bytes. */
  get full(): boolean {
    return (
      this.count >= this.#window.inflightMessagesMax || this.#bytes >= this.#window.inflightBytesMax
    );
  }

  /** Notes an append that ends at `lastIndex` and carries `bytes` of entries. */
  add(lastIndex: LogIndex, bytes: number): void {
    assert(!this.full, "inflight: the window is full");
    this.#lastIndexes.push(lastIndex);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** The follower has everything up to `matchIndex`: frees what ends there or before. */
  acknowledge(matchIndex: LogIndex): void {
    while (this.count > 0 && (this.#lastIndexes[this.#head] as LogIndex) <= matchIndex) {
      this.#bytes -= this.#sizes[this.#head] as number;
      this.#head++;
    }
    if (2 * this.#head <= this.#lastIndexes.length) return;
    this.#lastIndexes = this.#lastIndexes.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }

  /** Nothing is on its way any more, or it is not worth waiting for. */
  clear(): void {
    this.#lastIndexes = [];
    this.#sizes = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
