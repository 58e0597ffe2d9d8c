/** What a server does with the messages of its leader (Raft paper sections 5.3 and 7). */
import type { NodeId } from "../contract.ts";
import { type AppendDecision, decideAppend, type LogView } from "./append-decision.ts";
import { isolate, noteLoss } from "./isolation.ts";
import { becomeFollower } from "./roles.ts";
import { answerEnvelope, envelope, type MessageOf, type Server } from "./server.ts";

/** Follows the sender; false when there already is another leader in this term, which cannot be. */
export function followLeader(server: Server, leader: NodeId): boolean {
  if (server.leader !== leader) {
    if (server.leader !== "") return false;
    becomeFollower(server, server.term, leader);
  }
  server.electionElapsed = 0;
  server.leaderHeardTick = server.tick;
  server.standsIn = false;
  return true;
}

/** The leader sends entries, or asks whether the logs meet. */
export function onAppendRequest(server: Server, message: MessageOf<"appendRequest">): void {
  if (!followLeader(server, message.from) || !canBuildUpon(server, message)) return;
  // While a snapshot is being installed nothing may be acknowledged that builds on it. The leader
  // asks again after its next heartbeat.
  if (server.installing !== undefined) return;
  const decision = decideAppend(viewOf(server), message);
  answerAppend(server, message, decision);
}

/**
 * Holes in the data cannot be seen in a log. Whoever was sent some as a witness, by a change that was
 * rolled back, is of no use to a leader that has added it with data since.
 */
function canBuildUpon(
  server: Server,
  { from, lacksData }: MessageOf<"appendRequest" | "installSnapshot">,
): boolean {
  if (lacksData === true) server.lacksData = true;
  else if (server.lacksData) isolate(server, { kind: "lacksData", by: from });
  return server.exile === undefined;
}

function answerAppend(
  server: Server,
  message: MessageOf<"appendRequest">,
  decision: AppendDecision,
): void {
  switch (decision.kind) {
    case "accept": {
      const { matchIndex } = decision;
      const head = answerEnvelope(server, message.from);
      server.write(decision.append);
      server.noteAccepted(matchIndex);
      // Not further than this message has verified: beyond it the logs may still differ.
      server.commitTo(Math.min(message.commit, matchIndex));
      server.outbox.sendAfterPersist({ kind: "appendAccepted", ...head, matchIndex });
      return;
    }
    case "reject": {
      const { hintIndex, hintTerm } = decision;
      const head = envelope(server, message.from);
      const answer = { kind: "appendRejected", ...head, rejectedIndex: message.prevIndex } as const;
      server.outbox.sendAfterPersist({ ...answer, hintIndex, hintTerm });
      return;
    }
    case "diverged":
      server.noteDivergence(decision.index);
      return;
  }
}

function viewOf(server: Server): LogView {
  const { log } = server;
  return {
    lastIndex: log.lastIndex,
    compactedIndex: log.compactedIndex,
    commitIndex: server.commitIndex,
    termAt: (index) => log.termAt(index),
    lastIndexWithin: (index, term) => log.lastIndexWithin(index, term),
  };
}

/** The leader is alive; its commit index is at most what it knows to be durable here. */
export function onHeartbeat(server: Server, message: MessageOf<"heartbeat">): void {
  if (!followLeader(server, message.from)) return;
  commitKnown(server, message);
  const { readRound } = message;
  const head = answerEnvelope(server, message.from);
  server.outbox.send({ kind: "heartbeatResponse", ...head, readRound });
}

function commitKnown(server: Server, { from, commit }: MessageOf<"heartbeat">): void {
  if (commit > server.log.lastIndex) {
    // We acknowledged entries and do not have them: this disk has forgotten something.
    noteLoss(server, from, commit);
    return;
  }
  // What was acknowledged may also have been replaced, by an older state of the disk: not further
  // than the logs are known to be equal.
  server.commitTo(Math.min(commit, server.verifiedIndex));
}

/** The leader has compacted what this server lacks, and sends its state instead. */
export function onInstallSnapshot(server: Server, message: MessageOf<"installSnapshot">): void {
  if (!followLeader(server, message.from) || !canBuildUpon(server, message)) return;
  // One at a time. The leader finds out by probing what it still has to send.
  if (server.installing !== undefined) return;
  const { snapshot } = message;
  const head = answerEnvelope(server, message.from);
  const isOld = snapshot.index <= server.commitIndex;
  // The log goes beyond the snapshot and agrees with it: nothing may be thrown away.
  const isHeld = server.log.termAt(snapshot.index) === snapshot.term;
  if (isOld || isHeld) {
    server.commitTo(snapshot.index);
    server.noteAccepted(server.commitIndex);
    const matchIndex = server.commitIndex;
    server.outbox.sendAfterPersist({ kind: "appendAccepted", ...head, matchIndex });
    return;
  }
  server.restart(snapshot);
}
