/**
 * Changes the members: looks at the leader's view, judges, asks, and asks again while another change
 * is being finished. Both services that can change them do it here.
 */
import { type ChangeMembersOutcome, type MemberInfo, nodeIdOf } from "@flotilla/member";
import type { ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf } from "../errors.ts";
import {
  activityLooksMax,
  activityPauseMs,
  reconfigurationMs,
  reconfigurationPauseMs,
  reconfigurationsMax,
  settlementLooksMax,
  settlementPauseMs,
} from "../limits.ts";
import {
  type Electorate,
  electorateAfter,
  isMajority,
  judgeQuorum,
  type Presence,
  type QuorumVerdict,
  sameVotes,
  votesOf,
} from "./quorum-check.ts";
import { isTransient, type LastingRefusal } from "./refusals.ts";
import type { ConfigurationChange, EngineStatus, NodeId } from "./types.ts";

/** How one service asks for a change. */
export interface ReconfigurationRequest {
  readonly changes: readonly ConfigurationChange[];
  /** Not asked whether members that run would still be a quorum. */
  readonly force: boolean;
  /** What else may be wrong with the change, by the leader's view: throws the service's error. */
  check(status: EngineStatus): void;
  /** Throws the service's error. */
  endangered(verdict: Exclude<QuorumVerdict, "safe">): never;
  /** Throws the service's error, or returns when that is no failure to its clients. */
  refused(reason: LastingRefusal): void;
}

/**
 * The one way in which members are changed; one for all services. What is asked for at this member is
 * made one after the other: each is judged by what the one before has left.
 */
export class Reconfiguration {
  readonly #context: ServiceContext;
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** The leader's view of the cluster. Throws `noLeader`. */
  async look(signal: AbortSignal): Promise<EngineStatus> {
    const status = await this.#context.member.clusterStatus(signal);
    if (status === undefined) throw new RpcError("noLeader");
    return status;
  }

  /** Done once the change is in force. Throws what the request throws, or an {@link RpcError}. */
  async change(request: ReconfigurationRequest, signal: AbortSignal): Promise<void> {
    if (this.#unfinished >= reconfigurationsMax) throw new RpcError("tooManyRequests");
    this.#unfinished++;
    const endMs = this.#context.timers.nowMs() + reconfigurationMs;
    const turn = this.#last.then(() => this.#takeTurn(request, endMs, signal));
    this.#last = turn.catch(() => {}); // Its own caller is told.
    await turn.finally(() => this.#unfinished--);
  }

  async #takeTurn(
    request: ReconfigurationRequest,
    endMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { timers, hasLeader } = this.#context;
    signal.throwIfAborted();
    // The changes before may have waited for a leader, and so would this one.
    if (timers.nowMs() >= endMs) throw new RpcError(hasLeader ? "timeout" : "noLeader");
    for (;;) {
      const status = await this.#checkedLook(request, signal);
      request.check(status);
      const outcome = await this.#make(request.changes, status, signal);
      if (outcome.kind === "changed" || outcome.kind === "settled") return;
      if (outcome.kind !== "refused") throw rpcErrorOf(outcome);
      if (!isTransient(outcome.reason)) return request.refused(outcome.reason);
      if (timers.nowMs() >= endMs) throw new RpcError("timeout");
      await this.#pause(reconfigurationPauseMs);
    }
  }

  /** Asks the leader, and looks meanwhile whether the change is settled though it cannot be finished. */
  async #make(
    changes: readonly ConfigurationChange[],
    before: EngineStatus,
    signal: AbortSignal,
  ): Promise<ChangeMembersOutcome | { readonly kind: "settled" }> {
    const now = votesOf(before.configuration.voters);
    const after = electorateAfter(before.configuration, changes);
    const enough = new AbortController();
    const either = AbortSignal.any([signal, enough.signal]);
    const changed = this.#context.member.changeMembers(changes, { signal: either });
    try {
      // Without a vote that changes, another change with the same voters would be taken for this one.
      if (sameVotes(now, after)) return await changed;
      return await Promise.race([changed, this.#settled(after, either)]);
    } finally {
      enough.abort();
      changed.catch(() => {}); // Given up, when it was the slower one.
    }
  }

  /** Resolves when a change to these voters is settled; never otherwise. */
  async #settled(after: Electorate, signal: AbortSignal): Promise<{ readonly kind: "settled" }> {
    for (let looks = 0; looks < settlementLooksMax; ) {
      await this.#pause(settlementPauseMs);
      if (signal.aborted) break;
      const status = await this.#context.member.clusterStatus(signal).catch(() => undefined);
      // What a leader has appended is on its disk by the second look.
      looks = status !== undefined && isSettled(status, after) ? looks + 1 : 0;
    }
    return signal.aborted ? new Promise(() => {}) : { kind: "settled" };
  }

  /**
   * The leader's view, by which the change is safe. A leader forgets once in each election timeout who has answered it, and knows again a heartbeat
   * later: who seems to be missing is looked for a few times.
   */
  async #checkedLook(request: ReconfigurationRequest, signal: AbortSignal): Promise<EngineStatus> {
    for (let looks = 1; ; looks++) {
      const status = await this.look(signal);
      if (request.force) return status;
      const now = votesOf(status.configuration.voters);
      const after = electorateAfter(status.configuration, request.changes);
      const verdict = judgeQuorum(now, after, presence(status, this.#context.member.members()));
      if (verdict === "safe") return status;
      const mayPass = verdict === "unhealthy" && looks < activityLooksMax;
      if (!mayPass) request.endangered(verdict);
      await this.#pause(activityPauseMs);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#context.timers.after(delayMs, resolve));
  }
}

/**
 * True when the change is in force and cannot be undone: its joint phase is held by a majority of the
 * old voters, and whoever leads next needs one of them. It is finished once enough of the new voters
 * run, which the second member of a cluster cannot before its operator has been told to start it.
 */
function isSettled(status: EngineStatus, after: Electorate): boolean {
  const { configuration, configurationIndex, progress } = status;
  const { voters, outgoing } = configuration;
  if (outgoing.length === 0 || !sameVotes(votesOf(voters), after)) return false;
  return isMajority(
    votesOf(outgoing),
    (id) => id === status.id || (progress.get(id)?.matchIndex ?? 0) >= configurationIndex,
  );
}

/** Who runs, by the leader's word; and who ever ran, by what members have told. */
function presence(status: EngineStatus, members: readonly MemberInfo[]): Presence {
  const started = new Set(members.filter(({ name }) => name !== "").map(({ id }) => nodeIdOf(id)));
  const isActive = (id: NodeId): boolean =>
    id === status.id || status.progress.get(id)?.recentlyActive === true;
  const witnesses = new Set(status.configuration.witnesses);
  return {
    isActive,
    isStarted: (id) => started.has(id) || isActive(id),
    hasData: (id) => !witnesses.has(id),
  };
}
