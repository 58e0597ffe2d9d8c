/** A lock that one program of many holds, and that ends with its lease. */
import type { Compare } from "@flotilla/store";
import { Claim, type ClaimOptions } from "./claim.ts";
import type { EtcdClient } from "./client.ts";
import { noBytes } from "./keys.ts";
import type { CallOptions } from "./options.ts";

/**
 * Held until it is released or its lease is lost. A program may be stopped for longer than its lease
 * lives and not know it: what it writes under the lock has to be fenced, in the store by
 * {@link isHeld}, elsewhere by {@link token}.
 */
export class Lock {
  readonly #claim: Claim;

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  static async acquire(client: EtcdClient, name: string, options: ClaimOptions): Promise<Lock> {
    return new Lock(await Claim.first(client, `${name}/`, { ...options, value: noBytes }));
  }

  /** The fencing token: greater than that of every earlier holder of the same lock. */
  get token(): number {
    return this.#claim.token;
  }

  /** The key that stands for the lock while it is held. */
  get key(): string {
    return this.#claim.key;
  }

  /** Aborts when the lock is lost without having been released. */
  get lost(): AbortSignal {
    return this.#claim.lost;
  }

  /** A comparison that holds exactly as long as the lock does: for the transactions of its holder. */
  isHeld(): Compare {
    return this.#claim.isHeld();
  }

  /** Lets the next one have it. */
  release(options: CallOptions = {}): Promise<void> {
    return this.#claim.release(options);
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
