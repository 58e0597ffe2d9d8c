/**
 * The way of our messages to one peer: one connection, dialed by us, kept up for ever.
 *
 * Never blocks and never keeps much: what cannot be sent now is dropped and the peer reported
 * unreachable. Raft sends again what still matters.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import type { PeerAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import type { Hello } from "./hello.ts";
import { backoffMaxMs, backoffMinMs, waitingBytesMax } from "./limits.ts";

export interface LinkDeps {
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** Messages were dropped. At most once per call of {@link MessageLink.send} and lost connection. */
  onUnreachable(): void;
}

export class MessageLink {
  readonly #address: PeerAddress;
  readonly #hello: Hello;
  readonly #deps: LinkDeps;
  readonly #stopping = new AbortController();
  #connection: Connection | undefined;
  /** For the first connection, or the next one while it is being made. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dialing = false;
  #failures = 0;
  #lastComplaint = "";

  /** Begins to connect. */
  constructor(address: PeerAddress, hello: Hello, deps: LinkDeps) {
    this.#address = address;
    this.#hello = hello;
    this.#deps = deps;
    void this.#connect();
  }

  /** Sends, or drops and reports. Messages of one turn leave as one write. */
  send(message: Uint8Array): void {
    if (this.#connection !== undefined) {
      if (!this.#connection.send(frameKind.message, message)) this.#deps.onUnreachable();
    } else if (this.#dialing && this.#waitingBytes + message.length <= waitingBytesMax) {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
    } else this.#deps.onUnreachable();
  }

  close(): void {
    this.#stopping.abort();
    this.#connection?.close("this member stops");
  }

  async #connect(): Promise<void> {
    const { timers, logger } = this.#deps;
    const peer = this.#hello.to;
    this.#dialing = true;
    try {
      const connection = await dial(this.#address, this.#hello, {
        timers,
        signal: this.#stopping.signal,
        handlers: { onFrame: () => {}, onClosed: (reason) => this.#lost(reason) },
      });
      this.#dialing = false;
      if (connection.closed) return; // Lost at once: the next attempt is under way.
      this.#failures = 0;
      this.#lastComplaint = "";
      logger.info("peer connected", { peer });
      this.#connection = connection;
      for (const message of this.#takeWaiting()) this.send(message);
    } catch (error) {
      this.#failed(PeerError.from("unreachable", `reach ${peer}`, error));
    }
  }

  #failed(error: PeerError): void {
    this.#dialing = false;
    // The same complaint twice a second tells nobody anything.
    if (this.#lastComplaint !== error.message && !this.#stopping.signal.aborted) {
      this.#lastComplaint = error.message;
      this.#deps.logger.warn("peer unreachable", { peer: this.#hello.to, reason: error.message });
    }
    if (this.#takeWaiting().length > 0) this.#deps.onUnreachable();
    this.#retry();
  }

  #lost(reason: string): void {
    this.#connection = undefined;
    if (this.#stopping.signal.aborted) return;
    this.#deps.logger.warn("peer lost", { peer: this.#hello.to, reason });
    this.#deps.onUnreachable();
    this.#retry();
  }

  /** Waits between half of the backoff and all of it, so that peers do not come back in step. */
  #retry(): void {
    if (this.#stopping.signal.aborted) return;
    const backoffMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures++, 10));
    const half = Math.floor(backoffMs / 2);
    const cancel = this.#deps.timers.after(half + this.#deps.random.below(half + 1), () => {
      this.#stopping.signal.removeEventListener("abort", cancel);
      void this.#connect();
    });
    this.#stopping.signal.addEventListener("abort", cancel);
  }

  #takeWaiting(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }
}
