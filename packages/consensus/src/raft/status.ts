/** What an operator may know about a server. */
import type { EngineStatus, NodeId } from "../contract.ts";
import type { Server } from "./server.ts";

type ProgressStatus =
  EngineStatus["progress"] extends ReadonlyMap<NodeId, infer Value> ? Value : never;

/** A copy: it does not change any more. O(servers). */
export function statusOf(server: Server): EngineStatus {
  const progress = new Map<NodeId, ProgressStatus>();
  for (const [id, { matchIndex, state, recentlyActive }] of server.leadership?.progress ?? []) {
    progress.set(id, { matchIndex, state, recentlyActive });
  }
  return {
    id: server.id,
    role: server.role,
    term: server.term,
    leader: server.leader,
    commitIndex: server.commitIndex,
    appliedIndex: server.appliedIndex,
    firstIndex: server.log.firstIndex,
    lastIndex: server.log.lastIndex,
    configuration: server.configuration,
    configurationIndex: server.configurations.index,
    isConfigurationCommitted: server.isConfigurationCommitted,
    transferTarget: server.leadership?.transferTarget ?? "",
    ...(server.diverged === undefined ? {} : { diverged: server.diverged }),
    progress,
  };
}
