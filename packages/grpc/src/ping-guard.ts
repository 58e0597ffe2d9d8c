/**
 * Keep-alive pings: how often a client may send them.
 *
 * Source: grpc/proposal A8 and A9, and grpc-go's server: a PING that comes too early is a strike, what
 * the server sends on a stream forgives all of them, and the third strike ends the connection. Clients
 * know the text and double their interval. Pure but for the clock.
 */
import type { Clock } from "@flotilla/base";
import { Http2Error, http2Code } from "./http2-error.ts";

/** One more ends the connection. */
const strikesMax = 2;
/** The interval for a client that has no call open. */
const intervalMsWithoutCalls = 2 * 60 * 60_000;

/** What the guard must know of the connection at each PING. */
export interface PingCircumstances {
  readonly hasCalls: boolean;
  /** Counts what was sent on streams, since the beginning. */
  readonly responseFrames: number;
}

/** How often. */
export interface PingGuardOptions {
  /** 0: as often as {@link FloodGuard} lets. */
  readonly intervalMsMin: number;
  /** Whether the same interval holds for a client without calls; otherwise its interval is 2 hours. */
  readonly withoutCalls: boolean;
}

/** Counts for one connection. */
export class PingGuard {
  readonly #clock: Clock;
  readonly #options: PingGuardOptions;
  #lastMs = Number.NEGATIVE_INFINITY;
  #responseFramesSeen = 0;
  #strikes = 0;

  constructor(clock: Clock, options: PingGuardOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** A PING came that is no answer. Throws ENHANCE_YOUR_CALM when it was one too many. */
  take({ hasCalls, responseFrames }: PingCircumstances): void {
    const { intervalMsMin, withoutCalls } = this.#options;
    if (intervalMsMin === 0) return;
    const nowMs = this.#clock.nowMs();
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (responseFrames !== this.#responseFramesSeen) {
      this.#responseFramesSeen = responseFrames;
      this.#strikes = 0;
      return;
    }
    const wantedMs = hasCalls || withoutCalls ? intervalMsMin : intervalMsWithoutCalls;
    if (sinceMs < wantedMs) this.#strikes++;
    if (this.#strikes <= strikesMax) return;
    throw new Http2Error(http2Code.enhanceYourCalm, "too_many_pings");
  }
}
