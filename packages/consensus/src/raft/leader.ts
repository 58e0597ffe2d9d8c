/** A leader's own duties: proposals, heartbeats, and the checks that it still is one. */
import type { ProposeOutcome } from "../contract.ts";
import { hasQuorum } from "../quorum.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import type { Leadership } from "./leadership.ts";
import { tickMembership } from "./membership.ts";
import { tickPreference } from "./preference.ts";
import { confirmHeartbeats } from "./read-index.ts";
import { registerIncarnations } from "./registration.ts";
import { becomeFollower } from "./roles.ts";
import type { MessageOf, Server } from "./server.ts";
import { repeatTransfer, tickTransfer } from "./transfer.ts";

/** Appends proposals. They are sent when the effects are taken, while the disk writes them here. */
export function proposeHere(
  server: Server,
  leadership: Leadership,
  data: readonly Uint8Array[],
): ProposeOutcome {
  const { transferTarget, isLeaving } = leadership;
  if (transferTarget !== "" || isLeaving) return { kind: "dropped", reason: "transferring" };
  let bytes = 0;
  for (const each of data) bytes += each.length;
  const total = leadership.uncommittedBytes + bytes;
  // What is larger than the limit by itself is let through when nothing else is on its way.
  if (total > server.limits.uncommittedBytesMax && leadership.uncommittedBytes > 0) {
    return { kind: "dropped", reason: "tooManyUncommitted" };
  }
  leadership.uncommittedBytes = total;
  const firstIndex = server.log.lastIndex + 1;
  const { term } = server;
  // Entries without data are told apart by nothing on disk, so that an empty command is a no-op.
  const entries = data.map((each, offset) => ({
    index: firstIndex + offset,
    term,
    kind: each.length === 0 ? ("noop" as const) : ("command" as const),
    data: each,
  }));
  server.write(entries);
  return { kind: "appended", term, firstIndex };
}

/** Time passes on a leader. */
export function tickLeader(server: Server, leadership: Leadership): void {
  leadership.heartbeatElapsed++;
  leadership.levels.note(server.log.lastIndex);
  // Heartbeats of a leader that cannot write would keep the others from electing one that can.
  if (server.isDiskStalled || !hearsQuorum(server, leadership)) {
    becomeFollower(server, server.term, "");
    return;
  }
  tickTransfer(server, leadership);
  tickMembership(server, leadership);
  if (server.leadership !== leadership) return;
  tickPreference(server, leadership);
  registerIncarnations(server, leadership);
  if (leadership.heartbeatElapsed >= server.limits.heartbeatTicks) {
    leadership.heartbeatElapsed = 0;
    broadcastHeartbeat(server, leadership, leadership.reads.next());
    repeatTransfer(server, leadership);
  }
}

/** Did a quorum answer within the last election timeout? New servers have the time for it. */
function hearsQuorum(server: Server, leadership: Leadership): boolean {
  const { tick, limits } = server;
  return hasQuorum(server.configuration, (id) => {
    if (id === server.id) return true;
    const progress = leadership.progress.get(id);
    if (progress === undefined) return false;
    return tick - Math.max(progress.heardTick, progress.sinceTick) < limits.electionTicks;
  });
}

/** A server is alive and follows this leader. */
export function onHeartbeatResponse(
  server: Server,
  leadership: Leadership,
  message: MessageOf<"heartbeatResponse">,
): void {
  const progress = leadership.progress.get(message.from);
  if (progress === undefined || message.readRound > leadership.reads.current) return;
  progress.answered(server.tick, message.incarnation ?? 0);
  progress.standsBack = message.standsBack === true;
  progress.heard(server.log.lastIndex);
  if (message.readRound <= progress.readRound) return;
  progress.readRound = message.readRound;
  confirmHeartbeats(server, leadership);
}
