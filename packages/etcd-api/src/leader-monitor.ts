/**
 * Ends the streams of clients that asked for a leader (`hasleader`) once there has been none for
 * three election time-outs, so that they try another member. etcd api/v3rpc/interceptor.go.
 */
import type { Timers } from "@flotilla/grpc";
import { leaderCheckMs, leaderLossElections } from "./limits.ts";

/** One timer for all streams; it runs only while there are any. */
export class LeaderMonitor {
  readonly #timers: Timers;
  readonly #hasLeader: () => boolean;
  readonly #lossMs: number;
  readonly #listeners = new Set<() => void>();
  #cancelTimer: (() => void) | undefined;
  #lostAtMs: number | undefined;

  constructor(timers: Timers, hasLeader: () => boolean, electionMs: number) {
    this.#timers = timers;
    this.#lossMs = leaderLossElections * electionMs;
    this.#hasLeader = hasLeader;
  }

  /** Calls `onLost` when the leader has been missing for too long. Returns the way to stop it. */
  watch(onLost: () => void): () => void {
    this.#listeners.add(onLost);
    if (this.#cancelTimer === undefined) this.#schedule();
    return () => {
      this.#listeners.delete(onLost);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #schedule(): void {
    this.#cancelTimer = this.#timers.after(Math.min(leaderCheckMs, this.#lossMs / 2), () => {
      this.#check();
      if (this.#listeners.size === 0) this.#stop();
      else this.#schedule();
    });
  }

  #check(): void {
    if (this.#hasLeader()) {
      this.#lostAtMs = undefined;
      return;
    }
    const nowMs = this.#timers.nowMs();
    this.#lostAtMs ??= nowMs;
    if (nowMs - this.#lostAtMs < this.#lossMs) return;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const onLost of listeners) onLost();
  }

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#lostAtMs = undefined;
  }
}
