/**
 * One running member: its replica, and what of a process that needs.
 *
 * The replica decides; here are its timers, its peers, the life cycle, and the promises that the API
 * floors speak.
 */
import { type Clock, type Logger, WireError } from "@flotilla/base";
import {
  type ConfigurationChange,
  decodeMessage,
  type Engine,
  type EngineStatus,
  encodeMessage,
  type Message,
  type NodeId,
} from "@flotilla/consensus";
import { nodeTimers, type PeerHandlers, type PeerTransport } from "@flotilla/peer";
import { appliedConfiguration, createReplica, type Replica } from "@flotilla/replica";
import type { Command, MemberAttributes, StoreReader } from "@flotilla/store";
import { promised } from "./callbacks.ts";
import type {
  BarrierOutcome,
  ChangeMembersOutcome,
  Leadership,
  MemberInfo,
  MemberStatus,
  ProposeOutcome,
  RenewOutcome,
  TimeToLiveOutcome,
} from "./contract.ts";
import type { DataDirectory } from "./data-directory.ts";
import { MemberError } from "./errors.ts";
import { type Founding, memberIdOf, nodeIdOf } from "./identity.ts";
import { LeadershipWatch } from "./leadership-watch.ts";
import { advertiseRetryMs, handOverMs } from "./limits.ts";
import { memberInfos, sameAttributes } from "./membership.ts";
import type { RunningMember } from "./options.ts";
import type { Settings } from "./settings.ts";
import { watchStalls } from "./stall-watch.ts";
import { MemberState } from "./state-storage.ts";
import { successorOf } from "./successor.ts";

/** What a member is made of. */
export interface MemberParts {
  readonly founding: Founding;
  readonly settings: Settings;
  readonly data: DataDirectory;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names a start of a member, or a session of one: never used before. */
  newSession(): bigint;
}

export class LocalMember implements RunningMember {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  readonly leaseTtlMinSeconds: number;
  readonly stopped: Promise<Error | undefined>;
  readonly #parts: MemberParts;
  readonly #replica: Replica;
  readonly #leadership: LeadershipWatch;
  readonly #stopping = new AbortController();
  #transport: PeerTransport | undefined;
  #peerUrl = "";
  #attributes: MemberAttributes;
  #isAdvertising = false;
  #end: Promise<void> | undefined;
  /** Why this member cannot go on. */
  #failure: Error | undefined;
  /** Under way: to whom leadership goes, and what ends the wait for it. */
  #handingOver: { readonly to: NodeId; readonly end: () => void } | undefined;
  #resolveStopped: (reason: Error | undefined) => void = () => {};

  constructor(parts: MemberParts) {
    const { founding, settings } = parts;
    this.#parts = parts;
    this.id = founding.self.id;
    this.clusterId = founding.clusterId;
    this.name = founding.self.name;
    this.leaseTtlMinSeconds = settings.leaseTtlMinSeconds;
    this.#attributes = { memberId: this.id, name: this.name, clientUrls: [], apiUrl: "" };
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    this.#leadership = new LeadershipWatch(parts.engine);
    this.#replica = this.#makeReplica();
  }

  get store(): StoreReader {
    return this.#parts.data.store;
  }

  get peerUrl(): string {
    return this.#peerUrl;
  }

  /** What the transport does with what arrives. */
  get peerHandlers(): PeerHandlers {
    return {
      onMessage: (from, bytes) => {
        const message = this.#messageFrom(from, bytes);
        if (message !== undefined) this.#replica.receive(message);
      },
      onBulk: (from, frame) => this.#replica.receiveBulk(from, frame),
      onUnreachable: (peer) => {
        this.#replica.unreachable(peer);
        if (this.#handingOver?.to === peer) this.#handingOver.end();
      },
      onCall: (from, request) =>
        new Promise((resolve) => this.#replica.receiveCall(from, request, resolve)),
      onJoin: () => Promise.reject(new MemberError("busy", "Nobody can join yet")),
    };
  }

  /** Takes part from now on. */
  start(transport: PeerTransport, peerUrl: string): void {
    const { settings, logger } = this.#parts;
    this.#transport = transport;
    this.#peerUrl = peerUrl;
    this.#tick(settings.heartbeatMs);
    const stopWatching = watchStalls(logger, nodeTimers.after);
    this.#stopping.signal.addEventListener("abort", stopWatching);
  }

  status(): MemberStatus {
    const { term, leader, role, commitIndex } = this.#parts.engine.status();
    return {
      term,
      leaderId: memberIdOf(leader),
      isLeader: role === "leader",
      commitIndex,
      appliedIndex: this.#parts.data.store.appliedIndex,
    };
  }

  members(): readonly MemberInfo[] {
    const { engine, data } = this.#parts;
    return memberInfos(engine.configuration, data.store.memberAttributes());
  }

  propose(
    command: Command,
    options: { readonly onlyInTerm?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ProposeOutcome> {
    return promised(options.signal, (done) => this.#replica.propose(command, options, done));
  }

  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome> {
    return promised(signal, (done) => this.#replica.readBarrier(done));
  }

  renewLease(id: bigint, signal?: AbortSignal): Promise<RenewOutcome> {
    return promised(signal, (done) => this.#replica.renewLease(id, done));
  }

  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean; readonly signal?: AbortSignal },
  ): Promise<TimeToLiveOutcome> {
    return promised(options.signal, (done) => this.#replica.leaseTimeToLive(id, options, done));
  }

  changeMembers(
    changes: readonly ConfigurationChange[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ChangeMembersOutcome> {
    return promised(options.signal, (done) => this.#replica.change(changes, done));
  }

  clusterStatus(signal?: AbortSignal): Promise<EngineStatus | undefined> {
    return promised(signal, (done) => this.#replica.leaderStatus(done));
  }

  onLeadership(listener: (leadership: Leadership) => void): () => void {
    return this.#leadership.listen(listener);
  }

  advertise(urls: { readonly clientUrls: readonly string[]; readonly apiUrl: string }): void {
    this.#attributes = { memberId: this.id, name: this.name, ...urls };
    if (!this.#isAdvertising) void this.#advertise();
  }

  transferLeadership(to: bigint): void {
    this.#replica.transferLeadership(nodeIdOf(to));
  }

  async stop(): Promise<void> {
    this.#end ??= this.#handOver().then(() => this.#stop());
    await this.#end;
  }

  #makeReplica(): Replica {
    const { engine, data, clock, logger, settings, founding, newSession } = this.#parts;
    const { requestMs, electionMs, snapshotEntries, catchUpEntries } = settings;
    return createReplica(
      {
        id: nodeIdOf(founding.self.id),
        session: newSession(),
        newSession,
        requestMs,
        electionMs,
        snapshotEntries,
        catchUpEntries,
        snapshotIndex: data.engineState.snapshot.index,
        configuration: appliedConfiguration(data.engineState),
      },
      {
        engine,
        wal: data.wal,
        state: new MemberState(data),
        logger,
        nowMs: () => clock.nowMs(),
        after: nodeTimers.after,
        nextTurn: (callback) => void setImmediate(callback),
        endOfTurn: queueMicrotask,
        send: (message) => this.#transport?.send(message.to, encodeMessage(message)),
        sendBulk: (to, frame) => this.#transport?.sendBulk(to, frame),
        call: (to, request, timeoutMs, done) =>
          void this.#transport?.call(to, request, timeoutMs).then(done),
        onWorked: () => this.#observe(),
        onFailure: (error) => this.#fail(error),
      },
    );
  }

  /** A peer's message, if it is one, and its own. */
  #messageFrom(from: NodeId, bytes: Uint8Array): Message | undefined {
    try {
      const message = decodeMessage(bytes);
      if (message.from === from) return message;
      this.#parts.logger.warn("peer speaks for another", { peer: from, as: message.from });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parts.logger.warn("peer sent no message", { peer: from, reason: error.message });
    }
    return undefined;
  }

  #observe(): void {
    const { engine, logger } = this.#parts;
    if (!this.#leadership.observe(engine)) return;
    const { term, role, leader } = engine;
    logger.info("leadership changed", { term, role, leader });
    if (leader !== "") this.#handingOver?.end();
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error));
    const { logger } = this.#parts;
    logger.error("member cannot go on", { reason: reason.message, kind: reason.name });
    this.#failure = reason;
    this.#handingOver?.end();
    this.#end ??= this.#stop();
  }

  /** At once, and then in every period. */
  #tick(periodMs: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#replica.tick();
    nodeTimers.after(periodMs, () => this.#tick(periodMs));
  }

  /** Tells the cluster where this member is reached, until it knows. */
  async #advertise(): Promise<void> {
    this.#isAdvertising = true;
    while (!this.#stopping.signal.aborted) {
      const attributes = this.#attributes;
      const known = this.store.memberAttributes().find(({ memberId }) => memberId === this.id);
      if (sameAttributes(known, attributes)) break;
      const outcome = await this.propose({ kind: "memberAttributes", attributes });
      if (outcome.kind === "stopped") break;
      if (outcome.kind === "applied") continue;
      await new Promise<void>((resolve) => nodeTimers.after(advertiseRetryMs, resolve));
    }
    this.#isAdvertising = false;
  }

  /** Spares the cluster an election: gives leadership away, and stays until somebody has it. */
  async #handOver(): Promise<void> {
    const to = successorOf(this.#parts.engine.status());
    if (to === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = nodeTimers.after(handOverMs, resolve);
      const end = (): void => {
        cancel();
        resolve();
      };
      this.#handingOver = { to, end };
      this.#replica.transferLeadership(to);
    });
  }

  async #stop(): Promise<void> {
    const { logger, data } = this.#parts;
    this.#stopping.abort();
    const replicaStopped = new Promise<void>((resolve) => this.#replica.stop(resolve));
    this.#leadership.stop();
    try {
      await this.#transport?.close();
      await replicaStopped;
      await data.close();
    } catch (error) {
      logger.error("member did not stop cleanly", { reason: String(error) });
    }
    this.#resolveStopped(this.#failure);
  }
}
