/** Time that only moves when told: timers run in order, and what they cause is awaited in between. */
import type { Timers } from "@flotilla/base";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A monotonic clock, a wall clock and timers, all virtual. */
export class VirtualTime {
  /** The wall clock at virtual time 0. */
  static readonly epochMs = Date.UTC(2030, 0, 1);
  readonly timers: Timers = { after: (delayMs, callback) => this.#after(delayMs, callback) };
  #nowMs = 0;
  #order = 0;
  #pending: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallNowMs(): number {
    return VirtualTime.epochMs + this.#nowMs;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Lets `durationMs` pass; `until` ends it early. */
  async advance(durationMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (;;) {
      if (until()) return;
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#pending.splice(this.#pending.indexOf(next), 1);
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }

  #after(delayMs: number, callback: () => void): () => void {
    const pending = { atMs: this.#nowMs + delayMs, order: this.#order++, callback };
    this.#pending.push(pending);
    return () => {
      const at = this.#pending.indexOf(pending);
      if (at >= 0) this.#pending.splice(at, 1);
    };
  }

  #next(): Pending | undefined {
    let next: Pending | undefined;
    for (const each of this.#pending) {
      if (next === undefined || each.atMs < next.atMs) next = each;
      else if (each.atMs === next.atMs && each.order < next.order) next = each;
    }
    return next;
  }
}

/** Resolves when every promise that can resolve has done so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
