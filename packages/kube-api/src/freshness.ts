/**
 * Is this member up to date? One beat for all watches.
 *
 * A member that is cut off keeps its watches open and has nothing to say: its clients would live on
 * old state without knowing. So every beat asks for a read barrier. A confirmed beat becomes a
 * bookmark; when none was confirmed for too long the watches are ended, and clients go elsewhere.
 */

import type { Timers } from "@flotilla/base";
import type { Storage } from "./storage.ts";

export type Beat = "fresh" | "stale";

export interface FreshnessOptions {
  readonly intervalMs: number;
  /** Without a confirmation for so long, beats are stale. */
  readonly staleMs: number;
}

export class Freshness {
  readonly #storage: Storage;
  readonly #timers: Timers;
  readonly #options: FreshnessOptions;
  readonly #listeners = new Set<(beat: Beat) => void>();
  #cancel: (() => void) | undefined;
  #asking = false;
  #missed = 0;

  constructor(storage: Storage, timers: Timers, options: FreshnessOptions) {
    this.#storage = storage;
    this.#timers = timers;
    this.#options = options;
  }

  /** Told each beat: `fresh` when everything acknowledged before it is here, `stale` when that is long in doubt. Returns the way to stop. */
  subscribe(listener: (beat: Beat) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #start(): void {
    this.#missed = 0;
    this.#schedule();
  }

  #schedule(): void {
    this.#cancel = this.#timers.after(this.#options.intervalMs, () => {
      this.#beat();
      this.#schedule();
    });
  }

  #beat(): void {
    this.#missed++;
    if (this.#missed * this.#options.intervalMs > this.#options.staleMs) this.#tell("stale");
    if (this.#asking) return; // The last question is still open: that is a missed beat.
    this.#asking = true;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      await this.#storage.barrier();
      this.#missed = 0;
      this.#tell("fresh");
    } catch {
      // Not confirmed: counted as missed.
    } finally {
      this.#asking = false;
    }
  }

  #tell(beat: Beat): void {
    for (const listener of [...this.#listeners]) listener(beat);
  }
}
