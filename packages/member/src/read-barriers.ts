/**
 * Linearizable reads of this member: all calls of a turn share one round at the leader, and wait
 * until this member has applied what the leader had committed then (Raft thesis section 6.4).
 */
import type { Engine, ReadReady } from "@flotilla/consensus";
import type { BarrierOutcome } from "./contract.ts";
import { barriersMax, readRoundsMax } from "./limits.ts";
import { abortError } from "./proposals.ts";

interface Waiter {
  readonly deadlineMs: number;
  readonly settle: (outcome: BarrierOutcome) => void;
}

export class ReadBarriers {
  readonly #timeoutMs: number;
  /** All that are not settled, in the order of their deadlines. */
  readonly #waiters = new Set<Waiter>();
  /** Waits for the next round. */
  #next: Waiter[] = [];
  /** Their round came to nothing: again when there is a leader, or some time has passed. */
  #parked: Waiter[] = [];
  readonly #rounds = new Map<number, readonly Waiter[]>();
  /** Answered, and not applied here yet. */
  #answered: { readonly index: number; readonly waiters: readonly Waiter[] }[] = [];
  #appliedIndex: number;
  #leadership = "";
  #hasLeader = false;
  #lastRequestId = 0;
  #stopped = false;

  constructor(timeoutMs: number, appliedIndex: number) {
    this.#timeoutMs = timeoutMs;
    this.#appliedIndex = appliedIndex;
  }

  /** True when {@link flush} has something to do. */
  get hasQueued(): boolean {
    return this.#next.length > 0 && this.#rounds.size < readRoundsMax;
  }

  /** Rejects only with AbortError. */
  barrier(nowMs: number, signal: AbortSignal | undefined): Promise<BarrierOutcome> {
    if (signal?.aborted) return Promise.reject(abortError());
    if (this.#stopped) return Promise.resolve({ kind: "stopped" });
    if (this.#waiters.size >= barriersMax) return Promise.resolve({ kind: "tooManyRequests" });
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(abortError());
      };
      const waiter: Waiter = {
        deadlineMs: nowMs + this.#timeoutMs,
        settle: (outcome) => {
          this.#waiters.delete(waiter);
          signal?.removeEventListener("abort", onAbort);
          resolve(outcome);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#next.push(waiter);
    });
  }

  /** Starts a round for all that wait for one. */
  flush(engine: Engine): void {
    const waiters = this.#next.filter((waiter) => this.#waiters.has(waiter));
    this.#next = [];
    if (waiters.length === 0) return;
    const requestId = ++this.#lastRequestId;
    this.#rounds.set(requestId, waiters);
    engine.read(requestId);
  }

  /** The engine's answers. */
  take(reads: readonly ReadReady[], dropped: readonly number[]): void {
    for (const { requestId, index } of reads) {
      const waiters = this.#rounds.get(requestId);
      this.#rounds.delete(requestId);
      if (waiters === undefined) continue;
      if (index <= this.#appliedIndex) release(waiters);
      else this.#answered.push({ index, waiters });
    }
    for (const requestId of dropped) {
      this.#parked.push(...(this.#rounds.get(requestId) ?? []));
      this.#rounds.delete(requestId);
    }
  }

  /** Everything up to `index` is applied here. */
  applied(index: number): void {
    this.#appliedIndex = index;
    if (this.#answered.length === 0) return;
    const waiting = this.#answered;
    this.#answered = [];
    for (const answer of waiting) {
      if (answer.index <= index) release(answer.waiters);
      else this.#answered.push(answer);
    }
  }

  /** A new leader may answer what the last one dropped. */
  observe({ term, leader }: { readonly term: number; readonly leader: string }): void {
    const leadership = `${term}/${leader}`;
    this.#hasLeader = leader !== "";
    if (!this.#hasLeader || leadership === this.#leadership) return;
    this.#leadership = leadership;
    this.#unpark();
  }

  /** Ends what has taken too long, and tries again what came to nothing. */
  tick(nowMs: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.deadlineMs > nowMs) break;
      waiter.settle({ kind: this.#hasLeader ? "timeout" : "noLeader" });
    }
    this.#unpark();
  }

  /** Ends everything; nothing is taken in any more. */
  stop(): void {
    this.#stopped = true;
    for (const waiter of [...this.#waiters]) waiter.settle({ kind: "stopped" });
  }

  #unpark(): void {
    this.#next.push(...this.#parked);
    this.#parked = [];
  }
}

function release(waiters: readonly Waiter[]): void {
  for (const waiter of waiters) waiter.settle({ kind: "ready" });
}
