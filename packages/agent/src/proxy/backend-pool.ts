/**
 * The backends of one frontend: random choice among those that can be reached.
 *
 * A backend that refuses is left out at once, on this node's own experience and without asking the
 * control plane; it is tried in the background with growing intervals and comes back when it answers.
 */
import type { Random, Timers } from "@flotilla/base";
import { type Backend, backendKeyOf } from "./frontends.ts";

/** First interval between attempts to reach a backend that was left out; doubles. */
export const reprobeMsMin = 100;
export const reprobeMsMax = 2_000;

export interface BackendPoolDeps {
  readonly random: Random;
  readonly timers: Timers;
  /** True when a connection to the backend can be made. Never rejects. */
  canConnect(backend: Backend): Promise<boolean>;
}

/** See the file's header. */
export class BackendPool {
  readonly #deps: BackendPoolDeps;
  #backends: readonly Backend[] = [];
  /** Left out, with the way to cancel the next attempt. */
  readonly #ejected = new Map<string, () => void>();
  readonly #waiters = new Set<() => void>();

  constructor(deps: BackendPoolDeps) {
    this.#deps = deps;
  }

  /** Replaces the backends. One that goes takes its history along. */
  update(backends: readonly Backend[]): void {
    this.#backends = backends;
    const present = new Set(backends.map(backendKeyOf));
    for (const key of this.#ejected.keys()) if (!present.has(key)) this.#readmit(key);
    this.#wakeWaiters();
  }

  /** One backend at random, none of `tried`; undefined when there is none now. */
  pick(tried: ReadonlySet<string>): Backend | undefined {
    const candidates = this.#backends.filter((backend) => {
      const key = backendKeyOf(backend);
      return !tried.has(key) && !this.#ejected.has(key);
    });
    if (candidates.length === 0) return undefined;
    return candidates[this.#deps.random.below(candidates.length)];
  }

  /** Leaves `backend` out until it can be reached. */
  eject(backend: Backend): void {
    const key = backendKeyOf(backend);
    if (this.#ejected.has(key) || !this.#has(key)) return;
    this.#scheduleProbe(backend, reprobeMsMin);
  }

  /** Resolves at the next change that may offer a backend, and in any case once the signal aborts. */
  nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        this.#waiters.delete(finish);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      this.#waiters.add(finish);
      signal.addEventListener("abort", finish, { once: true });
      if (signal.aborted) finish();
    });
  }

  close(): void {
    this.update([]);
  }

  #scheduleProbe(backend: Backend, delayMs: number): void {
    const key = backendKeyOf(backend);
    const cancel = this.#deps.timers.after(delayMs, () => void this.#probe(backend, delayMs));
    this.#ejected.set(key, cancel);
  }

  async #probe(backend: Backend, delayMs: number): Promise<void> {
    const key = backendKeyOf(backend);
    const isReachable = await this.#deps.canConnect(backend);
    if (!this.#ejected.has(key)) return; // It was removed in the meantime.
    if (!isReachable) {
      this.#scheduleProbe(backend, Math.min(delayMs * 2, reprobeMsMax));
      return;
    }
    this.#readmit(key);
    this.#wakeWaiters();
  }

  #readmit(key: string): void {
    this.#ejected.get(key)?.();
    this.#ejected.delete(key);
  }

  #has(key: string): boolean {
    return this.#backends.some((backend) => backendKeyOf(backend) === key);
  }

  #wakeWaiters(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}
