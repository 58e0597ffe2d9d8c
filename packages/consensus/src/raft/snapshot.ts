/** Both ends of a snapshot's life here: one that was received, and the compaction that one allows. */
import { assert } from "@flotilla/base";
import type { LogIndex, SnapshotMeta } from "../contract.ts";
import { envelope, type Server } from "./server.ts";

/** The state machine was replaced: from here on the snapshot can be acknowledged and built upon. */
export function finishInstall(server: Server, snapshot: SnapshotMeta): void {
  const { installing } = server;
  if (installing?.index !== snapshot.index || installing.term !== snapshot.term) return;
  server.installing = undefined;
  server.releasedIndex = snapshot.index;
  server.appliedIndex = snapshot.index; // Also where it was ahead, of a log that was lost.
  if (server.leader === "") return; // Whoever leads next asks.
  const head = envelope(server, server.leader);
  server.outbox.sendAfterPersist({ kind: "appendAccepted", ...head, matchIndex: snapshot.index });
}

/** Drops log entries up to `index`. Does nothing when they are gone already, or not here again yet. */
export function compact(server: Server, index: LogIndex): void {
  if (index <= server.log.compactedIndex) return;
  assert(index <= server.appliedIndex, "raft: only what is applied may be compacted");
  if (index > server.commitIndex) return;
  server.configurations.compactTo(index);
  server.log.compactTo(index);
}
