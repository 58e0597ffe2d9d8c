/**
 * The Raft engine: routes inputs to handlers by role and message, and hands out effects.
 *
 * Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (the Raft
 * paper), Ongaro's dissertation (the thesis), and etcd/raft for what both leave open. Pure: see
 * {@link Engine}. Pre-vote, quorum checks and leader stickiness are always on together: each alone
 * has known ways to get stuck.
 */
import { soleVoter } from "../configuration.ts";
import type {
  ChangeOutcome,
  Configuration,
  ConfigurationChange,
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
  Role,
  SnapshotMeta,
  Term,
} from "../contract.ts";
import { admit, isPlausible } from "./admission.ts";
import { type AdmittedMessage, stepFollowing, stepLeading } from "./dispatch.ts";
import { onDurableVote, tickElection } from "./election.ts";
import { judgeMembership, onRefused } from "./isolation.ts";
import { proposeHere, tickLeader } from "./leader.ts";
import { change } from "./membership.ts";
import { beginReadRound, startRead, tickReads } from "./read-index.ts";
import { advanceCommit, replicate } from "./replication.ts";
import { envelope, Server } from "./server.ts";
import { compact, finishInstall } from "./snapshot.ts";
import { statusOf } from "./status.ts";
import { startTransfer } from "./transfer.ts";
import { isWelcome } from "./welcome.ts";

/**
 * Starts a Raft engine from what the disk gave back.
 *
 * `state` must be sound: contiguous entries, and a state machine not older than the snapshot; throws
 * `InvariantError` otherwise. A log that ends before what is committed or applied is taken for a disk
 * that has forgotten: the engine is then isolated until it has been given those entries again.
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
    judgeMembership(this.server);
  }

  get role(): Role {
    return this.server.role;
  }

  get term(): Term {
    return this.server.term;
  }

  get leader(): NodeId {
    return this.server.leader;
  }

  get configuration(): Configuration {
    return this.server.configuration;
  }

  tick(): void {
    const { server } = this;
    server.tick++;
    if (server.leadership !== undefined) tickLeader(server, server.leadership);
    else tickElection(server);
    tickReads(server);
    judgeMembership(server);
  }

  step(message: Message): void {
    const { server } = this;
    if (message.to !== server.id || message.from === server.id || !isPlausible(message)) return;
    if (server.exile !== undefined) return;
    if (message.kind === "refused") onRefused(server, message);
    else if (isWelcome(server, message) && admit(server, message)) this.#dispatch(message);
    judgeMembership(server);
  }

  #dispatch(message: AdmittedMessage): void {
    const { server } = this;
    if (server.leadership === undefined) stepFollowing(server, message);
    else stepLeading(server, server.leadership, message);
  }

  propose(data: readonly Uint8Array[]): ProposeOutcome {
    const { server } = this;
    if (server.leadership !== undefined) return proposeHere(server, server.leadership, data);
    if (server.exile !== undefined) return { kind: "dropped", reason: "isolated" };
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

  standBack(isBack: boolean): void {
    this.server.standsBack = isBack;
  }

  change(changes: readonly ConfigurationChange[]): ChangeOutcome {
    const { leadership } = this.server;
    if (leadership === undefined) return { kind: "refused", reason: "notLeader" };
    return change(this.server, leadership, changes);
  }

  persisted(token: PersistToken): void {
    const { server } = this;
    const durableVote = server.persistence.complete(token);
    if (durableVote === undefined) return;
    onDurableVote(server, durableVote);
    if (server.leadership !== undefined) advanceCommit(server, server.leadership);
    judgeMembership(server);
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

  takeEffects(nowMs?: number): Effects | undefined {
    const { server } = this;
    const { leadership } = server;
    if (leadership !== undefined) {
      beginReadRound(server, leadership, nowMs);
      replicate(server, leadership);
      leadership.lease?.leave(nowMs);
    }
    const persist = server.persistence.take(server.log, server.hardState, server.tick);
    return server.outbox.take(persist, server.releaseCommitted());
  }

  status(): EngineStatus {
    return statusOf(this.server);
  }
}
