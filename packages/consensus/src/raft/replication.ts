/**
 * The leader's side of replication: what to send to whom, and what the answers mean.
 *
 * Sending is lazy: handlers only change the progress of a server, and {@link replicate} sends
 * once, when the driver takes the effects. All proposals of a turn then share their messages.
 *
 * Source: Raft paper section 5.3 and 5.4.2; etcd/raft for the flow control.
 */
import { assert } from "@flotilla/base";
import type { Entry, Envelope, LogIndex, NodeId, SnapshotMeta } from "../contract.ts";
import { committedIndex } from "../quorum.ts";
import type { Leadership } from "./leadership.ts";
import { continueChange } from "./membership.ts";
import type { Progress } from "./progress.ts";
import { dataBytes, envelope, type MessageOf, type Server } from "./server.ts";
import { continueTransfer } from "./transfer.ts";
import { withoutData, witnessLimit } from "./witness.ts";

/** Sends every server what it lacks, as far as its window allows. */
export function replicate(server: Server, leadership: Leadership): void {
  for (const [to, progress] of leadership.progress) {
    const limit = progress.isWitness ? witnessLimit(server, leadership) : server.log.lastIndex;
    replicateTo(server, { to, limit }, progress);
  }
}

/** Who gets entries, and the last one of them that it may get. */
interface Receiver {
  readonly to: NodeId;
  readonly limit: LogIndex;
}

function replicateTo(server: Server, receiver: Receiver, progress: Progress): void {
  if (progress.state === "probe") {
    if (!progress.paused) sendAppend(server, receiver, progress);
    return;
  }
  while (
    progress.state === "replicate" &&
    progress.nextIndex <= receiver.limit &&
    !progress.inflight.full
  ) {
    sendAppend(server, receiver, progress);
  }
  // A server that takes nothing in is not told each commit: it gets one append for each heartbeat that
  // it answers.
  const isNews = progress.sentCommitIndex < server.commitIndex && !progress.inflight.full;
  if (progress.state === "replicate" && (isNews || progress.mustPing))
    sendAppend(server, receiver, progress);
}

/** One append from `nextIndex` on, with as many entries as fit; none if the window is full. */
function sendAppend(server: Server, { to, limit }: Receiver, progress: Progress): void {
  const { log } = server;
  const prevIndex = progress.nextIndex - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) {
    sendSnapshot(server, to, progress);
    return;
  }
  const last = progress.inflight.full
    ? prevIndex
    : Math.max(prevIndex, lastThatFits(server, progress.nextIndex, limit));
  const held: readonly Entry[] = log.slice(progress.nextIndex, last);
  const entries = progress.isWitness ? withoutData(held) : held;
  const commit = server.commitIndex;
  const head = headOf(server, to, progress);
  server.outbox.send({ kind: "appendRequest", ...head, prevIndex, prevTerm, entries, commit });
  progress.sentCommitIndex = commit;
  progress.sent(last, dataBytes(entries));
}

/** A witness is told that it is one. */
function headOf(
  server: Server,
  to: NodeId,
  { isWitness }: Progress,
): Envelope & { readonly lacksData?: true } {
  const head = envelope(server, to);
  return isWitness ? { ...head, lacksData: true } : head;
}

/** The last entry, up to `limit`, of an append that starts at `first`: one entry always fits. */
function lastThatFits(server: Server, first: LogIndex, limit: LogIndex): LogIndex {
  const { log, limits } = server;
  let bytes = 0;
  for (let index = first; index <= limit; index++) {
    bytes += log.at(index).data.length + entryOverheadBytes;
    if (bytes > limits.appendBytesMax && index > first) return index - 1;
  }
  return limit;
}

/** Counted for each entry besides its data, so that empty entries do not make endless messages. */
const entryOverheadBytes = 16;

/** The follower needs entries that are compacted away: offers it the state machine as it is now. */
function sendSnapshot(server: Server, to: NodeId, progress: Progress): void {
  // To a server that does not answer, the bytes would be sent in vain: it is asked again once it does.
  if (!progress.isActive(server.tick, server.limits.electionTicks)) {
    progress.unreachable();
    return;
  }
  const snapshot = presentSnapshot(server);
  progress.becomeSnapshot(snapshot.index);
  const head = headOf(server, to, progress);
  server.outbox.send({ kind: "installSnapshot", ...head, snapshot });
  // A witness gets no bytes whose end the driver could report: the next probe tells.
  if (progress.isWitness) progress.snapshotSent(true);
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
  progress.answered(server.tick, message.incarnation ?? 0);
  progress.standsBack = message.standsBack === true;
  const { matchIndex } = message;
  if (matchIndex > server.log.lastIndex) {
    // It holds more committed entries than this leader: one of the two has lost its disk.
    server.noteDivergence(server.log.lastIndex + 1);
    return;
  }
  if (!progress.accepted(matchIndex, server.log.firstIndex)) return;
  if (matchIndex >= server.commitIndex) progress.isCatchingUp = false;
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
  progress.answered(server.tick, message.incarnation ?? 0);
  // Entries of ours with a higher term than the follower has at the hint cannot be there either.
  const hintIndex = server.log.lastIndexWithin(message.hintIndex, message.hintTerm);
  progress.rejected(message.rejectedIndex, hintIndex);
}

/** A follower has lost what it had acknowledged: it is given all of that again. */
export function onDataLost(
  server: Server,
  leadership: Leadership,
  message: MessageOf<"dataLost">,
): void {
  const progress = leadership.progress.get(message.from);
  if (progress === undefined) return;
  progress.answered(server.tick, message.incarnation ?? 0);
  progress.lost(Math.min(message.lastIndex, server.log.lastIndex));
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
  continueChange(server, leadership);
}
