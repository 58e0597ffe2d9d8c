/**
 * Linearizable reads without a log entry: ReadIndex (Raft thesis section 6.4).
 *
 * 1. A leader waits until an entry of its own term is committed: before that it may not know all
 *    that its predecessors have committed.
 * 2. It notes its commit index and starts a round: a quorum confirms that it still leads.
 * 3. Whoever asked may serve the read once that index is applied there.
 *
 * With a lease, step 2 is not needed while the lease is held, see {@link Lease}.
 */
import { committedIndex } from "../quorum.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import type { Leadership } from "./leadership.ts";
import type { ReadRequest } from "./read-rounds.ts";
import { envelope, type MessageOf, type Server } from "./server.ts";

/** Our own driver wants to read: registers that here, or asks the leader. */
export function startRead(server: Server, requestId: number): void {
  const { leadership, outbox } = server;
  if (server.exile !== undefined) {
    outbox.readDropped(requestId);
    return;
  }
  if (leadership !== undefined) {
    if (!leadership.reads.add({ from: server.id, requestId })) outbox.readDropped(requestId);
    return;
  }
  const number =
    server.leader === "" ? undefined : server.forwardedReads.add(requestId, server.tick);
  if (number === undefined) {
    outbox.readDropped(requestId);
    return;
  }
  outbox.send({ kind: "readRequest", ...envelope(server, server.leader), requestId: number });
}

/** A follower asks. Beyond the limit it gets no answer, and gives up by itself. */
export function onReadRequest(leadership: Leadership, message: MessageOf<"readRequest">): void {
  leadership.reads.add({ from: message.from, requestId: message.requestId });
}

/** The leader's answer to a read of ours. */
export function onReadResponse(server: Server, message: MessageOf<"readResponse">): void {
  if (message.from !== server.leader) return;
  const requestId = server.forwardedReads.answer(message.requestId);
  if (requestId !== undefined) server.outbox.readReady({ requestId, index: message.index });
}

/** Gives up reads that the leader has not answered within an election timeout. */
export function tickReads(server: Server): void {
  for (const requestId of server.forwardedReads.expire(server.tick - server.limits.electionTicks)) {
    server.outbox.readDropped(requestId);
  }
}

/** Serves all reads that wait by the lease, or starts a round for them, if any may be served yet. */
export function beginReadRound(
  server: Server,
  leadership: Leadership,
  nowMs: number | undefined,
): void {
  const { reads, lease } = leadership;
  if (!reads.hasWaiting) return;
  if (server.log.termAt(server.commitIndex) !== server.term) return;
  if (lease?.isHeld(nowMs) === true) {
    for (const request of reads.serveWaiting()) serve(server, request, server.commitIndex);
    return;
  }
  const round = reads.begin(server.commitIndex);
  // Alone, this server is the quorum.
  if (!confirmReads(server, leadership)) broadcastHeartbeat(server, leadership, round);
}

/** A server has answered a heartbeat: serves what a quorum has confirmed, and prolongs the lease. */
export function confirmHeartbeats(server: Server, leadership: Leadership): void {
  if (leadership.reads.hasOpen || leadership.lease !== undefined) confirmReads(server, leadership);
}

/** True when no round is left open. */
function confirmReads(server: Server, leadership: Leadership): boolean {
  const { reads, progress, lease } = leadership;
  const confirmedRound = committedIndex(server.configuration, (id) =>
    id === server.id ? reads.current : (progress.get(id)?.readRound ?? 0),
  );
  lease?.confirm(confirmedRound);
  for (const { index, requests } of reads.confirm(confirmedRound)) {
    for (const request of requests) serve(server, request, index);
  }
  return confirmedRound === reads.current;
}

function serve(server: Server, request: ReadRequest, index: number): void {
  const { from, requestId } = request;
  if (from === server.id) server.outbox.readReady({ requestId, index });
  else server.outbox.send({ kind: "readResponse", ...envelope(server, from), requestId, index });
}
