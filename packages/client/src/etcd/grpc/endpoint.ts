/**
 * One member as a client reaches it: a connection for calls and others for streams, made when needed,
 * and how long it is left alone after it failed.
 *
 * Streams have connections of their own: a slow reader's flow control never holds up a call.
 */
import type { Clock, Timers } from "@flotilla/base";
import { abortable } from "../abort.ts";
import { pauseMsMax, pauseMsMin, streamsPerConnectionMax } from "../limits.ts";
import { type Attempt, Connection, type MessageStream } from "./connection.ts";
import type { CallOutcome } from "./outcome.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface EndpointOptions {
  readonly tls: TlsOptions;
  readonly connectMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

export class Endpoint {
  readonly url: string;
  readonly #options: EndpointOptions;
  #calls: Connection | undefined;
  #streams: Connection[] = [];
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
    if (this.#calls?.isUsable !== true) this.#calls = this.#connect();
    const connection = this.#calls;
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
    this.#streams = this.#streams.filter((one) => one.isUsable);
    let connection = this.#streams.find((one) => one.streams < streamsPerConnectionMax);
    if (connection === undefined) {
      connection = this.#connect();
      this.#streams.push(connection);
    }
    const reason = await abortable(connection.ready, signal);
    return reason === undefined ? connection.stream(path, metadata) : { reason };
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

  close(): void {
    this.#calls?.close();
    for (const connection of this.#streams) connection.close();
  }

  #connect(): Connection {
    return new Connection({ url: this.url, ...this.#options });
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
