/** Removes what a compaction of the key space has left, bit by bit, also when nobody writes. Pure. */
import type { Store } from "@flotilla/store";
import { sweepMs } from "./limits.ts";

export interface SweeperPorts {
  readonly store: Store;
  /** The store is being replaced, or nothing goes on any more. */
  isBusy(): boolean;
  /** Calls back once after `delayMs`. */
  after(delayMs: number, callback: () => void): unknown;
  onFailure(error: unknown): void;
}

export class Sweeper {
  readonly #ports: SweeperPorts;
  #isSweeping = false;

  constructor(ports: SweeperPorts) {
    this.#ports = ports;
  }

  /** Begins, unless it is under way; goes on by itself as long as there is something to remove. */
  sweep(): void {
    if (this.#isSweeping || this.#ports.isBusy()) return;
    try {
      if (!this.#ports.store.compact()) return;
      this.#isSweeping = true;
      this.#ports.after(sweepMs, () => {
        this.#isSweeping = false;
        this.sweep();
      });
    } catch (error) {
      this.#ports.onFailure(error);
    }
  }
}
