/**
 * Servers that must not take part: how they find out, and what ends.
 *
 * For good: whoever was removed, was left behind by a forced recovery, runs under an id whose disk is
 * lost, or is to have data and has the disk of a witness. Until it is repaired: whoever has lost entries
 * that it had acknowledged. Both are reported in the status; nothing here is ever a crash.
 */
import { isBlank } from "../configuration.ts";
import type { LogIndex, NodeId } from "../contract.ts";
import { becomeFollower } from "./roles.ts";
import { type Exile, envelope, type MessageOf, type Server } from "./server.ts";

/** Takes no part any more. The first reason stands. */
export function isolate(server: Server, exile: Exile): void {
  if (server.exile !== undefined) return;
  server.exile = exile;
  becomeFollower(server, server.term, "");
}

/** The cluster goes on in `epoch`, without this server; also after a restart. */
export function supersede(server: Server, epoch: number, by: NodeId): void {
  server.supersededBy = epoch;
  isolate(server, { kind: "superseded", by });
}

/** Somebody says that this server does not belong here. */
export function onRefused(server: Server, message: MessageOf<"refused">): void {
  const { reason, from: by } = message;
  const epoch = message.epoch ?? 0;
  if (reason === "superseded") {
    if (epoch <= server.epoch) return; // From before this server came into its epoch.
    if (isBlank(server.configuration)) server.learnEpoch(epoch);
    else supersede(server, epoch, by);
    return;
  }
  if (epoch < server.epoch) return; // From servers that were left behind themselves.
  // Two servers may run under one id for a while: the other one is meant.
  if (reason === "lostDisk" && message.refusedIncarnation !== server.incarnation) return;
  isolate(server, { kind: reason, by });
}

/**
 * Does the configuration say that this server is out? Only a committed one counts: another may be
 * rolled back. A leader judges itself once it has handed over. To be called after every input.
 */
export function judgeMembership(server: Server): void {
  const { roster } = server;
  if (server.judged === roster || !server.isConfigurationCommitted || server.role === "leader") {
    return;
  }
  server.judged = roster;
  const { id, incarnation } = server;
  const known = roster.incarnationOf(id);
  const isOther = known !== 0 && incarnation !== 0 && known !== incarnation;
  if (roster.isRemoved(id)) isolate(server, { kind: "removed", by: id });
  else if (isOther) isolate(server, { kind: "lostDisk", by: id });
}

/** The leader relies on entries up to `commit`, as this server has acknowledged them; they are gone. */
export function noteLoss(server: Server, leader: NodeId, commit: LogIndex): void {
  server.lostUntil = Math.max(server.lostUntil, commit);
  // Once in a while, as the report may be lost, too; each makes the leader begin anew.
  if (server.tick - server.lossReportedTick < server.limits.electionTicks) return;
  server.lossReportedTick = server.tick;
  const { lastIndex } = server.log;
  const head = envelope(server, leader);
  server.outbox.sendAfterPersist({ kind: "dataLost", ...head, lastIndex });
}
