/**
 * The Raft engine: routes inputs to handlers by role and message, and hands out effects.
 *
 * Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (the Raft
 * paper), Ongaro's dissertation (the thesis), and etcd/raft for what both leave open. Pure: see
 * {@link Engine}. Pre-vote, quorum checks and leader stickiness are always on together: each alone
 * has known ways to get stuck.
 */
import { assertNever } from "@flotilla/base";
import { soleVoter } from "../configuration.ts";
import type {
  Effects,
  Engine,
  EngineOptions,
  EngineState,
  EngineStatus,
  LogIndex,
  Message,
  NodeId,
  PersistToken,
  ProposeOutcome,
  SnapshotMeta,
} from "../contract.ts";
import { admit, isPlausible } from "./admission.ts";
import {
  onDurableVote,
  onPreVoteRequest,
  onPreVoteResponse,
  onTimeoutNow,
  onVoteRequest,
  onVoteResponse,
  tickElection,
} from "./election.ts";
import { onAppendRequest, onHeartbeat, onInstallSnapshot } from "./follower.ts";
import { onHeartbeatResponse, proposeHere, tickLeader } from "./leader.ts";
import type { Leadership } from "./leadership.ts";
import {
  beginReadRound,
  onReadRequest,
  onReadResponse,
  startRead,
  tickReads,
} from "./read-index.ts";
import { advanceCommit, onAppendAccepted, onAppendRejected, replicate } from "./replication.ts";
import { envelope, Server } from "./server.ts";
import { compact, finishInstall } from "./snapshot.ts";
import { statusOf } from "./status.ts";
import { startTransfer } from "./transfer.ts";

/**
 * Starts a Raft engine from what the disk gave back.
 *
 * `state` must be sound (contiguous entries, nothing applied or committed beyond the log): whoever
 * reads it has checked it. Throws `InvariantError` otherwise, rather than vote with a lost memory.
 */
export function createRaft(options: EngineOptions, state: EngineState): Engine {
  return new Raft(options, state);
}

/** The engine; tests and simulators may look at its `server`. */
export class Raft implements Engine {
  readonly server: Server;

  constructor(options: EngineOptions, state: EngineState) {
    this.server = new Server(options, state);
    // Who votes alone has no leader to wait for.
    if (soleVoter(this.server.configuration, options.id)) this.server.electionTimeoutTicks = 1;
  }

  tick(): void {
    const { server } = this;
    server.tick++;
    if (server.leadership !== undefined) tickLeader(server, server.leadership);
    else tickElection(server);
    tickReads(server);
  }

  step(message: Message): void {
    const { server } = this;
    if (message.to !== server.id || message.from === server.id || !isPlausible(message)) return;
    if (!admit(server, message)) return;
    if (server.leadership === undefined) stepFollowing(server, message);
    else stepLeading(server, server.leadership, message);
  }

  propose(data: readonly Uint8Array[]): ProposeOutcome {
    const { server } = this;
    if (server.leadership !== undefined) return proposeHere(server, server.leadership, data);
    const { leader } = server;
    if (leader === "") return { kind: "dropped", reason: "noLeader" };
    server.outbox.send({ kind: "forwardedProposals", ...envelope(server, leader), data });
    return { kind: "forwarded", leader };
  }

  read(requestId: number): void {
    startRead(this.server, requestId);
  }

  transferLeadership(target: NodeId): void {
    const { leadership } = this.server;
    if (leadership !== undefined) startTransfer(this.server, leadership, target);
  }

  persisted(token: PersistToken): void {
    const { server } = this;
    const durableVote = server.persistence.complete(token);
    if (durableVote === undefined) return;
    onDurableVote(server, durableVote);
    if (server.leadership !== undefined) advanceCommit(server, server.leadership);
  }

  applied(index: LogIndex): void {
    this.server.noteApplied(index);
  }

  snapshotInstalled(snapshot: SnapshotMeta): void {
    finishInstall(this.server, snapshot);
  }

  snapshotSent(to: NodeId, delivered: boolean): void {
    this.server.leadership?.progress.get(to)?.snapshotSent(delivered);
  }

  unreachable(to: NodeId): void {
    this.server.leadership?.progress.get(to)?.unreachable();
  }

  compact(index: LogIndex): void {
    compact(this.server, index);
  }

  takeEffects(): Effects | undefined {
    const { server } = this;
    const { leadership } = server;
    if (leadership !== undefined) {
      beginReadRound(server, leadership);
      replicate(server, leadership);
    }
    const persist = server.persistence.take(server.log, server.hardState, server.tick);
    return server.outbox.take(persist, server.releaseCommitted());
  }

  status(): EngineStatus {
    return statusOf(this.server);
  }
}

/** A message in the present term, at a server that does not lead it. */
function stepFollowing(server: Server, message: Message): void {
  switch (message.kind) {
    case "appendRequest":
      onAppendRequest(server, message);
      break;
    case "heartbeat":
      onHeartbeat(server, message);
      break;
    case "installSnapshot":
      onInstallSnapshot(server, message);
      break;
    case "preVoteRequest":
      onPreVoteRequest(server, message);
      break;
    case "preVoteResponse":
      onPreVoteResponse(server, message);
      break;
    case "voteRequest":
      onVoteRequest(server, message);
      break;
    case "voteResponse":
      onVoteResponse(server, message);
      break;
    case "timeoutNow":
      onTimeoutNow(server, message);
      break;
    case "readResponse":
      onReadResponse(server, message);
      break;
    case "appendAccepted":
    case "appendRejected":
    case "heartbeatResponse":
    case "forwardedProposals":
    case "readRequest":
      break; // For a leader, which this server is not any more.
    default:
      assertNever(message);
  }
}

/** A message in the term that this server leads. */
function stepLeading(server: Server, leadership: Leadership, message: Message): void {
  switch (message.kind) {
    case "appendAccepted":
      onAppendAccepted(server, leadership, message);
      break;
    case "appendRejected":
      onAppendRejected(server, leadership, message);
      break;
    case "heartbeatResponse":
      onHeartbeatResponse(server, leadership, message);
      break;
    case "forwardedProposals":
      proposeHere(server, leadership, message.data);
      break;
    case "readRequest":
      onReadRequest(leadership, message);
      break;
    case "preVoteRequest":
      onPreVoteRequest(server, message);
      break;
    case "voteRequest":
      onVoteRequest(server, message);
      break;
    case "preVoteResponse":
    case "voteResponse":
    case "readResponse":
      break; // Late: the campaign or the question is over.
    case "appendRequest":
    case "heartbeat":
    case "installSnapshot":
    case "timeoutNow":
      break; // Only a leader sends these, and there is one in a term.
    default:
      assertNever(message);
  }
}
