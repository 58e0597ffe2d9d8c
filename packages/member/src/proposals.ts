/**
 * This member's proposals from the call to the result.
 *
 * A proposal is numbered within a session of this start of the member, and the store applies each
 * number once. So one that may be lost is simply sent again: when the leader changes, and after a
 * while when it was forwarded. A result is given out only from the entry that was applied here.
 */
import { assert } from "@flotilla/base";
import type { Engine, EngineStatus } from "@flotilla/consensus";
import { type Command, type CommandResult, encodeProposal, type Proposal } from "@flotilla/store";
import type { ProposeOutcome } from "./contract.ts";
import { proposalsMax, proposeBytesMax } from "./limits.ts";

interface Pending {
  readonly sequence: number;
  readonly command: Command;
  /** 0: in any term. */
  readonly onlyInTerm: number;
  readonly deadlineMs: number;
  readonly settle: (outcome: ProposeOutcome) => void;
  /** Encoded when it is first sent. */
  data: Uint8Array | undefined;
  /** Term and leader it was sent in; undefined when it never was, or waits to be sent again. */
  sentIn: string | undefined;
  wasSent: boolean;
  resendAtMs: number;
  resendAfterMs: number;
}

const fenced: ProposeOutcome = { kind: "applied", result: { kind: "refused", error: "fenced" } };

export class Proposals {
  readonly #session: bigint;
  readonly #openedAt: number;
  readonly #timeoutMs: number;
  readonly #resendMs: number;
  /** By sequence, which is also the order of deadlines. */
  readonly #pending = new Map<number, Pending>();
  /** Those of {@link #pending} that are bound to a term. */
  readonly #bound = new Set<Pending>();
  #queue: Pending[] = [];
  /** Waits for a better time: a leader, or less in flight. */
  #parked: Pending[] = [];
  #lastSequence = 0;
  #lastAppliedTerm = 0;
  #leadership = "";
  #hasLeader = false;
  #stopped = false;

  /** `session`: random, new at each start. `resendMs`: how long a forwarded one may take at first. */
  constructor(options: {
    readonly session: bigint;
    /** What is applied when the session begins. */
    readonly openedAt: number;
    readonly timeoutMs: number;
    readonly resendMs: number;
  }) {
    this.#session = options.session;
    this.#openedAt = options.openedAt;
    this.#timeoutMs = options.timeoutMs;
    this.#resendMs = options.resendMs;
  }

  /** True when {@link flush} has something to do. */
  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  /** Takes a proposal in; it is sent by the next {@link flush}. Rejects only with AbortError. */
  propose(
    command: Command,
    options: {
      readonly nowMs: number;
      readonly onlyInTerm: number;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<ProposeOutcome> {
    const { nowMs, onlyInTerm, signal } = options;
    if (signal?.aborted) return Promise.reject(abortError());
    if (this.#stopped) return Promise.resolve({ kind: "stopped" });
    if (this.#pending.size >= proposalsMax) return Promise.resolve({ kind: "tooManyRequests" });
    return new Promise((resolve, reject) => {
      const sequence = ++this.#lastSequence;
      const onAbort = (): void => {
        this.#forget(pending);
        reject(abortError());
      };
      const pending: Pending = {
        sequence,
        command,
        onlyInTerm,
        deadlineMs: nowMs + this.#timeoutMs,
        settle: (outcome) => {
          this.#forget(pending);
          signal?.removeEventListener("abort", onAbort);
          resolve(outcome);
        },
        data: undefined,
        sentIn: undefined,
        wasSent: false,
        resendAtMs: 0,
        resendAfterMs: this.#resendMs,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(sequence, pending);
      if (onlyInTerm !== 0) this.#bound.add(pending);
      this.#queue.push(pending);
    });
  }

  /** Gives the engine all that is queued, in batches of limited length. */
  flush(engine: Engine, nowMs: number): void {
    const { term } = engine.status();
    const queued = this.#queue.filter((pending) => this.#pending.get(pending.sequence) === pending);
    this.#queue = [];
    const ready: Pending[] = [];
    for (const pending of queued) {
      const isPast = pending.onlyInTerm !== 0 && pending.onlyInTerm < term;
      if (isPast && !pending.wasSent) pending.settle(fenced);
      else if (isPast || pending.onlyInTerm > term) this.#parked.push(pending);
      else ready.push(pending);
    }
    let batch: Pending[] = [];
    let bytes = 0;
    for (const pending of ready) {
      const size = this.#encoded(pending).length;
      if (batch.length > 0 && bytes + size > proposeBytesMax) {
        this.#give(engine, batch, nowMs);
        batch = [];
        bytes = 0;
      }
      batch.push(pending);
      bytes += size;
    }
    if (batch.length > 0) this.#give(engine, batch, nowMs);
  }

  /** Looks at the engine after it has worked: under another leader, everything is sent again. */
  observe({ term, leader }: EngineStatus): void {
    const leadership = `${term}/${leader}`;
    this.#hasLeader = leader !== "";
    if (!this.#hasLeader || leadership === this.#leadership) return;
    this.#leadership = leadership;
    this.#unpark();
    for (const pending of this.#pending.values()) {
      if (pending.sentIn !== undefined && pending.sentIn !== leadership) this.#resend(pending);
    }
  }

  /** An entry was applied here; `proposal` and `result` are what the store was given and gave. */
  applied(term: number, proposal: Proposal | undefined, result: CommandResult | undefined): void {
    if (term > this.#lastAppliedTerm) this.#closeTermsBefore(term);
    if (proposal === undefined || proposal.session !== this.#session) return;
    const pending = this.#pending.get(proposal.sequence);
    if (pending === undefined) return;
    // Without a result it was applied before, in a snapshot that replaced our state: it happened,
    // and what came of it is not known here.
    pending.settle(result === undefined ? { kind: "timeout" } : { kind: "applied", result });
  }

  /**
   * The store was replaced by a snapshot, whose entries never pass {@link applied} here. What is
   * bound to a term may be among them and is not sent again: what came of it will not be known.
   */
  replaced(): void {
    for (const pending of this.#bound) if (pending.wasSent) pending.settle({ kind: "timeout" });
  }

  /** Ends what has taken too long, and sends again what may be lost. */
  tick(nowMs: number): void {
    for (const pending of this.#pending.values()) {
      if (pending.deadlineMs > nowMs) break;
      pending.settle({ kind: pending.wasSent ? "timeout" : this.#whyUnsent() });
    }
    for (const pending of this.#pending.values()) {
      if (pending.sentIn !== undefined && pending.resendAtMs <= nowMs) this.#resend(pending);
    }
    this.#unpark();
  }

  /** Ends everything; nothing is taken in any more. */
  stop(): void {
    this.#stopped = true;
    for (const pending of [...this.#pending.values()]) pending.settle({ kind: "stopped" });
  }

  /**
   * An entry of `term` was applied, so every entry of an earlier term that will ever be is. What is
   * bound to an earlier term and has no result yet never had an effect, and a copy that comes later
   * is refused by the store.
   */
  #closeTermsBefore(term: number): void {
    this.#lastAppliedTerm = term;
    for (const pending of this.#bound) {
      if (pending.onlyInTerm < term) pending.settle(fenced);
    }
  }

  /** A leader that took nothing all the time has too much that is not committed. */
  #whyUnsent(): "noLeader" | "tooManyRequests" {
    return this.#hasLeader ? "tooManyRequests" : "noLeader";
  }

  #give(engine: Engine, batch: readonly Pending[], nowMs: number): void {
    const { term, leader } = engine.status();
    const outcome = engine.propose(batch.map((pending) => this.#encoded(pending)));
    if (outcome.kind === "dropped") {
      this.#parked.push(...batch);
      return;
    }
    const isForwarded = outcome.kind === "forwarded";
    for (const pending of batch) {
      pending.sentIn = `${term}/${leader}`;
      pending.wasSent = true;
      // What this leader has in its own log is lost only with its leadership.
      pending.resendAtMs = isForwarded ? nowMs + pending.resendAfterMs : Number.POSITIVE_INFINITY;
      pending.resendAfterMs *= 2;
    }
  }

  #resend(pending: Pending): void {
    if (pending.onlyInTerm !== 0) return;
    pending.sentIn = undefined;
    this.#queue.push(pending);
  }

  #unpark(): void {
    this.#queue.push(...this.#parked);
    this.#parked = [];
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.sequence);
    this.#bound.delete(pending);
  }

  #encoded(pending: Pending): Uint8Array {
    const { sequence, command, onlyInTerm } = pending;
    if (pending.data === undefined) {
      const oldest = this.#pending.keys().next().value;
      assert(oldest !== undefined && oldest <= sequence, "proposals: the oldest comes first");
      const settledBelow = oldest;
      pending.data = encodeProposal({
        session: this.#session,
        openedAt: this.#openedAt,
        sequence,
        settledBelow,
        onlyInTerm,
        command,
      });
    }
    return pending.data;
  }
}

/** What a call that was given up rejects with. */
export function abortError(): DOMException {
  return new DOMException("The request was given up", "AbortError");
}
