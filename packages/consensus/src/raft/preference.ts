/**
 * A leader that others are preferred to hands over: to the static leader, or to the most preferred
 * server that could take over without anybody noticing. Now and then only, so that a server that
 * comes and goes does not take the leadership with it each time.
 *
 * Who stands back is preferred by nobody, and prefers everybody else to itself, at once. Otherwise it
 * would be handed leadership, pass it on and be handed it again; and each time what it waits for, such as
 * a state from its leader, would begin anew.
 */
import { isElectable } from "../configuration.ts";
import type { Configuration, NodeId } from "../contract.ts";
import type { Leadership } from "./leadership.ts";
import { bestSuccessor, refusalNow } from "./membership.ts";
import type { Server } from "./server.ts";
import { startTransfer } from "./transfer.ts";

/** Time passes on a leader. */
export function tickPreference(server: Server, leadership: Leadership): void {
  leadership.preferElapsed++;
  if (server.standsBack) handOn(server, leadership);
  else if (leadership.preferElapsed >= server.limits.preferTicks) handOver(server, leadership);
}

/** To any that does not stand back, too, and gets what it lacks: in vain, this would hold up proposals. */
function handOn(server: Server, leadership: Leadership): void {
  if (leadership.transferTarget !== "") return;
  const heir = bestSuccessor(
    server,
    leadership,
    ({ standsBack, state }) => !standsBack && state === "replicate",
  );
  if (heir !== undefined) startTransfer(server, leadership, heir);
}

function handOver(server: Server, leadership: Leadership): void {
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

/** It is there, is ready to lead, gets everything as it is written, and holds what was a heartbeat ago. */
function isReady(server: Server, leadership: Leadership, id: NodeId): boolean {
  const { electionTicks, heartbeatTicks } = server.limits;
  const progress = leadership.progress.get(id);
  return (
    progress !== undefined &&
    !progress.standsBack &&
    isElectable(server.configuration, id) &&
    progress.isActive(server.tick, electionTicks) &&
    progress.state === "replicate" &&
    progress.matchIndex >= leadership.levels.ago(heartbeatTicks)
  );
}
