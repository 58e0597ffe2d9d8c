/**
 * One running member: its replica, and what of a process that needs.
 *
 * The replica decides; here are its timers, its peers, the life cycle, and the promises that the API
 * floors speak.
 */
import { type Clock, type Counter, type Logger, type Metrics, WireError } from "@flotilla/base";
import {
  type Configuration,
  type ConfigurationChange,
  decodeMessage,
  type Engine,
  type EngineStatus,
  encodeMessage,
  isBlank,
  type Message,
  type NodeId,
} from "@flotilla/consensus";
import { nodeTimers, type PeerHandlers, type PeerTransport } from "@flotilla/peer";
import { appliedConfiguration, createReplica, type Replica } from "@flotilla/replica";
import type { Command, MemberAttributes, StoreReader } from "@flotilla/store";
import { decodeAdvertisement, encodeAdvertisement, writtenDown } from "./advertisement.ts";
import { Advertiser } from "./advertiser.ts";
import { orAborted, promised } from "./callbacks.ts";
import type {
  BarrierOutcome,
  ChangeMembersOutcome,
  Leadership,
  MemberInfo,
  MemberStatus,
  ProposeOptions,
  ProposeOutcome,
  RenewOutcome,
  ReplaceOutcome,
  StateHash,
  StateSnapshot,
  TimeToLiveOutcome,
} from "./contract.ts";
import type { DataDirectory } from "./data-directory.ts";
import { type Founder, memberIdOf, nodeIdOf } from "./identity.ts";
import { IsolationWatch } from "./isolation-watch.ts";
import { answerJoin, decodeJoinQuestion, encodeJoinAnswer } from "./join-call.ts";
import { LeadershipWatch } from "./leadership-watch.ts";
import { advertiseAskMs, handOverMs, hashMs, isolationLingerMs } from "./limits.ts";
import { type Observed, observeMember } from "./member-metrics.ts";
import { memberInfos } from "./membership.ts";
import type { RunningMember } from "./options.ts";
import { peerAddresses } from "./peer-addresses.ts";
import type { Settings } from "./settings.ts";
import { watchStalls } from "./stall-watch.ts";
import {
  decodeHashAnswer,
  decodeHashQuestion,
  encodeHashAnswer,
  encodeHashQuestion,
  StateHasher,
} from "./state-hash.ts";
import { MemberState } from "./state-storage.ts";
import { successorOf } from "./successor.ts";

/** What a member is made of. */
export interface MemberParts {
  readonly name: string;
  readonly dataDir: string;
  /** Where others reach it, as the operator says. */
  readonly peerUrls: readonly string[];
  /** Who founded the cluster, as far as is known here. */
  readonly founders: readonly Founder[];
  readonly settings: Settings;
  readonly data: DataDirectory;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
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
  readonly #isolation: IsolationWatch;
  readonly #advertiser: Advertiser;
  readonly #leaderChanges: Counter;
  readonly #hasher: StateHasher;
  readonly #stopping = new AbortController();
  #transport: PeerTransport | undefined;
  /** Whose servers the transport knows. */
  #configuration: Configuration | undefined;
  #peerUrl = "";
  #end: Promise<void> | undefined;
  /** Why this member cannot go on. */
  #failure: Error | undefined;
  /** Under way: to whom leadership goes, and what ends the wait for it. */
  #handingOver: { readonly to: NodeId; readonly end: () => void } | undefined;
  #resolveStopped: (reason: Error | undefined) => void = () => {};

  constructor(parts: MemberParts) {
    const { name, dataDir, peerUrls, settings, data, logger } = parts;
    this.#parts = parts;
    this.id = data.owner.id;
    this.clusterId = data.owner.clusterId;
    this.name = name;
    this.leaseTtlMinSeconds = settings.leaseTtlMinSeconds;
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    this.#leadership = new LeadershipWatch(parts.engine);
    this.#isolation = new IsolationWatch(
      { name, id: nodeIdOf(this.id), dataDir, peerUrls },
      logger,
    );
    this.#replica = this.#makeReplica();
    this.#leaderChanges = observeMember(parts.metrics, this.#observed());
    this.#advertiser = this.#makeAdvertiser();
    this.#hasher = new StateHasher(
      data.store,
      () => new Promise((resolve) => void setImmediate(resolve)),
    );
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
      onCall: (from, request) => this.#answerCall(from, request),
      onJoin: async (request) => {
        const { configuration, configurationIndex: index } = this.#parts.engine.status();
        const attributes = this.store.memberAttributes();
        const hasStarted = (id: bigint) => attributes.some(({ memberId }) => memberId === id);
        const known = { clusterId: this.clusterId, configuration, index, hasStarted };
        return encodeJoinAnswer(answerJoin(decodeJoinQuestion(request), known));
      },
    };
  }

  /** Takes part from now on. */
  start(transport: PeerTransport, peerUrl: string): void {
    const { settings, logger } = this.#parts;
    this.#transport = transport;
    this.#peerUrl = peerUrl;
    this.#followConfiguration();
    this.#tick(settings.heartbeatMs);
    const stopWatching = watchStalls(logger, nodeTimers.after);
    this.#stopping.signal.addEventListener("abort", stopWatching);
  }

  cutOff(others: ReadonlySet<bigint>): void {
    this.#transport?.cutOff(new Set([...others].map(nodeIdOf)));
  }

  get term(): number {
    return this.#parts.engine.term;
  }

  status(): MemberStatus {
    const { engine } = this.#parts;
    const { term, leader, role, commitIndex, isolation } = engine.status();
    const { staticLeader } = engine.configuration;
    return {
      term,
      leaderId: memberIdOf(leader),
      isLeader: role === "leader",
      commitIndex,
      appliedIndex: this.#parts.data.store.appliedIndex,
      ...(isolation === undefined ? {} : { isolation }),
      ...(staticLeader === undefined ? {} : { staticLeader: memberIdOf(staticLeader) }),
    };
  }

  members(): readonly MemberInfo[] {
    const { engine, data, founders } = this.#parts;
    return memberInfos(engine.configuration, data.store.memberAttributes(), founders);
  }

  propose(
    command: Command,
    options: ProposeOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<ProposeOutcome> {
    return promised(options.signal, (done) => this.#replica.propose(command, options, done));
  }

  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome> {
    return promised(signal, (done) => this.#replica.readBarrier(done));
  }

  leases(): readonly bigint[] {
    return this.#replica.leases();
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
    this.#advertiser.advertise({ memberId: this.id, name: this.name, ...urls });
  }

  snapshot(): StateSnapshot {
    const { store, backend } = this.#parts.data;
    const { revision } = store;
    const content = backend.snapshot();
    return { revision, bytesEstimate: store.size().inUseBytes, content };
  }

  async stateHash(
    id: bigint,
    { revision, signal }: { readonly revision: number; readonly signal?: AbortSignal },
  ): Promise<StateHash> {
    if (id === this.id) return this.#hasher.hash(revision, signal);
    signal?.throwIfAborted();
    const request = encodeHashQuestion(revision);
    const asked = this.#transport?.call(nodeIdOf(id), request, hashMs);
    const outcome = await (asked === undefined ? undefined : orAborted(asked, signal));
    if (outcome?.kind === "answered") return decodeHashAnswer(outcome.response);
    return { kind: "unreachable", reason: outcome?.reason ?? "this member has not started" };
  }

  replaceState(signal?: AbortSignal): Promise<ReplaceOutcome> {
    return promised(signal, (done) => this.#replica.replaceState(done));
  }

  transferLeadership(to: bigint): void {
    this.#replica.transferLeadership(nodeIdOf(to));
  }

  async stop(): Promise<void> {
    this.#end ??= this.#handOver().then(() => this.#stop());
    await this.#end;
  }

  #makeReplica(): Replica {
    const { engine, data, clock, logger, metrics, settings, newSession } = this.#parts;
    const { requestMs, electionMs, snapshotEntries, catchUpEntries, warnApplyMs } = settings;
    return createReplica(
      {
        id: nodeIdOf(this.id),
        session: newSession(),
        newSession,
        requestMs,
        electionMs,
        snapshotEntries,
        catchUpEntries,
        snapshotIndex: data.engineState.snapshot.index,
        configuration: appliedConfiguration(data.engineState),
        warnApplyMs,
      },
      {
        engine,
        wal: data.wal,
        state: new MemberState(data),
        logger,
        metrics,
        nowMs: () => clock.nowMs(),
        after: nodeTimers.after,
        nextTurn: (callback) => void setImmediate(callback),
        endOfTurn: queueMicrotask,
        whenSent: queueMicrotask,
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

  #makeAdvertiser(): Advertiser {
    const { data, engine } = this.#parts;
    return new Advertiser({
      known: () => data.store.memberAttributes().find(({ memberId }) => memberId === this.id),
      propose: async (attributes) => {
        // Whoever does not know yet that it is a witness would wait for a result that never comes.
        if (isBlank(engine.configuration)) return { kind: "noLeader" };
        return this.#proposeAttributes(attributes);
      },
      askLeader: async (attributes) => {
        const request = encodeAdvertisement(attributes);
        const outcome = await this.#transport?.call(engine.leader, request, advertiseAskMs);
        return outcome?.kind === "answered" && outcome.response[0] === writtenDown[0];
      },
      sleep: (ms) => new Promise((resolve) => nodeTimers.after(ms, resolve)),
    });
  }

  #answerCall(from: NodeId, request: Uint8Array): Promise<Uint8Array> {
    const attributes = decodeAdvertisement(request);
    if (attributes !== undefined) return this.#writeDown(from, attributes);
    const revision = decodeHashQuestion(request);
    if (revision !== undefined) {
      return this.#hasher.hash(revision, this.#stopping.signal).then(encodeHashAnswer);
    }
    return new Promise((resolve) => this.#replica.receiveCall(from, request, resolve));
  }

  /** Puts into the log what a member without a store tells about itself. */
  async #writeDown(from: NodeId, attributes: MemberAttributes): Promise<Uint8Array> {
    if (nodeIdOf(attributes.memberId) !== from) return new Uint8Array(0);
    const outcome = await this.#proposeAttributes(attributes);
    return outcome.kind === "applied" ? writtenDown : new Uint8Array(0);
  }

  #proposeAttributes(attributes: MemberAttributes): Promise<ProposeOutcome> {
    return this.propose({ kind: "memberAttributes", attributes }, { principal: "cluster" });
  }

  #observe(): void {
    const { engine, logger } = this.#parts;
    this.#followConfiguration();
    if (!this.#leadership.observe(engine)) return;
    const { term, role, leader } = engine;
    logger.info("leadership changed", { term, role, leader });
    if (leader === "") return;
    this.#leaderChanges.add();
    this.#handingOver?.end();
  }

  #observed(): Observed {
    return {
      id: this.id,
      data: this.#parts.data,
      status: () => this.status(),
      members: () => this.members(),
      isRunning: () => !this.#stopping.signal.aborted,
    };
  }

  /** Peers come and go with the configuration in force. */
  #followConfiguration(): void {
    const { engine, founders } = this.#parts;
    const { configuration } = engine;
    if (configuration === this.#configuration) return;
    this.#configuration = configuration;
    this.#transport?.setPeers(peerAddresses(configuration, founders, nodeIdOf(this.id)));
  }

  /** Ends this member when the cluster does not want it, once it has answered who still asks it. */
  #watchIsolation(): void {
    const reason = this.#isolation.look(this.#replica.status().isolation);
    if (reason !== undefined) nodeTimers.after(isolationLingerMs, () => this.#fail(reason));
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
    this.#watchIsolation();
    nodeTimers.after(periodMs, () => this.#tick(periodMs));
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
    this.#advertiser.stop();
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
