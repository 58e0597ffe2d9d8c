/**
 * A bound on frames that cost the server something and bring no call forward: PING and SETTINGS
 * (both are answered), RST_STREAM (CVE-2023-44487) and what makes the server send one
 * (CVE-2025-8671), empty DATA, PRIORITY, unknown.
 *
 * A token bucket, filled by time, and by each frame of a response: honest clients ping about once
 * per round trip while data flows (grpc-go measures bandwidth that way), which is never a flood.
 */
import type { Clock } from "@flotilla/base";
import { Http2Error, http2Code } from "./http2-error.ts";

/** Counts for one connection. */
export class FloodGuard {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMs: number;
  /** Frames of responses that were sent, since the beginning. */
  earned = 0;
  #tokens: number;
  #filledAtMs: number;

  constructor(clock: Clock, options: { readonly burst: number; readonly perSecond: number }) {
    this.#clock = clock;
    this.#burst = options.burst;
    this.#perMs = options.perSecond / 1000;
    this.#tokens = options.burst;
    this.#filledAtMs = clock.nowMs();
  }

  /** One such frame arrived. False when it was one too many. */
  take(): boolean {
    if (this.#tokens < 1) this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** As {@link take}; throws ENHANCE_YOUR_CALM when it was one too many. */
  spend(what: string): void {
    if (!this.take()) throw new Http2Error(http2Code.enhanceYourCalm, `too many: ${what}`);
  }

  /** A frame of a response was sent. */
  earn(): void {
    this.earned++;
    if (this.#tokens < this.#burst) this.#tokens++;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
  }
}
