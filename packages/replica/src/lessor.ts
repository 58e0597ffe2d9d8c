/**
 * Leases: the leader counts the time down, renews, and proposes to revoke what has run out; the
 * others ask it. Pure.
 *
 * The leader answers only after a read round: a leader that was deposed without knowing it would
 * otherwise promise time that its successor does not give (etcd #15247). After the round it looks
 * again whether the lease is still there (etcd #20615).
 */
import type { Engine } from "@flotilla/consensus";
import { type Command, type CommandResult, LeaseExpiry, type Store } from "@flotilla/store";
import type { AppliedEntry } from "./applier.ts";
import { AwakeClock, awakeStepMsMax } from "./awake-clock.ts";
import type {
  BarrierOutcome,
  Cancel,
  RenewOutcome,
  TimeToLiveOutcome,
  Unavailable,
} from "./contract.ts";
import type { LeaderAnswer, LeaseAnswer, LeaseQuestion } from "./leader-call-codec.ts";
import type { FinalAnswer } from "./leader-calls.ts";
import { leaseTickMs, revokesMax, revokesPerTickMax } from "./limits.ts";

export interface LessorPorts {
  readonly store: Store;
  readonly engine: Pick<Engine, "role" | "term">;
  nowMs(): number;
  /** Asks whoever leads, which may be this server. */
  ask(question: LeaseQuestion, done: (answer: FinalAnswer) => void): Cancel;
  readBarrier(done: (outcome: BarrierOutcome) => void): Cancel;
  /** `done` whatever came of it. */
  propose(command: Command, onlyInTerm: number, done: () => void): void;
  /** A lease has run out, and is being revoked. */
  onExpired?(): void;
}

export class Lessor {
  readonly #ports: LessorPorts;
  readonly #expiry: LeaseExpiry;
  /** What leases are counted in: those who renew were not heard while this process stood still. */
  readonly #awake: AwakeClock;
  /** What a fresh leader adds to every lease: nobody could renew while there was no leader. */
  readonly #graceMs: number;
  /** The term in which this server counts time; 0 when it does not. */
  #term = 0;
  #revoking = 0;
  #lookAtMs = 0;

  constructor(ports: LessorPorts, electionMs: number) {
    this.#ports = ports;
    this.#graceMs = electionMs;
    // Ticks are heartbeats apart, which may be seconds, but several to an election timeout.
    const stepMsMax = Math.max(awakeStepMsMax, electionMs);
    this.#awake = new AwakeClock({ nowMs: () => ports.nowMs() }, stepMsMax);
    this.#expiry = new LeaseExpiry(ports.store.grantedLeases());
  }

  /** An entry was applied. The first of its own term makes a leader begin to count. */
  applied(entry: AppliedEntry, result: CommandResult | undefined): void {
    const { role, term } = this.#ports.engine;
    if (result?.kind === "leaseGrant") {
      this.#expiry.granted(result.id, result.ttlSeconds, this.#awake.nowMs());
    }
    const command = entry.proposal?.command;
    if (command?.kind === "leaseRevoke" && result?.kind === "leaseRevoke") {
      this.#expiry.revoked(command.id);
    }
    if (entry.term === term && this.#term !== term && role === "leader") {
      this.#term = term;
      this.#expiry.promote(this.#awake.nowMs(), this.#graceMs);
    }
  }

  /** The store was replaced by a snapshot. */
  replaced(): void {
    this.#expiry.reset(this.#ports.store.grantedLeases(), this.#awake.nowMs());
  }

  /** Leadership may have changed. */
  observe(): void {
    if (this.#term === 0 || this.#isCounting()) return;
    this.#term = 0;
    this.#expiry.demote();
  }

  /** Proposes to revoke what has run out; in this term or not at all. */
  tick(): void {
    const nowMs = this.#awake.nowMs();
    if (!this.#isCounting() || nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + leaseTickMs;
    const limit = Math.min(revokesPerTickMax, revokesMax - this.#revoking);
    for (const id of this.#expiry.expired(nowMs, limit)) this.#revoke(id);
  }

  /** All of them: while this server counts their time, the one that runs out first comes first. */
  leases(): readonly bigint[] {
    return this.#expiry.byDeadline() ?? this.#ports.store.leases();
  }

  renew(id: bigint, done: (outcome: RenewOutcome) => void): Cancel {
    return this.#ports.ask({ kind: "renew", id }, (answer) => {
      const outcome = leaseOutcome(answer);
      if (outcome.kind !== "live") done(outcome);
      else done({ kind: "renewed", ttlSeconds: outcome.grantedSeconds });
    });
  }

  timeToLive(
    id: bigint,
    options: { readonly keys: boolean },
    done: (outcome: TimeToLiveOutcome) => void,
  ): Cancel {
    let cancel = this.#ports.ask({ kind: "timeToLive", id }, (answer) => {
      const outcome = leaseOutcome(answer);
      if (outcome.kind !== "live") done(outcome);
      else if (!options.keys) done({ ...outcome, keys: [] });
      else cancel = this.#withKeys(id, outcome, done);
    });
    return () => cancel();
  }

  /** Answers as the leader; `done` is not called before this has returned. */
  answer(question: LeaseQuestion, done: (answer: LeaderAnswer | Unavailable) => void): Cancel {
    return this.#ports.readBarrier((barrier) =>
      done(barrier.kind === "ready" ? this.#answerNow(question) : barrier),
    );
  }

  /** The keys are the same everywhere, once this server is as far as the leader was. */
  #withKeys(
    id: bigint,
    answer: Extract<LeaseAnswer, { kind: "live" }>,
    done: (outcome: TimeToLiveOutcome) => void,
  ): Cancel {
    return this.#ports.readBarrier((barrier) => {
      if (barrier.kind !== "ready") {
        done(barrier);
        return;
      }
      const lease = this.#ports.store.lease(id);
      done(lease === undefined ? { kind: "leaseNotFound" } : { ...answer, keys: lease.keys });
    });
  }

  #answerNow({ kind, id }: LeaseQuestion): LeaderAnswer {
    // The round proves that this server led when it was asked; only if it still counts the time of
    // the same leadership is that time worth anything.
    if (!this.#isCounting()) return { kind: "notLeader" };
    const nowMs = this.#awake.nowMs();
    if (kind === "renew" && this.#expiry.renew(id, nowMs) === undefined) {
      return { kind: "leaseNotFound" };
    }
    const remainingSeconds = this.#expiry.remainingSeconds(id, nowMs);
    // Not from the store, which would read all keys of the lease, too.
    const grantedSeconds = this.#expiry.grantedSeconds(id);
    if (remainingSeconds === undefined || grantedSeconds === undefined) {
      return { kind: "leaseNotFound" };
    }
    return { kind: "live", grantedSeconds, remainingSeconds };
  }

  #isCounting(): boolean {
    const { role, term } = this.#ports.engine;
    return role === "leader" && term === this.#term;
  }

  #revoke(id: bigint): void {
    this.#revoking++;
    this.#ports.onExpired?.();
    // Whatever comes of it: while the lease is there, it is given out again.
    this.#ports.propose({ kind: "leaseRevoke", id }, this.#term, () => {
      this.#revoking--;
    });
  }
}

/** What came of a question about a lease. */
function leaseOutcome(answer: FinalAnswer): LeaseAnswer | Unavailable {
  switch (answer.kind) {
    case "changed":
    case "refused":
    case "status":
      return { kind: "timeout" }; // No answer to such a question: a peer's mistake.
    default:
      return answer;
  }
}
