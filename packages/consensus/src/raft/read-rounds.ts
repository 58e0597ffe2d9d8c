/**
 * The reads that wait on a leader, grouped into rounds.
 *
 * Every heartbeat carries a number, which comes back on its answer; a round is one of these numbers,
 * and a later one confirms it as well. The
 * counter belongs to one leadership, so that an answer can only ever confirm reads that were
 * registered before its heartbeat left. Caller-supplied tokens cannot promise that: an old answer
 * to a retried token confirmed a new read in etcd for years (etcd #20418).
 *
 * Source: Raft thesis section 6.4; etcd/raft read_only.go after its rewrite. Pure bookkeeping.
 */
import type { LogIndex, NodeId } from "../contract.ts";

/** Who asked; `requestId` is theirs. */
export interface ReadRequest {
  readonly from: NodeId;
  readonly requestId: number;
}

interface Round {
  readonly number: number;
  /** The commit index when the round began. */
  readonly index: LogIndex;
  readonly requests: readonly ReadRequest[];
}

/** Reads whose round a quorum has confirmed. */
export interface ConfirmedReads {
  readonly index: LogIndex;
  readonly requests: readonly ReadRequest[];
}

export class ReadRounds {
  readonly #pendingMax: number;
  #waiting: ReadRequest[] = [];
  #rounds: Round[] = [];
  #pendingCount = 0;
  #current = 0;

  constructor(pendingMax: number) {
    this.#pendingMax = pendingMax;
  }

  /** The latest number; 0 before the first. */
  get current(): number {
    return this.#current;
  }

  /** The number of the next heartbeat, whether reads wait for it or not. */
  next(): number {
    this.#current++;
    return this.#current;
  }

  get hasOpen(): boolean {
    return this.#rounds.length > 0;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Registers a read for the next round; false when too many wait. */
  add(request: ReadRequest): boolean {
    if (this.#pendingCount >= this.#pendingMax) return false;
    this.#pendingCount++;
    this.#waiting.push(request);
    return true;
  }

  /** All reads that wait become one round, to be served at `index`. Returns its number. */
  begin(index: LogIndex): number {
    const number = this.next();
    this.#rounds.push({ number, index, requests: this.#waiting });
    this.#waiting = [];
    return number;
  }

  /** The reads that wait, to be served at once; they are not pending any more. */
  serveWaiting(): readonly ReadRequest[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#pendingCount -= waiting.length;
    return waiting;
  }

  /** The reads of every round up to `number`, in order; they are not pending any more. */
  confirm(number: number): ConfirmedReads[] {
    const open = this.#rounds.findIndex((round) => round.number > number);
    const confirmed = this.#rounds.splice(0, open === -1 ? this.#rounds.length : open);
    for (const round of confirmed) this.#pendingCount -= round.requests.length;
    return confirmed;
  }

  /** Every read that is pending, in order; none is afterwards. */
  abandon(): ReadRequest[] {
    const pending = [...this.#rounds.flatMap((round) => round.requests), ...this.#waiting];
    this.#rounds = [];
    this.#waiting = [];
    this.#pendingCount = 0;
    return pending;
  }
}
