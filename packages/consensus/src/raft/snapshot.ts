/** Both ends of a snapshot's life here: one that was received, and the compaction that one allows. */
import { assert } from "@flotilla/base";
import type { LogIndex, SnapshotMeta } from "../contract.ts";
import { answerEnvelope, dataBytes, type Server } from "./server.ts";

/** The state machine was replaced: from here on the snapshot can be acknowledged and built upon. */
export function finishInstall(server: Server, snapshot: SnapshotMeta): void {
  const { installing } = server;
  if (installing?.index !== snapshot.index || installing.term !== snapshot.term) return;
  server.installing = undefined;
  server.releasedIndex = snapshot.index;
  server.appliedIndex = snapshot.index; // Also where it was ahead, of a log that was lost.
  if (server.leader === "") return; // Whoever leads next asks.
  const head = answerEnvelope(server, server.leader);
  server.outbox.sendAfterPersist({ kind: "appendAccepted", ...head, matchIndex: snapshot.index });
}

/**
 * Drops log entries up to `index`, but for those that a server will need once it has its snapshot. Does
 * nothing when they are gone already, or not here again yet.
 */
export function compact(server: Server, index: LogIndex): void {
  if (index <= server.log.compactedIndex) return;
  assert(index <= server.appliedIndex, "raft: only what is applied may be compacted");
  if (index > server.commitIndex) return;
  const target = Math.min(index, heldFrom(server, index));
  if (target <= server.log.compactedIndex) return;
  server.configurations.compactTo(target);
  server.log.compactTo(target);
}

/** Bytes of entries that are kept for servers on their way from a snapshot to the end of the log. */
const heldBytesMax = 64 * 1024 * 1024;

/**
 * Entries after this index are needed soon: without them a server whose snapshot takes longer than the
 * log goes back would be sent one snapshot after the other (trap T31). `index` when there are none, or
 * too many.
 */
function heldFrom(server: Server, index: LogIndex): LogIndex {
  const { leadership, log, tick, limits } = server;
  let from = index;
  for (const progress of leadership?.progress.values() ?? []) {
    if (progress.isCatchingUp && progress.isActive(tick, limits.electionTicks)) {
      from = Math.min(from, Math.max(progress.matchIndex, progress.snapshotIndex));
    }
  }
  const first = Math.max(from, log.compactedIndex) + 1;
  return dataBytes(log.slice(first, index)) > heldBytesMax ? index : from;
}
