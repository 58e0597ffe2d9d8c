/**
 * One member as a client reaches it: a connection for calls and others for streams, made when needed,
 * and how long it is left alone after it failed.
 *
 * Streams have connections of their own: a slow reader's flow control never holds up a call.
 */
import type { Clock, Timers } from "@flotilla/base";
import { abortable } from "../abort.ts";
import { pauseMsMax, pauseMsMin } from "../limits.ts";
import { type Attempt, Connection, type MessageStream } from "./connection.ts";
import type { CallOutcome } from "./outcome.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface EndpointOptions {
  readonly tls: TlsOptions;
  readonly connectMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

const notUsed = "the client does not use this member any more";

export class Endpoint {
  readonly url: string;
  readonly #options: EndpointOptions;
  /** Until they are closed: those that are not used any more may still have calls. */
  readonly #calls = new Set<Connection>();
  readonly #streams = new Set<Connection>();
  #isClosed = false;
  #failures = 0;
  #pausedUntilMs = 0;

  constructor(url: string, options: EndpointOptions) {
    this.url = url;
    this.#options = options;
  }

  /** When it may be tried again, on the clock that `failed` was told. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** Rejects only with the reason of the attempt's signal. */
  async call(attempt: Attempt): Promise<CallOutcome> {
    // Whoever chose it may have waited since.
    if (this.#isClosed) return { kind: "notSent", reason: notUsed };
    const connection = pick(this.#calls, (one) => one.isUsable) ?? this.#connect(this.#calls);
    if (connection.isReady) return connection.call(attempt);
    const { clock } = this.#options;
    const beganMs = clock.nowMs();
    const reason = await abortable(this.#readyWithin(connection, attempt), attempt.signal);
    if (reason !== undefined) return { kind: "notSent", reason };
    const timeoutMs = attempt.timeoutMs - (clock.nowMs() - beganMs);
    return connection.call({ ...attempt, timeoutMs: Math.max(1, timeoutMs) });
  }

  /** A stream, or why none can be opened. */
  async stream(
    path: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<MessageStream | { readonly reason: string }> {
    while (!this.#isClosed) {
      const known = pick(this.#streams, (one) => one.isUsable && one.hasRoom);
      const connection = known ?? this.#connect(this.#streams);
      const reason = await abortable(connection.ready, signal);
      if (reason !== undefined) return { reason };
      // Many may have waited for the same one.
      if (connection.hasRoom) return connection.stream(path, metadata);
    }
    return { reason: notUsed };
  }

  /** It works: the next failure is its first. */
  worked(): void {
    this.#failures = 0;
    this.#pausedUntilMs = 0;
  }

  /** It does not: leave it alone for a while. `spread` in [0, 1) keeps clients apart. */
  failed(nowMs: number, spread: number): void {
    const pauseMs = Math.min(pauseMsMin * 2 ** this.#failures, pauseMsMax);
    this.#failures++;
    this.#pausedUntilMs = nowMs + pauseMs * (0.5 + spread / 2);
  }

  /** Ends all calls and streams, and takes no more. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#streams, ...this.#calls]) connection.close();
  }

  /** Ends streams, which go on elsewhere; calls come to their end. Takes no more. */
  leave(): void {
    this.#isClosed = true;
    for (const connection of this.#streams) connection.close();
    for (const connection of this.#calls) connection.retire();
  }

  #connect(kind: Set<Connection>): Connection {
    const connection = new Connection({ url: this.url, ...this.#options });
    kind.add(connection);
    void connection.closed.then(() => kind.delete(connection));
    return connection;
  }

  /** The connection is made for whoever comes next, also when this attempt has no time for it. */
  #readyWithin(connection: Connection, { timeoutMs }: Attempt): Promise<string | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(timeoutMs, () => {
        resolve(`no connection to ${this.url} in ${Math.ceil(timeoutMs)} ms`);
      });
      void connection.ready.then((reason) => {
        cancel();
        resolve(reason);
      });
    });
  }
}

function pick<T>(items: Iterable<T>, fits: (item: T) => boolean): T | undefined {
  for (const item of items) if (fits(item)) return item;
  return undefined;
}
