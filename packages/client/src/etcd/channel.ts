/**
 * Calls to any of several equal members: which one is asked, and what is done when it does not answer.
 *
 * The one that worked is kept. One that failed is left alone for a while, longer each time. What
 * follows from a failure is decided in `retry.ts`.
 */
import { abortable, linkSignals, sleep } from "./abort.ts";
import { EtcdError, isEtcdError, serverError } from "./errors.ts";
import type { MessageStream } from "./grpc/connection.ts";
import { Endpoint, type EndpointOptions } from "./grpc/endpoint.ts";
import { type CallFailure, describeFailure } from "./grpc/outcome.ts";
import {
  connectMsDefault,
  requestMsDefault,
  silenceMs,
  timeoutMsMax,
  tokenRefreshesMax,
} from "./limits.ts";
import type { CallOptions, EtcdClientDeps, EtcdClientOptions } from "./options.ts";
import { decideRetry } from "./retry.ts";
import { Token } from "./token.ts";

/** What a call says of itself. */
export interface RpcOptions extends CallOptions {
  /** Sent twice it does no more than sent once: reads, renewals, and what is fenced by itself. */
  readonly isRepeatable: boolean;
  /** Only this member. */
  readonly endpoint?: string;
  /** A member that says nothing for so long is left for the next, if the call is repeatable. Default 3,000. */
  readonly silenceMs?: number;
}

/** What a stream says of itself. */
export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Only this member. */
  readonly endpoint?: string;
  /** Until a member is reached. Default: for as long as it takes. */
  readonly timeoutMs?: number;
  /** False: a member may serve it that knows no leader. Default true. */
  readonly needsLeader?: boolean;
}

/** A stream whose owner tells how it ended, for the choice of the next one. */
export interface ReportingStream extends MessageStream {
  /** Makes its member the last choice for a while, or its token forgotten. */
  report(failure: CallFailure): void;
}

/** Metadata by which a member ends a stream once it has had no leader for a while. */
const requireLeader = { hasleader: "true" };

export class Channel {
  readonly deps: EtcdClientDeps;
  readonly #options: EndpointOptions;
  readonly #requestMs: number;
  readonly #attemptsMax: number;
  readonly #token: Token;
  readonly #closing = new AbortController();
  #endpoints: readonly Endpoint[] = [];
  /** Whom the last call worked with. */
  #current = 0;

  constructor(options: EtcdClientOptions, deps: EtcdClientDeps) {
    this.deps = deps;
    this.#options = {
      tls: options.tls ?? {},
      connectMs: options.connectTimeoutMs ?? connectMsDefault,
      clock: deps.clock,
      timers: deps.timers,
    };
    this.#requestMs = options.requestTimeoutMs ?? requestMsDefault;
    this.#attemptsMax = options.attemptsMax ?? Number.POSITIVE_INFINITY;
    this.#token = new Token(options.credentials);
    this.setEndpoints(options.endpoints);
  }

  /** Aborts when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get hasCredentials(): boolean {
    return this.#token.hasCredentials;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints.map(({ url }) => url);
  }

  /** From now on these members; connections to those that stay stay. */
  setEndpoints(urls: readonly string[]): void {
    if (urls.length === 0) throw new EtcdError("badArgument", "There has to be an endpoint");
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.url, endpoint]));
    const current = this.#endpoints[this.#current];
    const wanted = [...new Set(urls.map(checkedUrl))];
    this.#endpoints = wanted.map((url) => known.get(url) ?? new Endpoint(url, this.#options));
    for (const [url, endpoint] of known) if (!wanted.includes(url)) endpoint.leave();
    // Clients that start, or follow the same change, do not all turn to the same member.
    const at = wanted.indexOf(current?.url ?? "");
    this.#current = at >= 0 ? at : this.deps.random.below(wanted.length);
  }

  /** One request, one answer. Rejects with {@link EtcdError} or the reason of a signal. */
  async unary(path: string, request: Uint8Array, options: RpcOptions): Promise<Uint8Array> {
    const { clock } = this.deps;
    const wholeMs = Math.min(options.timeoutMs ?? this.#requestMs, timeoutMsMax);
    const deadlineMs = clock.nowMs() + wholeMs;
    const { signal } = options;
    const retryCase = {
      isRepeatable: options.isRepeatable,
      hasCredentials: this.#token.hasCredentials,
    };
    let failure: CallFailure = { kind: "notSent", reason: "no member could be asked" };
    let refreshes = 0;
    let silences = 0;
    let attempts = 0;
    for (;;) {
      this.#checkOpen();
      signal?.throwIfAborted();
      const endpoint = await this.#take(deadlineMs, options);
      if (endpoint === undefined) throw unavailable(failure);
      const token = this.#token.hasCredentials
        ? await this.#tokenFor(path, deadlineMs, signal)
        : undefined;
      const leftMs = deadlineMs - clock.nowMs();
      if (leftMs <= 0) throw unavailable(failure);
      const outcome = await endpoint.call({
        path,
        metadata: metadataOf(token),
        message: request,
        timeoutMs: leftMs,
        silenceMs: this.#silenceMs(options, silences),
        signal,
      });
      if (outcome.kind === "answered") {
        this.#worked(endpoint);
        return outcome.message;
      }
      failure = outcome;
      if (outcome.kind === "timeout") silences++;
      const decision = decideRetry(outcome, retryCase);
      if (decision.kind === "fail") {
        if (decision.error.code === "outcomeUnknown") this.#failed(endpoint);
        throw decision.error;
      }
      if (decision.kind === "elsewhere") {
        this.#failed(endpoint);
        if (++attempts >= this.#attemptsMax) throw unavailable(outcome);
      } else if (++refreshes > tokenRefreshesMax) throw refused(outcome);
      else this.#token.forget(token);
    }
  }

  /**
   * A stream at whichever member can be reached. Rejects with the reason of `signal`, `closed`,
   * `unavailable` when none was reached in time, or what a member said of the user.
   */
  async stream(path: string, options: StreamOptions): Promise<ReportingStream> {
    const { timeoutMs = Number.POSITIVE_INFINITY } = options;
    const deadlineMs = this.deps.clock.nowMs() + timeoutMs;
    let reason = "no member could be asked";
    for (let attempts = 1; ; attempts++) {
      this.#checkOpen();
      options.signal?.throwIfAborted();
      const endpoint = await this.#take(deadlineMs, options);
      if (endpoint === undefined) throw unavailable({ kind: "notSent", reason });
      const opened = await this.#open(path, endpoint, options);
      if (!("reason" in opened)) return opened;
      reason = opened.reason;
      this.#failed(endpoint);
      if (attempts >= this.#attemptsMax) throw unavailable({ kind: "notSent", reason });
    }
  }

  /** Ends all calls with `closed`. */
  close(): void {
    this.#closing.abort(new EtcdError("closed", "The client was closed"));
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  /** For the next attempt, after so many that ended in silence. */
  #silenceMs(options: RpcOptions, silences: number): number {
    const { length } = this.#candidates(options.endpoint);
    if (!options.isRepeatable || length === 1) return Number.POSITIVE_INFINITY;
    return (options.silenceMs ?? silenceMs) * 2 ** Math.floor(silences / length);
  }

  async #open(
    path: string,
    endpoint: Endpoint,
    { signal, needsLeader = true }: StreamOptions,
  ): Promise<ReportingStream | { readonly reason: string }> {
    let token: string | undefined;
    if (this.#token.hasCredentials) {
      try {
        const deadlineMs = this.deps.clock.nowMs() + this.#requestMs;
        token = await this.#tokenFor(path, deadlineMs, signal);
      } catch (error) {
        if (!isEtcdError(error, "unavailable")) throw error;
        return { reason: error.message };
      }
    }
    const metadata = { ...(needsLeader ? requireLeader : {}), ...metadataOf(token) };
    const opened = await endpoint.stream(path, metadata, signal);
    return "reason" in opened ? opened : this.#reporting(opened, endpoint, token);
  }

  #reporting(
    stream: MessageStream,
    endpoint: Endpoint,
    token: string | undefined,
  ): ReportingStream {
    const { hasCredentials } = this;
    return {
      ...stream,
      messages: this.#observed(stream.messages, endpoint),
      report: (failure) => {
        const decision = decideRetry(failure, { isRepeatable: true, hasCredentials });
        if (decision.kind === "newToken") this.#token.forget(token);
        else this.#failed(endpoint);
      },
    };
  }

  async *#observed(
    messages: AsyncIterable<Uint8Array>,
    endpoint: Endpoint,
  ): AsyncGenerator<Uint8Array> {
    for await (const message of messages) {
      this.#worked(endpoint);
      yield message;
    }
  }

  /** The next member to ask, once one may be asked; undefined when that is after the deadline. */
  async #take(
    deadlineMs: number,
    options: { readonly signal?: AbortSignal; readonly endpoint?: string },
  ): Promise<Endpoint | undefined> {
    const { clock, timers } = this.deps;
    for (;;) {
      const nowMs = clock.nowMs();
      const current = this.#endpoints[this.#current];
      if (options.endpoint === undefined && current !== undefined) {
        if (current.pausedUntilMs <= nowMs) return current;
      }
      const candidates = this.#candidates(options.endpoint);
      const ready = candidates.find((endpoint) => endpoint.pausedUntilMs <= nowMs);
      if (ready !== undefined) return ready;
      const nextMs = Math.min(...candidates.map((endpoint) => endpoint.pausedUntilMs));
      if (nextMs >= deadlineMs) return undefined;
      const link = linkSignals(options.signal, this.closing);
      await sleep(timers, nextMs - nowMs, link.signal).finally(link.release);
    }
  }

  /** In the order in which they are asked. */
  #candidates(url: string | undefined): readonly Endpoint[] {
    if (url === undefined) {
      return [...this.#endpoints.slice(this.#current), ...this.#endpoints.slice(0, this.#current)];
    }
    const found = this.#endpoints.find((endpoint) => endpoint.url === checkedUrl(url));
    if (found !== undefined) return [found];
    throw new EtcdError("badArgument", `${url} is not an endpoint of this client`);
  }

  #worked(endpoint: Endpoint): void {
    endpoint.worked();
    const at = this.#endpoints.indexOf(endpoint);
    if (at >= 0) this.#current = at;
  }

  #failed(endpoint: Endpoint): void {
    const { clock, random } = this.deps;
    endpoint.failed(clock.nowMs(), random.below(1024) / 1024);
    const at = this.#endpoints.indexOf(endpoint);
    if (at === this.#current) this.#current = (at + 1) % this.#endpoints.length;
  }

  async #tokenFor(
    path: string,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    if (path === Token.path) return undefined;
    const { known } = this.#token;
    if (known !== undefined) return known.token;
    // Others may wait for the same answer, and longer.
    const ask = (request: Uint8Array): Promise<Uint8Array> =>
      this.unary(Token.path, request, { isRepeatable: true });
    const late = new AbortController();
    const { clock, timers } = this.deps;
    const cancel = timers.after(deadlineMs - clock.nowMs(), () => {
      late.abort(unavailable({ kind: "timeout" }));
    });
    const link = linkSignals(signal, late.signal);
    return abortable(this.#token.get(ask), link.signal).finally(() => {
      cancel();
      link.release();
    });
  }

  #checkOpen(): void {
    this.closing.throwIfAborted();
  }
}

function metadataOf(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { token };
}

function unavailable(last: CallFailure): EtcdError {
  const reason = describeFailure(last);
  return new EtcdError("unavailable", `No member answered in time; the last attempt: ${reason}`, {
    status: last.kind === "status" ? last.status : 0,
    cause: new Error(reason),
  });
}

function refused(failure: CallFailure): EtcdError {
  return failure.kind === "status"
    ? serverError(failure.status, failure.text)
    : unavailable(failure);
}

function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed.origin;
  throw new EtcdError(
    "badArgument",
    `"${url}" is not an endpoint: http(s)://host:port is expected`,
  );
}
