/**
 * Small questions to one peer, each with one answer, on one connection that is made when needed.
 *
 * A request or a response begins with 4 bytes of its number; the number is the caller's.
 */
import { concatBytes, type Timers, textOf, utf8 } from "@flotilla/base";
import type { Connection } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { frameKind } from "./frames.ts";
import { callsMax } from "./limits.ts";

/** What became of a call. */
export type CallOutcome =
  | { readonly kind: "answered"; readonly response: Uint8Array }
  /** Not known whether the peer has seen it. */
  | { readonly kind: "failed"; readonly reason: string };

/** The caller's side. */
export class CallChannel {
  readonly #timers: Timers;
  /** Connects; the handlers are the channel's. */
  readonly #dial: (handlers: {
    onFrame(kind: number, body: Uint8Array): void;
    onClosed(reason: string): void;
  }) => Promise<Connection>;
  readonly #pending = new Map<number, (outcome: CallOutcome) => void>();
  #connecting: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #lastNumber = 0;

  constructor(
    timers: Timers,
    dial: (handlers: {
      onFrame(kind: number, body: Uint8Array): void;
      onClosed(reason: string): void;
    }) => Promise<Connection>,
  ) {
    this.#timers = timers;
    this.#dial = dial;
  }

  /** Asks, and resolves after `timeoutMs` at the latest. Never rejects. */
  call(request: Uint8Array, timeoutMs: number): Promise<CallOutcome> {
    if (this.#pending.size >= callsMax) return Promise.resolve(failed("too many calls in flight"));
    this.#lastNumber = (this.#lastNumber + 1) % 0x1_0000_0000;
    const number = this.#lastNumber;
    return new Promise((resolve) => {
      const stopTimer = this.#timers.after(timeoutMs, () =>
        this.#settle(number, failed("timeout")),
      );
      this.#pending.set(number, (outcome) => {
        stopTimer();
        resolve(outcome);
      });
      this.#send(number, request);
    });
  }

  close(reason: string): void {
    this.#connection?.close(reason);
    this.#failAll(reason);
  }

  #send(number: number, request: Uint8Array): void {
    const send = (connection: Connection): void => {
      if (!this.#pending.has(number)) return;
      if (!connection.send(frameKind.request, numbered(number, request))) {
        this.#settle(number, failed("too much waits to be sent"));
      }
    };
    if (this.#connection !== undefined) {
      send(this.#connection);
      return;
    }
    this.#connecting ??= this.#connect();
    this.#connecting.then(send, (error: unknown) => {
      const { message } = PeerError.from("unreachable", "call", error);
      this.#settle(number, failed(message));
    });
  }

  async #connect(): Promise<Connection> {
    try {
      const connection = await this.#dial({
        onFrame: (kind, body) => this.#answered(kind, body),
        onClosed: (reason) => {
          this.#connection = undefined;
          this.#failAll(reason);
        },
      });
      connection.bePatient(); // Many calls come in one turn, each from a client of its own.
      if (!connection.closed) this.#connection = connection;
      return connection;
    } finally {
      this.#connecting = undefined;
    }
  }

  #answered(kind: number, body: Uint8Array): void {
    const number = numberOf(body);
    if (number === undefined) return;
    const response = body.subarray(4);
    if (kind === frameKind.response) this.#settle(number, { kind: "answered", response });
    else if (kind === frameKind.failure) this.#settle(number, failed(textOf(response)));
  }

  #settle(number: number, outcome: CallOutcome): void {
    const settle = this.#pending.get(number);
    this.#pending.delete(number);
    settle?.(outcome);
  }

  #failAll(reason: string): void {
    for (const number of [...this.#pending.keys()]) this.#settle(number, failed(reason));
  }
}

/** The other side: answers the requests of one connection, several at a time, in any order. */
export class CallServer {
  readonly #connection: Connection;
  readonly #answer: (request: Uint8Array) => Promise<Uint8Array>;
  #inFlight = 0;

  constructor(connection: Connection, answer: (request: Uint8Array) => Promise<Uint8Array>) {
    this.#connection = connection;
    this.#answer = answer;
  }

  onFrame(kind: number, body: Uint8Array): void {
    const number = numberOf(body);
    if (kind !== frameKind.request || number === undefined) return;
    void this.#serve(number, body.subarray(4));
  }

  async #serve(number: number, request: Uint8Array): Promise<void> {
    if (this.#inFlight >= callsMax) {
      this.#connection.send(frameKind.failure, numbered(number, utf8("busy")));
      return;
    }
    this.#inFlight++;
    try {
      const response = await this.#answer(request);
      this.#connection.send(frameKind.response, numbered(number, response));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#connection.send(frameKind.failure, numbered(number, utf8(reason)));
    } finally {
      this.#inFlight--;
    }
  }
}

function numbered(number: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, number, true);
  return concatBytes([head, body]);
}

function numberOf(body: Uint8Array): number | undefined {
  if (body.length < 4) return undefined;
  return new DataView(body.buffer, body.byteOffset, 4).getUint32(0, true);
}

function failed(reason: string): CallOutcome {
  return { kind: "failed", reason };
}
