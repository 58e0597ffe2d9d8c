/**
 * Changes the members: looks at the leader's view, judges, asks, and asks again while another change
 * is being finished. Both services that can change them do it here.
 */
import { type MemberInfo, nodeIdOf } from "@flotilla/member";
import type { ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf } from "../errors.ts";
import {
  activityLooksMax,
  activityPauseMs,
  reconfigurationMs,
  reconfigurationPauseMs,
} from "../limits.ts";
import {
  electorateAfter,
  electorateOf,
  judgeQuorum,
  type Presence,
  type QuorumVerdict,
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

/** The one way in which members are changed. */
export class Reconfiguration {
  readonly #context: ServiceContext;

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
    const { member, timers } = this.#context;
    const endMs = timers.nowMs() + reconfigurationMs;
    for (;;) {
      const status = await this.look(signal);
      if (!request.force) await this.#checkQuorum(request, status, signal);
      request.check(status);
      const outcome = await member.changeMembers(request.changes, { signal });
      if (outcome.kind === "changed") return;
      if (outcome.kind !== "refused") throw rpcErrorOf(outcome);
      if (!isTransient(outcome.reason)) return request.refused(outcome.reason);
      if (timers.nowMs() >= endMs) throw new RpcError("timeout");
      await this.#pause(reconfigurationPauseMs);
    }
  }

  /**
   * A leader forgets once in each election timeout who has answered it, and knows again a heartbeat
   * later: who seems to be missing is looked for a few times.
   */
  async #checkQuorum(
    request: ReconfigurationRequest,
    seen: EngineStatus,
    signal: AbortSignal,
  ): Promise<void> {
    let status = seen;
    for (let looks = 1; ; looks++) {
      const now = electorateOf(status.configuration);
      const after = electorateAfter(status.configuration, request.changes);
      const verdict = judgeQuorum(now, after, presence(status, this.#context.member.members()));
      if (verdict === "safe") return;
      const mayPass = verdict === "unhealthy" && looks < activityLooksMax;
      if (!mayPass) request.endangered(verdict);
      await this.#pause(activityPauseMs);
      status = await this.look(signal);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#context.timers.after(delayMs, resolve));
  }
}

/** Who runs, by the leader's word; and who ever ran, by what members have told. */
function presence(status: EngineStatus, members: readonly MemberInfo[]): Presence {
  const started = new Set(members.filter(({ name }) => name !== "").map(({ id }) => nodeIdOf(id)));
  const isActive = (id: NodeId): boolean =>
    id === status.id || status.progress.get(id)?.recentlyActive === true;
  return { isActive, isStarted: (id) => started.has(id) || isActive(id) };
}
