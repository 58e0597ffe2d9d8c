/**
 * Linearizable reads of this server: all calls of a turn share one round at the leader, and wait
 * until this server has applied what the leader had committed then (Raft thesis section 6.4). Pure.
 */
import { AscendingMap, assert } from "@flotilla/base";
import type { Engine, NodeId, ReadReady } from "@flotilla/consensus";
import type { BarrierOutcome, Cancel } from "./contract.ts";
import { barriersMax, readRoundsMax } from "./limits.ts";
import type { Place } from "./place.ts";

export interface ReadBarriersOptions {
  readonly timeoutMs: number;
  /** What is applied here. */
  readonly appliedIndex: number;
  /** Only a server that is known to hold data may be read from. */
  place(): Place;
  /** A call's time is over. */
  onFailed?(): void;
}

interface Waiter {
  readonly sequence: number;
  readonly deadlineMs: number;
  readonly done: (outcome: BarrierOutcome) => void;
}

export class ReadBarriers {
  readonly #options: ReadBarriersOptions;
  /** All that are not settled, in the order of their deadlines. */
  readonly #waiters = new AscendingMap<Waiter>();
  /** Waits for the next round. */
  #next: Waiter[] = [];
  /** Their round came to nothing: again when there is a leader, or some time has passed. */
  #parked: Waiter[] = [];
  readonly #rounds = new Map<number, readonly Waiter[]>();
  /** Answered, and not applied here yet. */
  #answered: { readonly index: number; readonly waiters: readonly Waiter[] }[] = [];
  #appliedIndex: number;
  #leader: NodeId = "";
  #term = 0;
  #hasLeader = false;
  #lastRequestId = 0;
  #lastSequence = 0;

  constructor(options: ReadBarriersOptions) {
    this.#options = options;
    this.#appliedIndex = options.appliedIndex;
  }

  /** True when {@link flush} has something to do. */
  get hasQueued(): boolean {
    const isRoom = this.#next.length > 0 && this.#rounds.size < readRoundsMax;
    return isRoom && this.#options.place() === "data";
  }

  /** True when {@link barriersMax} are not settled: nothing more is taken in. */
  get isFull(): boolean {
    return this.#waiters.size >= barriersMax;
  }

  /** Takes a call in; its round begins with the next {@link flush}. */
  barrier(nowMs: number, done: (outcome: BarrierOutcome) => void): Cancel {
    assert(!this.isFull, "barriers: whoever reads asks first whether there is room");
    const sequence = ++this.#lastSequence;
    const waiter: Waiter = { sequence, deadlineMs: nowMs + this.#options.timeoutMs, done };
    this.#waiters.add(sequence, waiter);
    this.#next.push(waiter);
    return () => void this.#waiters.delete(sequence);
  }

  /** Starts a round for all that wait for one. */
  flush(engine: Engine): void {
    const waiters = this.#waiting(this.#next);
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
      if (index <= this.#appliedIndex) this.#release(waiters);
      else this.#answered.push({ index, waiters });
    }
    for (const requestId of dropped) {
      this.#park(this.#rounds.get(requestId) ?? []);
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
      if (answer.index <= index) this.#release(answer.waiters);
      else this.#answered.push(answer);
    }
  }

  /** A new leader may answer what the last one dropped; a witness has no answer. */
  observe({ term, leader }: Pick<Engine, "term" | "leader">): void {
    if (this.#waiters.size > 0 && this.#options.place() === "witness") this.#endAll("noData");
    this.#hasLeader = leader !== "";
    if (!this.#hasLeader || (leader === this.#leader && term === this.#term)) return;
    this.#leader = leader;
    this.#term = term;
    this.#unpark();
  }

  /** Ends what has taken too long, and tries again what came to nothing. */
  tick(nowMs: number): void {
    for (const waiter of this.#waiters.values()) {
      if (waiter.deadlineMs > nowMs) break;
      this.#options.onFailed?.();
      this.#settle(waiter, { kind: this.#hasLeader ? "timeout" : "noLeader" });
    }
    this.#unpark();
    // Where no round begins, nobody else lets go of those that are settled.
    if (this.#next.length > this.#waiters.size) this.#next = this.#waiting(this.#next);
  }

  /** Ends everything. */
  stop(): void {
    this.#endAll("stopped");
  }

  /** Without those that were given up, or are settled. */
  #waiting(waiters: Waiter[]): Waiter[] {
    return waiters.filter(({ sequence }) => this.#waiters.get(sequence) !== undefined);
  }

  #endAll(kind: "noData" | "stopped"): void {
    for (const waiter of this.#waiters.values()) this.#settle(waiter, { kind });
  }

  #park(waiters: readonly Waiter[]): void {
    this.#parked = this.#parked.concat(waiters); // They may be more than a call takes arguments.
  }

  #unpark(): void {
    if (this.#parked.length === 0) return;
    this.#next = this.#next.concat(this.#parked);
    this.#parked = [];
  }

  #release(waiters: readonly Waiter[]): void {
    // It may have turned out meanwhile that what was applied here was without its data.
    if (this.#options.place() !== "data") this.#park(waiters);
    else for (const waiter of waiters) this.#settle(waiter, { kind: "ready" });
  }

  #settle(waiter: Waiter, outcome: BarrierOutcome): void {
    // Not when it was given up, or its time is over.
    if (this.#waiters.delete(waiter.sequence) !== undefined) waiter.done(outcome);
  }
}
