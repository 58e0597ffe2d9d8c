/**
 * A one-way stream of frames to one peer: one connection, dialed by us, kept up until it is closed.
 *
 * Never blocks and never keeps much: what cannot be sent now is dropped and reported. Whoever sends
 * does so again where it still matters.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import type { TlsMaterial } from "@flotilla/pki";
import type { AddressPicker } from "./address-picker.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import type { Hello } from "./hello.ts";
import {
  backoffMaxMs,
  backoffMinMs,
  bulkBufferBytesMax,
  sendBufferBytesMax,
  waitingBytesMax,
} from "./limits.ts";
import type { PeerMeters } from "./peer-metrics.ts";

/** The two kinds of streams; each is a {@link Purpose} of connections. */
export type Lane = "messages" | "bulk";

const lanes = {
  messages: { frame: frameKind.message, bufferBytesMax: sendBufferBytesMax, waitingBytesMax },
  bulk: {
    frame: frameKind.bulk,
    bufferBytesMax: bulkBufferBytesMax,
    waitingBytesMax: bulkBufferBytesMax,
  },
} as const;

export interface LinkDeps {
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly tls: TlsMaterial | undefined;
  /** Where the state of this stream is shown; undefined for one that is not shown. */
  readonly meters: PeerMeters | undefined;
  /** Frames were dropped. At most once per call of {@link Link.send} and lost connection. */
  onDropped(): void;
}

export class Link {
  readonly #addresses: AddressPicker;
  readonly #hello: Hello;
  readonly #lane: (typeof lanes)[Lane];
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
  constructor(addresses: AddressPicker, hello: Hello & { readonly purpose: Lane }, deps: LinkDeps) {
    this.#addresses = addresses;
    this.#hello = hello;
    this.#lane = lanes[hello.purpose];
    this.#deps = deps;
    void this.#connect();
  }

  /** Sends, or drops and reports. Frames of one turn leave as one write. */
  send(body: Uint8Array): void {
    const { frame, bufferBytesMax, waitingBytesMax } = this.#lane;
    if (this.#connection !== undefined) {
      if (!this.#connection.send(frame, body, bufferBytesMax)) this.#deps.onDropped();
    } else if (this.#dialing && this.#waitingBytes + body.length <= waitingBytesMax) {
      this.#waiting.push(body);
      this.#waitingBytes += body.length;
    } else this.#deps.onDropped();
  }

  close(reason: string): void {
    this.#stopping.abort();
    this.#connection?.close(reason);
  }

  async #connect(): Promise<void> {
    const { timers, logger, tls } = this.#deps;
    const { to: peer, purpose } = this.#hello;
    const address = this.#addresses.present;
    this.#dialing = true;
    try {
      const connection = await dial(address, this.#hello, {
        timers,
        signal: this.#stopping.signal,
        tls,
        handlers: { onFrame: () => {}, onClosed: (reason) => this.#lost(reason) },
      });
      this.#dialing = false;
      if (connection.closed) return; // Lost at once: the next attempt is under way.
      this.#failures = 0;
      this.#lastComplaint = "";
      logger.info("peer connected", { peer, purpose });
      this.#connection = connection;
      this.#connected(connection);
      for (const body of this.#takeWaiting()) this.send(body);
    } catch (error) {
      this.#addresses.failed(address);
      this.#failed(PeerError.from("unreachable", `reach ${peer}`, error));
    }
  }

  #connected(connection: Connection): void {
    const { meters } = this.#deps;
    if (meters === undefined) return;
    meters.active.set(1);
    connection.measure((seconds) => meters.roundTripSeconds.observe(seconds));
  }

  #failed(error: PeerError): void {
    this.#dialing = false;
    if (this.#stopping.signal.aborted) return;
    // The same complaint twice a second tells nobody anything.
    if (this.#lastComplaint !== error.message) {
      this.#lastComplaint = error.message;
      this.#deps.logger.warn("peer unreachable", { peer: this.#hello.to, reason: error.message });
    }
    if (this.#takeWaiting().length > 0) this.#deps.onDropped();
    this.#retry();
  }

  #lost(reason: string): void {
    this.#connection = undefined;
    this.#deps.meters?.active.set(0);
    this.#deps.meters?.disconnected.add();
    if (this.#stopping.signal.aborted) return;
    this.#deps.logger.warn("peer lost", { peer: this.#hello.to, reason });
    this.#deps.onDropped();
    this.#retry();
  }

  /** Waits between half of the backoff and all of it, so that peers do not come back in step. */
  #retry(): void {
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
