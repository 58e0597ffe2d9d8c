/**
 * One running member: its parts, wired.
 *
 * Decides nothing by itself: the driver turns the loop, and each part has its own file. What is here
 * is who tells whom, in which order, and the life cycle.
 */
import { type Clock, type Logger, WireError } from "@flotilla/base";
import {
  decodeMessage,
  type Engine,
  type EngineStatus,
  encodeMessage,
  type Message,
  type NodeId,
} from "@flotilla/consensus";
import { nodeTimers, type PeerHandlers, type PeerTransport } from "@flotilla/peer";
import type { Command, MemberAttributes, StoreReader } from "@flotilla/store";
import { Applier } from "./applier.ts";
import { Compactor } from "./compactor.ts";
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
import { Driver } from "./driver.ts";
import { type Founding, memberIdOf, nodeIdOf } from "./identity.ts";
import { LeadershipWatch } from "./leadership-watch.ts";
import { Lessor } from "./lessor.ts";
import { advertiseRetryMs, handOverMs, leaseTickMs } from "./limits.ts";
import { memberInfos, sameAttributes } from "./membership.ts";
import type { RunningMember } from "./options.ts";
import { Proposals } from "./proposals.ts";
import { ReadBarriers } from "./read-barriers.ts";
import type { Settings } from "./settings.ts";
import { type InstallSnapshot, SnapshotTransfer } from "./snapshot-transfer.ts";
import { watchStalls } from "./stall-watch.ts";
import { successorOf } from "./successor.ts";

/** What a member is made of. */
export interface MemberParts {
  readonly founding: Founding;
  readonly settings: Settings;
  readonly data: DataDirectory;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names this start of the member; never used before. */
  readonly session: bigint;
}

export class LocalMember implements RunningMember {
  readonly id: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  readonly leaseTtlMinSeconds: number;
  readonly stopped: Promise<Error | undefined>;
  readonly #parts: MemberParts;
  readonly #proposals: Proposals;
  readonly #barriers: ReadBarriers;
  readonly #lessor: Lessor;
  readonly #transfer: SnapshotTransfer;
  readonly #compactor: Compactor;
  readonly #driver: Driver;
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
    const { founding, settings, data } = parts;
    this.#parts = parts;
    this.id = founding.self.id;
    this.clusterId = founding.clusterId;
    this.name = founding.self.name;
    this.leaseTtlMinSeconds = settings.leaseTtlMinSeconds;
    this.#attributes = { memberId: this.id, name: this.name, clientUrls: [], apiUrl: "" };
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    this.#leadership = new LeadershipWatch(parts.engine.status());
    this.#proposals = new Proposals({
      session: parts.session,
      openedAt: data.store.appliedIndex,
      timeoutMs: settings.requestMs,
      resendMs: settings.electionMs,
    });
    this.#barriers = new ReadBarriers(settings.requestMs, data.store.appliedIndex);
    this.#lessor = this.#makeLessor();
    this.#transfer = this.#makeTransfer();
    this.#driver = this.#makeDriver();
    this.#compactor = new Compactor(
      {
        ...data,
        engine: parts.engine,
        input: (give) => this.#driver.input(give),
        onFailure: (error) => this.#driver.fail(error),
      },
      {
        everyEntries: settings.snapshotEntries,
        catchUpEntries: settings.catchUpEntries,
        lastIndex: data.engineState.snapshot.index,
      },
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
        if (message !== undefined) this.#driver.input((engine) => engine.step(message));
      },
      onUnreachable: (peer) => {
        this.#driver.input((engine) => engine.unreachable(peer));
        if (this.#handingOver?.to === peer) this.#handingOver.end();
      },
      onSnapshot: async (from, head, content) => {
        const message = this.#messageFrom(from, head);
        if (message?.kind !== "installSnapshot") throw new WireError("no snapshot message");
        await this.#transfer.receive(message, content);
      },
      onCall: (_from, request) => this.#lessor.answerCall(request),
    };
  }

  /** Takes part from now on. */
  start(transport: PeerTransport, peerUrl: string): void {
    const { settings, logger } = this.#parts;
    this.#transport = transport;
    this.#peerUrl = peerUrl;
    this.#every(settings.heartbeatMs, () => {
      this.#driver.tick();
      this.#sweep();
    });
    this.#every(leaseTickMs, () => this.#lessor.tick());
    const stopWatching = watchStalls(logger, nodeTimers.after);
    this.#stopping.signal.addEventListener("abort", stopWatching);
    this.#driver.wake();
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
    const nowMs = this.#parts.clock.nowMs();
    const { onlyInTerm = 0, signal } = options;
    const outcome = this.#proposals.propose(command, { nowMs, onlyInTerm, signal });
    this.#driver.wake();
    return outcome;
  }

  readBarrier(signal?: AbortSignal): Promise<BarrierOutcome> {
    const outcome = this.#barriers.barrier(this.#parts.clock.nowMs(), signal);
    this.#driver.wake();
    return outcome;
  }

  renewLease(id: bigint, signal?: AbortSignal): Promise<RenewOutcome> {
    return this.#lessor.renew(id, signal);
  }

  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean; readonly signal?: AbortSignal },
  ): Promise<TimeToLiveOutcome> {
    return this.#lessor.timeToLive(id, options);
  }

  onLeadership(listener: (leadership: Leadership) => void): () => void {
    return this.#leadership.listen(listener);
  }

  advertise(urls: { readonly clientUrls: readonly string[]; readonly apiUrl: string }): void {
    this.#attributes = { memberId: this.id, name: this.name, ...urls };
    if (!this.#isAdvertising) void this.#advertise();
  }

  transferLeadership(to: bigint): void {
    this.#driver.input((engine) => engine.transferLeadership(nodeIdOf(to)));
  }

  changeMembers(): Promise<ChangeMembersOutcome> {
    return Promise.resolve({ kind: "noLeader" });
  }

  clusterStatus(): Promise<EngineStatus | undefined> {
    return Promise.resolve(this.#parts.engine.status());
  }

  async stop(): Promise<void> {
    this.#end ??= this.#handOver().then(() => this.#stop());
    await this.#end;
  }

  #makeDriver(): Driver {
    const { engine, data, clock, logger } = this.#parts;
    return new Driver({
      engine,
      proposals: this.#proposals,
      barriers: this.#barriers,
      applier: new Applier(data.store, logger, [
        (entry, result) => this.#lessor.applied(entry, result),
        ({ term, proposal }, result) => this.#proposals.applied(term, proposal, result),
      ]),
      nowMs: () => clock.nowMs(),
      nextTurn: (callback) => void setImmediate(callback),
      endOfTurn: queueMicrotask,
      send: (message) => this.#send(message),
      append: (batch) => data.wal.append(batch),
      install: async (snapshot) => {
        await this.#compactor.idle();
        await this.#transfer.install(snapshot);
        await this.#compactor.installed(snapshot.index);
        this.#lessor.replaced();
      },
      onApplied: (index, bytes) => this.#compactor.applied(index, bytes),
      onWorked: (status) => this.#observe(status),
      onFailure: (error) => {
        const reason = error instanceof Error ? error : new Error(String(error));
        logger.error("member cannot go on", { reason: reason.message, kind: reason.name });
        this.#failure = reason;
        this.#handingOver?.end();
        this.#end ??= this.#stop();
      },
    });
  }

  #makeLessor(): Lessor {
    const { data, clock, engine, settings } = this.#parts;
    return new Lessor(
      {
        store: data.store,
        nowMs: () => clock.nowMs(),
        after: nodeTimers.after,
        leadership: () => this.#leadership.present,
        callLeader: (request, timeoutMs) => {
          const { leader } = engine.status();
          return leader === "" ? undefined : this.#transport?.call(leader, request, timeoutMs);
        },
        readBarrier: (signal) => this.readBarrier(signal),
        propose: (command, onlyInTerm) => this.propose(command, { onlyInTerm }),
      },
      { requestMs: settings.requestMs, graceMs: settings.electionMs },
    );
  }

  #makeTransfer(): SnapshotTransfer {
    const { data, logger } = this.#parts;
    return new SnapshotTransfer({
      store: data.store,
      backend: data.backend,
      files: data.snapshots,
      logger,
      send: async (to, head, content) => {
        await this.#transport?.sendSnapshot(to, head, content, this.#stopping.signal);
      },
      onSent: (to, delivered) => this.#driver.input((engine) => engine.snapshotSent(to, delivered)),
      onReceived: (message) => this.#driver.input((engine) => engine.step(message)),
    });
  }

  #send(message: Message): void {
    if (message.kind === "installSnapshot")
      void this.#transfer.send(message satisfies InstallSnapshot);
    else this.#transport?.send(message.to, encodeMessage(message));
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

  #observe(status: EngineStatus): void {
    const changed = this.#leadership.observe(status);
    if (changed) {
      const { term, role, leader } = status;
      this.#parts.logger.info("leadership changed", { term, role, leader });
      if (leader !== "") this.#handingOver?.end();
    }
    this.#lessor.observe(this.#leadership.present);
  }

  /** What a compaction of the key space has left is removed bit by bit, also when nobody writes. */
  #sweep(): void {
    try {
      if (!this.#driver.isInstalling) this.#parts.data.store.compact();
    } catch (error) {
      this.#driver.fail(error);
    }
  }

  #every(periodMs: number, action: () => void): void {
    const { signal } = this.#stopping;
    const run = (): void => {
      if (signal.aborted) return;
      action();
      nodeTimers.after(periodMs, run);
    };
    nodeTimers.after(periodMs, run);
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
      this.#driver.input((engine) => engine.transferLeadership(to));
    });
  }

  async #stop(): Promise<void> {
    const { logger, data } = this.#parts;
    this.#stopping.abort();
    this.#lessor.stop();
    this.#proposals.stop();
    this.#barriers.stop();
    this.#leadership.stop();
    try {
      await this.#transport?.close();
      await this.#driver.stop();
      await this.#compactor.idle();
      await data.close();
    } catch (error) {
      logger.error("member did not stop cleanly", { reason: String(error) });
    }
    this.#resolveStopped(this.#failure);
  }
}
