/**
 * This server's proposals from the call to the result. Pure.
 *
 * A proposal is numbered within a session, and the store applies each number once. So one that may be
 * lost is simply sent again: when the leader changes, and after a while when it was forwarded. A
 * result is given out only from the entry that was applied here. A session that the store has
 * forgotten is followed by another one; what was sent in it is not known to have happened (trap T35).
 */
import { AscendingMap, assert } from "@flotilla/base";
import type { Engine, NodeId } from "@flotilla/consensus";
import {
  type Command,
  type CommandResult,
  encodeProposal,
  type Proposal,
  type Requester,
} from "@flotilla/store";
import type { Cancel, ProposeOutcome, TimeoutCause } from "./contract.ts";
import { proposalsBytesMax, proposalsMax, proposeBytesMax } from "./limits.ts";
import type { Place } from "./place.ts";

export interface ProposalsOptions {
  /** Never used before. */
  readonly session: bigint;
  newSession(): bigint;
  readonly timeoutMs: number;
  /** How long a forwarded one may take at first. */
  readonly resendMs: number;
  /** What is applied here. */
  appliedIndex(): number;
  place(): Place;
  /** One has come to nothing, or it is not known what came of it. */
  onFailed?(): void;
  /** What has probably cost it its time. */
  causeSince?(beganMs: number): TimeoutCause | undefined;
}

interface Pending {
  readonly sequence: number;
  readonly command: Command;
  /** 0: in any term. */
  readonly onlyInTerm: number;
  readonly principal: Requester | undefined;
  readonly deadlineMs: number;
  readonly done: (outcome: ProposeOutcome) => void;
  /** Encoded for {@link session} when it is first sent. */
  data: Uint8Array | undefined;
  session: bigint;
  /** It was sent and may be on its way to the log. */
  isSent: boolean;
  wasSent: boolean;
  /** Whom it was sent to or through, and in which term. */
  sentLeader: NodeId;
  sentTerm: number;
  resendAtMs: number;
  resendAfterMs: number;
}

const fenced: ProposeOutcome = { kind: "applied", result: { kind: "refused", error: "fenced" } };

export class Proposals {
  readonly #options: ProposalsOptions;
  #session: bigint;
  /** What was applied before the first of the session was sent; undefined until then. */
  #openedAt: number | undefined;
  /** By sequence, which is also the order of deadlines. */
  readonly #pending = new AscendingMap<Pending>();
  /** Those of {@link #pending} that are bound to a term. */
  readonly #bound = new Set<Pending>();
  /** Of {@link #pending}, as far as they were encoded. */
  #pendingBytes = 0;
  #queue: Pending[] = [];
  /** Waits for a better time: a leader, or less in flight. */
  #parked: Pending[] = [];
  #lastSequence = 0;
  #lastAppliedTerm = 0;
  #leader: NodeId = "";
  #term = 0;
  #hasLeader = false;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#session = options.session;
  }

  /** Not settled yet. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** What the next {@link flush} has to do. */
  get queuedCount(): number {
    return this.#queue.length;
  }

  /** True when {@link proposalsMax} are not settled, or too many bytes: nothing more is taken in. */
  get isFull(): boolean {
    return this.#pending.size >= proposalsMax || this.#pendingBytes >= proposalsBytesMax;
  }

  /** Takes a proposal in; it is sent by the next {@link flush}. */
  propose(
    command: Command,
    options: {
      readonly nowMs: number;
      readonly onlyInTerm: number;
      readonly principal?: Requester | undefined;
    },
    done: (outcome: ProposeOutcome) => void,
  ): Cancel {
    assert(!this.isFull, "proposals: whoever proposes asks first whether there is room");
    const { nowMs, onlyInTerm, principal } = options;
    const pending: Pending = {
      sequence: ++this.#lastSequence,
      command,
      onlyInTerm,
      principal,
      deadlineMs: nowMs + this.#options.timeoutMs,
      done,
      data: undefined,
      session: 0n,
      isSent: false,
      wasSent: false,
      sentLeader: "",
      sentTerm: 0,
      resendAtMs: 0,
      resendAfterMs: this.#options.resendMs,
    };
    this.#pending.add(pending.sequence, pending);
    if (onlyInTerm !== 0) this.#bound.add(pending);
    this.#queue.push(pending);
    return () => this.#forget(pending);
  }

  /** Gives the engine all that is queued, in batches of limited length. */
  flush(engine: Engine, nowMs: number): void {
    let batch: Pending[] = [];
    let bytes = 0;
    for (const pending of this.#takeReady(engine.term)) {
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

  /**
   * Looks at the engine after it has worked: under another leader, everything is sent again. A witness
   * sees no result.
   */
  observe({ term, leader }: Pick<Engine, "term" | "leader">): void {
    if (this.#pending.size > 0 && this.#options.place() === "witness") this.#endAll("noData");
    this.#hasLeader = leader !== "";
    if (!this.#hasLeader || (leader === this.#leader && term === this.#term)) return;
    this.#leader = leader;
    this.#term = term;
    this.#unpark();
    for (const pending of this.#pending.values()) {
      if (pending.isSent && (pending.sentLeader !== leader || pending.sentTerm !== term)) {
        this.#resend(pending);
      }
    }
  }

  /** An entry was applied here; `proposal` and `result` are what the store was given and gave. */
  applied(term: number, proposal: Proposal | undefined, result: CommandResult | undefined): void {
    if (term > this.#lastAppliedTerm) this.#closeTermsBefore(term);
    if (proposal === undefined) return;
    const pending = this.#pending.get(proposal.sequence);
    if (pending?.session !== proposal.session || pending.data === undefined) return;
    if (result?.kind === "refused" && result.error === "sessionExpired") {
      this.#replaceSession(proposal.session);
      this.#settle(pending, { kind: "timeout" });
      return;
    }
    // Without a result it was applied before, in a snapshot that replaced our state: it happened,
    // and what came of it is not known here.
    this.#settle(pending, result === undefined ? { kind: "timeout" } : { kind: "applied", result });
  }

  /**
   * The store was replaced by a snapshot, whose entries never pass {@link applied} here. What is
   * bound to a term may be among them and is not sent again: what came of it will not be known.
   */
  replaced(): void {
    for (const pending of this.#bound) {
      if (pending.wasSent) this.#settle(pending, { kind: "timeout" });
    }
  }

  /** Ends what has taken too long, and sends again what may be lost. */
  tick(nowMs: number): void {
    for (const pending of this.#pending.values()) {
      if (pending.deadlineMs > nowMs) break;
      this.#settle(pending, pending.wasSent ? this.#late(pending) : { kind: this.#whyUnsent() });
    }
    for (const pending of this.#pending.values()) {
      if (pending.isSent && pending.resendAtMs <= nowMs) this.#resend(pending);
    }
    this.#unpark();
  }

  /** Ends everything. */
  stop(): void {
    this.#endAll("stopped");
  }

  /** Those that were sent may have happened all the same. */
  #endAll(kind: "noData" | "stopped"): void {
    for (const pending of this.#pending.values()) {
      const isUnknown = kind === "noData" && pending.wasSent;
      this.#settle(pending, { kind: isUnknown ? "timeout" : kind });
    }
  }

  /** Out of the queue: what may be sent in `term`. */
  #takeReady(term: number): Pending[] {
    const queued = this.#queue;
    this.#queue = [];
    const ready: Pending[] = [];
    for (const pending of queued) {
      if (this.#pending.get(pending.sequence) !== pending) continue; // Given up.
      const isPast = pending.onlyInTerm !== 0 && pending.onlyInTerm < term;
      if (isPast && !pending.wasSent) this.#settle(pending, fenced);
      else if (isPast || pending.onlyInTerm > term) this.#parked.push(pending);
      else ready.push(pending);
    }
    return ready;
  }

  /**
   * An entry of `term` was applied, so every entry of an earlier term that will ever be is. What is
   * bound to an earlier term and has no result yet never had an effect, and a copy that comes later
   * is refused by the store.
   */
  #closeTermsBefore(term: number): void {
    this.#lastAppliedTerm = term;
    for (const pending of this.#bound) {
      if (pending.onlyInTerm < term) this.#settle(pending, fenced);
    }
  }

  #late({ deadlineMs }: Pending): ProposeOutcome {
    const { timeoutMs, causeSince } = this.#options;
    const cause = causeSince?.(deadlineMs - timeoutMs);
    return cause === undefined ? { kind: "timeout" } : { kind: "timeout", cause };
  }

  /** A leader that took nothing all the time has too much that is not committed. */
  #whyUnsent(): "noLeader" | "tooManyRequests" {
    return this.#hasLeader ? "tooManyRequests" : "noLeader";
  }

  #give(engine: Engine, batch: readonly Pending[], nowMs: number): void {
    const { term, leader } = engine;
    const outcome = engine.propose(batch.map((pending) => this.#encoded(pending)));
    if (outcome.kind === "dropped") {
      this.#parked.push(...batch);
      return;
    }
    const isForwarded = outcome.kind === "forwarded";
    for (const pending of batch) {
      pending.isSent = true;
      pending.wasSent = true;
      pending.sentTerm = term;
      pending.sentLeader = leader;
      // What this leader has in its own log is lost only with its leadership.
      pending.resendAtMs = isForwarded ? nowMs + pending.resendAfterMs : Number.POSITIVE_INFINITY;
      pending.resendAfterMs *= 2;
    }
  }

  #resend(pending: Pending): void {
    if (pending.onlyInTerm !== 0) return;
    pending.isSent = false;
    this.#queue.push(pending);
  }

  #unpark(): void {
    if (this.#parked.length === 0) return;
    this.#queue = this.#queue.concat(this.#parked); // They may be more than a call takes arguments.
    this.#parked = [];
  }

  /** What was not sent in the session that is over is sent in the next one; the rest will be refused. */
  #replaceSession(session: bigint): void {
    if (session !== this.#session) return;
    this.#session = this.#options.newSession();
    this.#openedAt = undefined;
    for (const pending of this.#pending.values()) {
      if (pending.wasSent) continue;
      this.#pendingBytes -= pending.data?.length ?? 0;
      pending.data = undefined;
    }
  }

  #settle(pending: Pending, outcome: ProposeOutcome): void {
    this.#forget(pending);
    if (outcome.kind !== "applied") this.#options.onFailed?.();
    pending.done(outcome);
  }

  #forget(pending: Pending): void {
    if (this.#pending.delete(pending.sequence) === undefined) return;
    this.#pendingBytes -= pending.data?.length ?? 0;
    this.#bound.delete(pending);
  }

  #encoded(pending: Pending): Uint8Array {
    const { sequence, command, onlyInTerm, principal } = pending;
    if (pending.data === undefined) {
      const oldest = this.#pending.firstKey;
      assert(oldest !== undefined && oldest <= sequence, "proposals: the oldest comes first");
      this.#openedAt ??= this.#options.appliedIndex();
      pending.session = this.#session;
      pending.data = encodeProposal({
        session: this.#session,
        openedAt: this.#openedAt,
        sequence,
        settledBelow: oldest,
        onlyInTerm,
        ...(principal === undefined ? {} : { principal }),
        command,
      });
      this.#pendingBytes += pending.data.length;
    }
    return pending.data;
  }
}
