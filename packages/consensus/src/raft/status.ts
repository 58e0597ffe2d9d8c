/** What an operator may know about a server. */
import type { EngineStatus, Isolation, NodeId } from "../contract.ts";
import type { Server } from "./server.ts";

type ProgressStatus =
  EngineStatus["progress"] extends ReadonlyMap<NodeId, infer Value> ? Value : never;

/** A copy: it does not change any more. O(servers). */
export function statusOf(server: Server): EngineStatus {
  const progress = new Map<NodeId, ProgressStatus>();
  const { tick, limits } = server;
  for (const [id, each] of server.leadership?.progress ?? []) {
    if (each.departure !== undefined) continue; // Not in the configuration.
    const { matchIndex, state, hasLostEntries, standsBack } = each;
    const recentlyActive = each.isActive(tick, limits.electionTicks);
    progress.set(id, {
      matchIndex,
      state,
      recentlyActive,
      ...(hasLostEntries ? { hasLostEntries } : {}),
      ...(standsBack ? { standsBack } : {}),
    });
  }
  const isolation = isolationOf(server);
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
    ...(isolation === undefined ? {} : { isolation }),
    progress,
  };
}

function isolationOf(server: Server): Isolation | undefined {
  if (server.exile !== undefined) return server.exile;
  return server.hasLostEntries ? { kind: "lostEntries", until: server.lostUntil } : undefined;
}
