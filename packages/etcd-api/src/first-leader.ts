/**
 * Calls that ask for a leader (`hasleader`) at a member that has known none since it started.
 *
 * etcd takes connections only once its member has found the others: there such a call waits to be
 * connected. Here it waits for the first leader. "No leader" would be the end of it: etcd's clients
 * begin a watch anew after any other UNAVAILABLE, and give it up after this one.
 */
import type { Call, Timers } from "@flotilla/grpc";
import { RpcError } from "./errors.ts";
import { firstLeaderCheckMs, leaderLossElections } from "./limits.ts";

/** Collaborators and options. */
export interface FirstLeaderDeps {
  readonly timers: Timers;
  readonly electionMs: number;
  hasLeader(): boolean;
}

/** One call. */
interface Wait {
  readonly endMs: number;
  readonly settle: (error?: RpcError) => void;
}

/** One timer for all calls, until there is a leader. */
export class FirstLeader {
  readonly #deps: FirstLeaderDeps;
  readonly #waitMs: number;
  readonly #waits = new Set<Wait>();
  #cancelTimer: (() => void) | undefined;

  constructor(deps: FirstLeaderDeps) {
    this.#deps = deps;
    this.#waitMs = leaderLossElections * deps.electionMs;
    if (!deps.hasLeader()) this.#schedule();
  }

  /** Whether the first one is still waited for. */
  get isAwaited(): boolean {
    return this.#cancelTimer !== undefined;
  }

  /**
   * Resolves at the first leader; ends in an {@link RpcError} when there is none in time, and when the call
   * has ended.
   */
  forCall(call: Pick<Call, "signal">): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => wait.settle(new RpcError("stopped")); // Nobody is told.
      const wait: Wait = {
        endMs: this.#deps.timers.nowMs() + this.#waitMs,
        settle: (error) => {
          this.#waits.delete(wait);
          call.signal.removeEventListener("abort", onAbort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waits.add(wait);
      call.signal.addEventListener("abort", onAbort);
      if (call.signal.aborted) onAbort();
    });
  }

  /** Ends all waits. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const wait of this.#waits) wait.settle(new RpcError("stopped"));
  }

  #schedule(): void {
    this.#cancelTimer = this.#deps.timers.after(firstLeaderCheckMs, () => this.#look());
  }

  #look(): void {
    if (this.#deps.hasLeader()) {
      this.#cancelTimer = undefined;
      for (const wait of this.#waits) wait.settle();
      return;
    }
    const nowMs = this.#deps.timers.nowMs();
    for (const wait of this.#waits) {
      if (nowMs >= wait.endMs) wait.settle(new RpcError("unhealthy"));
    }
    this.#schedule();
  }
}
