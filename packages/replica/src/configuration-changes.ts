/**
 * Changes of the configuration at the leader: from the request to a configuration that is committed
 * and no longer joint. Pure.
 *
 * A change that was asked for before, and may have been made by a leader that is gone, is made again
 * only when nothing has changed since: every configuration that is committed is known to a leader
 * once its own is, so then it provably was not made.
 */
import {
  type Engine,
  type EngineStatus,
  isJoint,
  type LogIndex,
  type Term,
} from "@flotilla/consensus";
import { holds } from "./change-effect.ts";
import type { Cancel } from "./contract.ts";
import type { ChangeAnswer, ChangeQuestion, LeaderAnswer } from "./leader-call-codec.ts";
import { changesMax } from "./limits.ts";

export interface ConfigurationChangesPorts {
  readonly engine: Engine;
  nowMs(): number;
  /** Has {@link ConfigurationChanges.observe} called soon. */
  wake(): void;
}

interface Waiting {
  readonly question: ChangeQuestion;
  readonly deadlineMs: number;
  readonly done: (answer: LeaderAnswer) => void;
  /** {@link changesMax} were waiting when it came. */
  readonly isTooMuch: boolean;
  /** Where the first half of it stands in the log; undefined until it does. */
  appended: { readonly term: Term; readonly index: LogIndex } | undefined;
  /** Why it does not yet. */
  refusal: LeaderAnswer;
}

export class ConfigurationChanges {
  readonly #ports: ConfigurationChangesPorts;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<Waiting>();

  constructor(ports: ConfigurationChangesPorts, timeoutMs: number) {
    this.#ports = ports;
    this.#timeoutMs = timeoutMs;
  }

  /** Makes a change if this server leads; `done` is not called before this has returned. */
  change(question: ChangeQuestion, done: (answer: LeaderAnswer) => void): Cancel {
    const waiting: Waiting = {
      question,
      deadlineMs: this.#ports.nowMs() + this.#timeoutMs,
      done,
      isTooMuch: this.#waiting.size >= changesMax,
      appended: undefined,
      refusal: { kind: "notLeader" },
    };
    this.#waiting.add(waiting);
    this.#ports.wake();
    return () => void this.#waiting.delete(waiting);
  }

  /** The engine has worked: goes on with what waits. */
  observe(): void {
    for (const waiting of this.#waiting) {
      const answer = this.#advance(waiting);
      if (answer !== undefined) this.#settle(waiting, answer);
    }
  }

  /** Ends what has taken too long. */
  tick(nowMs: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > nowMs) break;
      this.#settle(waiting, waiting.appended ? { kind: "interrupted" } : waiting.refusal);
    }
  }

  /** The answer; undefined while there is none. */
  #advance(waiting: Waiting): LeaderAnswer | undefined {
    const { engine } = this.#ports;
    const { appended, question } = waiting;
    if (appended !== undefined) {
      if (engine.term !== appended.term) return { kind: "interrupted" };
      // Within the term nobody else replaces it: also not after a leader that is out has stepped down.
      const changed = changedSince(engine.status(), appended.index);
      return changed ?? (engine.role === "leader" ? undefined : { kind: "interrupted" });
    }
    if (engine.role !== "leader") return { kind: "notLeader" };
    if (waiting.isTooMuch) return { kind: "refused", reason: "changePending" };
    return wasMade(engine, question) ?? this.#append(waiting);
  }

  #append(waiting: Waiting): LeaderAnswer | undefined {
    const outcome = this.#ports.engine.change(waiting.question.changes);
    if (outcome.kind === "appended") {
      waiting.appended = outcome;
      this.#ports.wake();
      return undefined;
    }
    const { reason } = outcome;
    if (reason === "notLeader") return { kind: "notLeader" };
    if (reason !== "notReady" && reason !== "changePending" && reason !== "transferring") {
      return outcome;
    }
    waiting.refusal = outcome; // That passes.
    return undefined;
  }

  #settle(waiting: Waiting, answer: LeaderAnswer): void {
    this.#waiting.delete(waiting);
    waiting.done(answer);
  }
}

/** The configuration once it is settled, if it is newer than `index`. */
function changedSince(status: EngineStatus, index: LogIndex): ChangeAnswer | undefined {
  const { configuration, configurationIndex, isConfigurationCommitted } = status;
  if (isJoint(configuration) || !isConfigurationCommitted || configurationIndex <= index)
    return undefined;
  return { kind: "changed", configuration, index: configurationIndex };
}

/** What can be said of a change that may have been made before; undefined when it was not. */
function wasMade(engine: Engine, { changes, since }: ChangeQuestion): LeaderAnswer | undefined {
  if (since === undefined) return undefined;
  // While the configuration is not settled, the engine takes in no other: this is asked again.
  const changed = changedSince(engine.status(), since);
  if (changed?.kind !== "changed") return undefined;
  return holds(changed.configuration, changes) ? changed : { kind: "timeout" };
}
