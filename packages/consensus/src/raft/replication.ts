/**
 * The leader's side of replication: what to send to whom, and what the answers mean.
 *
 * Sending is lazy: handlers only change the progress of a server, and {@link replicate} sends
 * once, when the driver takes the effects. All proposals of a turn then share their messages.
 *
 * Source: Raft paper section 5.3 and 5.4.2; etcd/raft for the flow control.
 */
import { assert } from "@flotilla/base";
import type { Entry, LogIndex, NodeId, SnapshotMeta } from "../contract.ts";
import { committedIndex } from "../quorum.ts";
import type { Leadership } from "./leadership.ts";
import type { Progress } from "./progress.ts";
import { dataBytes, envelope, type MessageOf, type Server } from "./server.ts";
import { continueTransfer } from "./transfer.ts";

/** Sends every server what it lacks, as far as its window allows. */
export function replicate(server: Server, leadership: Leadership): void {
  for (const [to, progress] of leadership.progress) replicateTo(server, to, progress);
}

function replicateTo(server: Server, to: NodeId, progress: Progress): void {
  if (progress.state === "probe") {
    if (!progress.paused) sendAppend(server, to, progress);
    return;
  }
  const { log } = server;
  while (
    progress.state === "replicate" &&
    progress.nextIndex <= log.lastIndex &&
    !progress.inflight.full
  ) {
    sendAppend(server, to, progress);
  }
  const isBehind = progress.mustPing || progress.sentCommitIndex < server.commitIndex;
  if (progress.state === "replicate" && isBehind) sendAppend(server, to, progress);
}

/** One append from `nextIndex` on, with as many entries as fit; none if the window is full. */
function sendAppend(server: Server, to: NodeId, progress: Progress): void {
  const { log } = server;
  const prevIndex = progress.nextIndex - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) {
    sendSnapshot(server, to, progress);
    return;
  }
  const last = progress.inflight.full ? prevIndex : lastThatFits(server, progress.nextIndex);
  const entries: readonly Entry[] = log.slice(progress.nextIndex, last);
  const commit = server.commitIndex;
  const head = envelope(server, to);
  server.outbox.send({ kind: "appendRequest", ...head, prevIndex, prevTerm, entries, commit });
  progress.sentCommitIndex = commit;
  progress.sent(last, dataBytes(entries));
}

/** The last entry of an append that starts at `first`: one entry always fits. */
function lastThatFits(server: Server, first: LogIndex): LogIndex {
  const { log, limits } = server;
  const { lastIndex } = log;
  let bytes = 0;
  for (let index = first; index <= lastIndex; index++) {
    bytes += log.at(index).data.length + entryOverheadBytes;
    if (bytes > limits.appendBytesMax && index > first) return index - 1;
  }
  return lastIndex;
}

/** Counted for each entry besides its data, so that empty entries do not make endless messages. */
const entryOverheadBytes = 16;

/** The follower needs entries that are compacted away: offers it the state machine as it is now. */
function sendSnapshot(server: Server, to: NodeId, progress: Progress): void {
  // To a server that does not answer, the bytes would be sent in vain.
  if (!progress.recentlyActive) return;
  const snapshot = presentSnapshot(server);
  progress.becomeSnapshot(snapshot.index);
  server.outbox.send({ kind: "installSnapshot", ...envelope(server, to), snapshot });
}

function presentSnapshot(server: Server): SnapshotMeta {
  const index = server.appliedIndex;
  const term = server.log.termAt(index);
  assert(term !== undefined, "raft: the state machine is older than the log");
  return { index, term, configuration: server.configurations.at(index) };
}

/** A follower has durably what the leader has, up to an index. */
export function onAppendAccepted(
  server: Server,
  leadership: Leadership,
  message: MessageOf<"appendAccepted">,
): void {
  const progress = leadership.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentlyActive = true;
  const { matchIndex } = message;
  if (matchIndex > server.log.lastIndex) {
    // It holds more committed entries than this leader: one of the two has lost its disk.
    server.noteDivergence(server.log.lastIndex + 1);
    return;
  }
  if (!progress.accepted(matchIndex, server.log.firstIndex)) return;
  advanceCommit(server, leadership);
  continueTransfer(server, leadership);
}

/** A follower's log does not meet the append; the hint says where it could. */
export function onAppendRejected(
  server: Server,
  leadership: Leadership,
  message: MessageOf<"appendRejected">,
): void {
  const progress = leadership.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentlyActive = true;
  // Entries of ours with a higher term than the follower has at the hint cannot be there either.
  const hintIndex = server.log.lastIndexWithin(message.hintIndex, message.hintTerm);
  progress.rejected(message.rejectedIndex, hintIndex);
}

/**
 * Commits what a quorum holds durably, this server only as far as its own disk has it.
 *
 * Only an entry of the present term is committed by counting, and all before it with it: an older
 * one on a majority can still be overwritten (Raft paper, figure 8).
 */
export function advanceCommit(server: Server, leadership: Leadership): void {
  const index = committedIndex(server.configuration, (id) =>
    id === server.id
      ? server.persistence.durableIndex
      : (leadership.progress.get(id)?.matchIndex ?? 0),
  );
  if (index <= server.commitIndex || server.log.termAt(index) !== server.term) return;
  server.commitTo(index);
}
