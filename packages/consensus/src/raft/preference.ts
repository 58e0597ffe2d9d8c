/**
 * A leader that others are preferred to hands over: to the static leader, or to the most preferred
 * server that could take over without anybody noticing. Now and then only, so that a server that
 * comes and goes does not take the leadership with it each time.
 */
import { isElectable } from "../configuration.ts";
import type { Configuration, NodeId } from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import { refusalNow } from "./membership.ts";
import type { Server } from "./server.ts";
import { startTransfer } from "./transfer.ts";

/** Time passes on a leader. */
export function tickPreference(server: Server, leadership: Leadership): void {
  leadership.preferElapsed++;
  if (leadership.preferElapsed < server.limits.preferTicks) return;
  if (refusalNow(server, leadership) !== undefined) return;
  const heir = preferredTo(server.configuration, server.id).find((id) =>
    isReady(server, leadership, id),
  );
  if (heir === undefined) return;
  leadership.preferElapsed = 0;
  startTransfer(server, leadership, heir);
}

/** Who should lead rather than `self`, most wanted first. */
function preferredTo(configuration: Configuration, self: NodeId): readonly NodeId[] {
  const { staticLeader, preferred = [] } = configuration;
  if (staticLeader !== undefined) return staticLeader === self ? [] : [staticLeader];
  const at = preferred.indexOf(self);
  return at === -1 ? preferred : preferred.slice(0, at);
}

/** It is there, gets everything as it is written, and holds what was written a heartbeat ago. */
function isReady(server: Server, leadership: Leadership, id: NodeId): boolean {
  const { electionTicks, heartbeatTicks } = server.limits;
  const progress = leadership.progress.get(id);
  return (
    progress !== undefined &&
    isElectable(server.configuration, id) &&
    progress.isActive(server.tick, electionTicks) &&
    progress.state === "replicate" &&
    progress.matchIndex >= leadership.levels.ago(heartbeatTicks)
  );
}
