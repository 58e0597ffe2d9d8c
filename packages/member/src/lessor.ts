/**
 * Leases of a running member: the leader counts the time down, renews, and proposes to revoke what
 * has run out; the others ask it.
 *
 * The leader answers only after a read round: a leader that was deposed without knowing it would
 * otherwise promise time that its successor does not give (etcd #15247). After the round it looks
 * again whether the lease is still there (etcd #20615).
 */
import { WireError } from "@flotilla/base";
import type { CallOutcome } from "@flotilla/peer";
import { type Command, type CommandResult, LeaseExpiry, type Store } from "@flotilla/store";
import type { AppliedEntry } from "./applier.ts";
import { AwakeClock } from "./awake-clock.ts";
import type {
  BarrierOutcome,
  Leadership,
  ProposeOutcome,
  RenewOutcome,
  TimeToLiveOutcome,
  Unavailable,
} from "./contract.ts";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  type LeaseAnswer,
  type LeaseQuestion,
} from "./leader-call.ts";
import { leaderCallMs, leaderCallRetryMs, revokesMax, revokesPerTickMax } from "./limits.ts";
import { abortError } from "./proposals.ts";

export interface LessorPorts {
  readonly store: Store;
  nowMs(): number;
  after(delayMs: number, callback: () => void): () => void;
  leadership(): Leadership;
  /** The other member that leads, as far as this one knows; undefined when none does, or this one. */
  callLeader(request: Uint8Array, timeoutMs: number): Promise<CallOutcome> | undefined;
  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome>;
  propose(command: Command, onlyInTerm: number): Promise<ProposeOutcome>;
}

export class Lessor {
  readonly #ports: LessorPorts;
  readonly #expiry: LeaseExpiry;
  /** What leases are counted in: those who renew were not heard while this process stood still. */
  readonly #awake: AwakeClock;
  readonly #requestMs: number;
  /** What a fresh leader adds to every lease: nobody could renew while there was no leader. */
  readonly #graceMs: number;
  /** The term in which this member counts time; 0 when it does not. */
  #term = 0;
  #revoking = 0;
  #stopped = false;

  constructor(
    ports: LessorPorts,
    options: { readonly requestMs: number; readonly graceMs: number },
  ) {
    this.#ports = ports;
    this.#requestMs = options.requestMs;
    this.#graceMs = options.graceMs;
    this.#awake = new AwakeClock(ports);
    this.#expiry = new LeaseExpiry(ports.store.grantedLeases());
  }

  /** An entry was applied. The first of its own term makes a leader begin to count. */
  applied(entry: AppliedEntry, result: CommandResult | undefined): void {
    const nowMs = this.#awake.nowMs();
    if (result?.kind === "leaseGrant") this.#expiry.granted(result.id, result.ttlSeconds, nowMs);
    const command = entry.proposal?.command;
    if (command?.kind === "leaseRevoke" && result?.kind === "leaseRevoke") {
      this.#expiry.revoked(command.id);
    }
    const { isLeader, term } = this.#ports.leadership();
    if (isLeader && entry.term === term && this.#term !== term) {
      this.#term = term;
      this.#expiry.promote(nowMs, this.#graceMs);
    }
  }

  /** The store was replaced by a snapshot. */
  replaced(): void {
    this.#expiry.reset(this.#ports.store.grantedLeases(), this.#awake.nowMs());
  }

  /** Leadership may have changed. */
  observe({ isLeader, term }: Leadership): void {
    if (this.#term === 0 || (isLeader && term === this.#term)) return;
    this.#term = 0;
    this.#expiry.demote();
  }

  /** Proposes to revoke what has run out; in this term or not at all. */
  tick(): void {
    const nowMs = this.#awake.nowMs();
    if (this.#term === 0) return;
    const limit = Math.min(revokesPerTickMax, revokesMax - this.#revoking);
    for (const id of this.#expiry.expired(nowMs, limit)) void this.#revoke(id);
  }

  async renew(id: bigint, signal?: AbortSignal): Promise<RenewOutcome> {
    const answer = await this.#ask({ kind: "renew", id }, signal);
    if (answer.kind !== "live") return answer;
    return { kind: "renewed", ttlSeconds: answer.grantedSeconds };
  }

  async timeToLive(
    id: bigint,
    options: { readonly keys: boolean; readonly signal?: AbortSignal },
  ): Promise<TimeToLiveOutcome> {
    const answer = await this.#ask({ kind: "timeToLive", id }, options.signal);
    if (answer.kind !== "live" || !options.keys) {
      return answer.kind === "live" ? { ...answer, keys: [] } : answer;
    }
    // The keys are the same everywhere, once this member is as far as the leader was.
    const barrier = await this.#ports.readBarrier(options.signal);
    if (barrier.kind !== "ready") return barrier;
    const lease = this.#ports.store.lease(id);
    return lease === undefined ? { kind: "leaseNotFound" } : { ...answer, keys: lease.keys };
  }

  /** Answers a member that takes this one for the leader. Rejects with `WireError` on garbage. */
  async answerCall(request: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#answer(decodeQuestion(request));
    return encodeAnswer(isAnswer(answer) ? answer : { kind: "notLeader" });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Asks whoever leads, until somebody answers or the time is over. */
  async #ask(
    question: LeaseQuestion,
    signal: AbortSignal | undefined,
  ): Promise<Exclude<LeaseAnswer, { kind: "notLeader" }> | Unavailable> {
    const deadlineMs = this.#ports.nowMs() + this.#requestMs;
    let wasAsked = false;
    for (;;) {
      if (signal?.aborted) throw abortError();
      if (this.#stopped) return { kind: "stopped" };
      const answer = this.#ports.leadership().isLeader
        ? await this.#answer(question, signal)
        : await this.#askLeader(question);
      if (answer !== undefined && answer.kind !== "notLeader") return answer;
      wasAsked ||= answer !== undefined;
      if (this.#ports.nowMs() >= deadlineMs) return { kind: wasAsked ? "timeout" : "noLeader" };
      await new Promise<void>((resolve) => this.#ports.after(leaderCallRetryMs, resolve));
    }
  }

  /** Undefined when there was nobody to ask, or no answer. */
  async #askLeader(question: LeaseQuestion): Promise<LeaseAnswer | undefined> {
    const call = this.#ports.callLeader(encodeQuestion(question), leaderCallMs);
    const outcome = await call;
    if (outcome === undefined) return undefined;
    if (outcome.kind === "failed") return { kind: "notLeader" };
    try {
      return decodeAnswer(outcome.response);
    } catch (error) {
      if (error instanceof WireError) return { kind: "notLeader" };
      throw error;
    }
  }

  /** As leader. */
  async #answer(
    { kind, id }: LeaseQuestion,
    signal?: AbortSignal,
  ): Promise<LeaseAnswer | Unavailable> {
    const barrier = await this.#ports.readBarrier(signal);
    if (barrier.kind !== "ready") return barrier;
    // The round proves that this member led when it was asked; only if it still counts the time of
    // the same leadership is that time worth anything.
    const { isLeader, term } = this.#ports.leadership();
    if (!isLeader || term !== this.#term) return { kind: "notLeader" };
    const nowMs = this.#awake.nowMs();
    if (kind === "renew" && this.#expiry.renew(id, nowMs) === undefined) {
      return { kind: "leaseNotFound" };
    }
    const remainingSeconds = this.#expiry.remainingSeconds(id, nowMs);
    const granted = this.#ports.store.lease(id)?.grantedTtlSeconds;
    if (remainingSeconds === undefined || granted === undefined) return { kind: "leaseNotFound" };
    return { kind: "live", grantedSeconds: granted, remainingSeconds };
  }

  async #revoke(id: bigint): Promise<void> {
    this.#revoking++;
    try {
      // Whatever comes of it: while the lease is there, it is given out again.
      await this.#ports.propose({ kind: "leaseRevoke", id }, this.#term);
    } finally {
      this.#revoking--;
    }
  }
}

function isAnswer(answer: LeaseAnswer | Unavailable): answer is LeaseAnswer {
  return answer.kind === "live" || answer.kind === "leaseNotFound" || answer.kind === "notLeader";
}
