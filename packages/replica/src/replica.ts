/**
 * A replica out of its parts. Pure.
 *
 * Decides nothing by itself: the driver turns the loop, and each part has its own file. What is here
 * is who tells whom, in which order.
 */
import { failpoint, silentMetrics } from "@flotilla/base";
import {
  type ConfigurationChange,
  type EngineStatus,
  isWitness,
  type Message,
  type NodeId,
  type Persist,
} from "@flotilla/consensus";
import type { Command } from "@flotilla/store";
import { Applier } from "./applier.ts";
import { applyWatch } from "./apply-watch.ts";
import { Compactor } from "./compactor.ts";
import { ConfigurationChanges } from "./configuration-changes.ts";
import type {
  BarrierOutcome,
  Cancel,
  ChangeConfigurationOutcome,
  ProposeOptions,
  ProposeOutcome,
  RenewOutcome,
  ReplaceOutcome,
  Replica,
  ReplicaOptions,
  ReplicaPorts,
  TimeToLiveOutcome,
  Unavailable,
} from "./contract.ts";
import { Driver } from "./driver.ts";
import { Installer } from "./installer.ts";
import type { LeaderAnswer, LeaderQuestion } from "./leader-call-codec.ts";
import { type Ask, type FinalAnswer, LeaderCalls } from "./leader-calls.ts";
import { Lessor } from "./lessor.ts";
import { leaderCallMs, warnApplyMsDefault } from "./limits.ts";
import { type Place, placeIn } from "./place.ts";
import { Proposals } from "./proposals.ts";
import { ReadBarriers } from "./read-barriers.ts";
import { ReplicaMetrics } from "./replica-metrics.ts";
import { SettledChanges } from "./settled-changes.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { StateReplacement } from "./state-replacement.ts";
import { Sweeper } from "./sweeper.ts";
import { TimeoutCauses } from "./timeout-causes.ts";

/** Makes a replica from an engine and what it drives; it takes part from the first `tick` on. */
export function createReplica(options: ReplicaOptions, ports: ReplicaPorts): Replica {
  return new LocalReplica(options, ports);
}

/** What only a leader sends. */
const fromLeader: ReadonlySet<Message["kind"]> = new Set([
  "appendRequest",
  "heartbeat",
  "installSnapshot",
  "timeoutNow",
]);

class LocalReplica implements Replica {
  readonly #options: ReplicaOptions;
  readonly #ports: ReplicaPorts;
  readonly #place: () => Place;
  readonly #metrics: ReplicaMetrics;
  readonly #causes: TimeoutCauses;
  readonly #proposals: Proposals;
  readonly #barriers: ReadBarriers;
  readonly #applier: Applier;
  readonly #driver: Driver;
  readonly #compactor: Compactor;
  readonly #installer: Installer;
  readonly #sweeper: Sweeper;
  readonly #transfer: SnapshotTransfer;
  readonly #replacement: StateReplacement;
  readonly #lessor: Lessor;
  readonly #changes: ConfigurationChanges;
  readonly #settled: SettledChanges;
  readonly #calls: LeaderCalls;

  constructor(options: ReplicaOptions, ports: ReplicaPorts) {
    this.#options = options;
    this.#ports = ports;
    const { engine, state, logger } = ports;
    const { store } = state;
    const { requestMs, electionMs, configuration, apply: limits = {} } = options;
    const { warnApplyMs = warnApplyMsDefault } = options;
    this.#metrics = new ReplicaMetrics(ports.metrics ?? silentMetrics);
    this.#place = placeIn(engine, options.id);
    this.#causes = new TimeoutCauses({ id: options.id, electionMs, nowMs: () => ports.nowMs() });
    this.#proposals = new Proposals({
      session: options.session,
      newSession: () => options.newSession(),
      timeoutMs: requestMs,
      resendMs: electionMs,
      appliedIndex: () => store.appliedIndex,
      place: this.#place,
      onFailed: () => this.#metrics.proposalsFailed.add(),
      causeSince: (beganMs) => this.#causes.since(beganMs, engine),
    });
    this.#barriers = new ReadBarriers({
      timeoutMs: requestMs,
      appliedIndex: store.appliedIndex,
      place: this.#place,
      onFailed: () => this.#metrics.readFailed(),
    });
    ports.metrics?.observed(
      "gauge",
      "etcd_server_proposals_pending",
      "The current number of pending proposals to commit.",
      () => this.#proposals.pendingCount,
    );
    this.#lessor = this.#makeLessor();
    const { nowMs } = ports;
    const watch = applyWatch({ metrics: this.#metrics, logger, nowMs }, warnApplyMs);
    this.#applier = new Applier({ store, logger, configuration, limits, watch }, [
      (entry, result) => this.#metrics.applied(entry, result),
      (entry, result) => this.#lessor.applied(entry, result),
      ({ term, proposal }, result) => this.#proposals.applied(term, proposal, result),
    ]);
    this.#driver = this.#makeDriver();
    this.#transfer = this.#makeTransfer();
    this.#replacement = this.#makeReplacement();
    this.#compactor = this.#makeCompactor();
    this.#installer = this.#makeInstaller();
    this.#sweeper = new Sweeper({
      store,
      isBusy: () => this.#driver.isStopped || this.#driver.isInstalling,
      after: (delayMs, callback) => ports.after(delayMs, callback),
      onFailure: (error) => this.#driver.fail(error),
    });
    const wake = (): void => this.#driver.wake();
    this.#changes = new ConfigurationChanges(
      { engine, nowMs: () => ports.nowMs(), wake },
      requestMs,
    );
    this.#settled = new SettledChanges(store.appliedIndex);
    this.#calls = new LeaderCalls(options.id, {
      engine,
      nowMs: () => ports.nowMs(),
      after: (delayMs, callback) => ports.after(delayMs, callback),
      call: (to, request, timeoutMs, done) => ports.call(to, request, timeoutMs, done),
      answer: (question, done) => this.#answer(question, done),
    });
  }

  tick(): void {
    if (this.#driver.isStopped) return;
    const nowMs = this.#ports.nowMs();
    this.#driver.tick(nowMs);
    this.#changes.tick(nowMs);
    this.#settled.tick(nowMs);
    this.#calls.tick(nowMs);
    this.#lessor.tick();
    this.#transfer.tick();
    this.#replacement.tick();
    this.#sweeper.sweep();
  }

  receive(message: Message): void {
    if (this.#driver.isStopped) return;
    if (message.kind === "heartbeat" && failpoint("raftDropHeartbeat") !== undefined) return;
    this.#causes.heard(message.from);
    if (message.kind === "installSnapshot") this.#transfer.receiveBare(message);
    else this.#driver.receive(message);
  }

  receiveBulk(from: NodeId, frame: Uint8Array): void {
    if (!this.#driver.isStopped) this.#transfer.receive(from, frame);
  }

  receiveCall(_from: NodeId, request: Uint8Array, answer: (response: Uint8Array) => void): void {
    if (!this.#driver.isStopped) this.#calls.receive(request, answer);
  }

  unreachable(peer: NodeId): void {
    this.#causes.unreachable(peer);
    this.#driver.input((engine) => engine.unreachable(peer));
  }

  propose(
    command: Command,
    options: ProposeOptions,
    done: (outcome: ProposeOutcome) => void,
  ): Cancel {
    const refusal = this.#refusal(this.#proposals.isFull || this.#applier.isFull);
    if (refusal !== undefined) return this.#refuse(refusal, done);
    const { onlyInTerm = 0, principal } = options;
    const nowMs = this.#ports.nowMs();
    this.#driver.wake();
    return this.#proposals.propose(command, { nowMs, onlyInTerm, principal }, done);
  }

  readBarrier(done: (outcome: BarrierOutcome) => void): Cancel {
    const refusal = this.#refusal(this.#barriers.isFull);
    if (refusal !== undefined) return this.#refuse(refusal, done);
    this.#driver.wake();
    return this.#barriers.barrier(this.#ports.nowMs(), done);
  }

  leases(): readonly bigint[] {
    return this.#lessor.leases();
  }

  renewLease(id: bigint, done: (outcome: RenewOutcome) => void): Cancel {
    const refusal = this.#refusal(this.#calls.isFull);
    if (refusal !== undefined) return this.#refuse(refusal, done);
    return this.#lessor.renew(id, done);
  }

  leaseTimeToLive(
    id: bigint,
    options: { readonly keys: boolean },
    done: (outcome: TimeToLiveOutcome) => void,
  ): Cancel {
    const refusal = this.#refusal(this.#calls.isFull);
    if (refusal !== undefined) return this.#refuse(refusal, done);
    return this.#lessor.timeToLive(id, options, done);
  }

  change(
    changes: readonly ConfigurationChange[],
    done: (outcome: ChangeConfigurationOutcome) => void,
  ): Cancel {
    const isStopped = this.#driver.isStopped;
    if (isStopped || this.#calls.isFull) {
      return this.#refuse({ kind: isStopped ? "stopped" : "tooManyRequests" }, done);
    }
    const since = this.#ports.state.store.appliedIndex;
    const ask: Ask = {
      question: { kind: "change", changes, since: undefined },
      again: { kind: "change", changes, since },
      attemptMs: this.#options.requestMs,
      totalMs: this.#options.requestMs,
    };
    let cancel = this.#calls.ask(ask, (answer) => {
      const outcome = changeOutcome(answer);
      if (answer.kind !== "changed") done(outcome);
      else {
        const deadlineMs = this.#ports.nowMs() + this.#options.electionMs;
        cancel = this.#settled.wait({ index: answer.index, deadlineMs, done: () => done(outcome) });
      }
    });
    return () => cancel();
  }

  transferLeadership(to: NodeId): void {
    this.#driver.input((engine) => engine.transferLeadership(to));
  }

  replaceState(done: (outcome: ReplaceOutcome) => void): Cancel {
    const refusal = this.#refusal(this.#replacement.isActive);
    if (refusal?.kind === "stopped" || refusal?.kind === "noData") {
      return this.#refuse(refusal, done);
    }
    if (refusal !== undefined) return this.#refuse({ kind: "tooManyRequests" }, done);
    const { configuration } = this.#ports.engine;
    const isOther = ({ id }: { readonly id: NodeId }) =>
      id !== this.#options.id && !isWitness(configuration, id);
    if (!configuration.voters.some(isOther)) return this.#refuse({ kind: "alone" }, done);
    this.#ports.logger.warn("the state is to be replaced by the leader's", {
      index: this.#ports.state.store.appliedIndex,
    });
    return this.#replacement.begin(done);
  }

  get isReplacingState(): boolean {
    return this.#replacement.isActive;
  }

  leaderStatus(done: (status: EngineStatus | undefined) => void): Cancel {
    if (this.#driver.isStopped || this.#calls.isFull) return this.#refuse(undefined, done);
    const question: LeaderQuestion = { kind: "status" };
    return this.#calls.ask(this.#askOften(question), (answer) =>
      done(answer.kind === "status" ? answer.status : undefined),
    );
  }

  status(): EngineStatus {
    return this.#ports.engine.status();
  }

  stop(done: () => void): void {
    this.#driver.stop(() => this.#compactor.idle(() => this.#ports.nextTurn(done)));
    this.#transfer.stop();
    this.#replacement.stop();
    this.#calls.stop();
    this.#settled.stop();
    this.#proposals.stop();
    this.#barriers.stop();
  }

  #makeLessor(): Lessor {
    const { state, engine } = this.#ports;
    return new Lessor(
      {
        store: state.store,
        engine,
        nowMs: () => this.#ports.nowMs(),
        ask: (question, done) => this.#calls.ask(this.#askOften(question), done),
        readBarrier: (done) => this.readBarrier(done),
        propose: (command, onlyInTerm, done) =>
          this.propose(command, { onlyInTerm, principal: "cluster" }, done),
        onExpired: () => this.#metrics.leasesExpired.add(),
      },
      this.#options.electionMs,
    );
  }

  #makeDriver(): Driver {
    const ports = this.#ports;
    return new Driver({
      engine: ports.engine,
      proposals: this.#proposals,
      barriers: this.#barriers,
      applier: this.#applier,
      nowMs: () => ports.nowMs(),
      nextTurn: (callback) => ports.nextTurn(callback),
      endOfTurn: (callback) => ports.endOfTurn(callback),
      whenSent: (callback) => ports.whenSent(callback),
      after: (delayMs, callback) => ports.after(delayMs, callback),
      send: (message) => {
        failpoint(fromLeader.has(message.kind) ? "raftBeforeLeaderSend" : "raftBeforeFollowerSend");
        if (message.kind === "installSnapshot") this.#transfer.offer(message);
        else ports.send(message);
      },
      append: (batch: Persist, done) => ports.wal.append(batch, done),
      install: (snapshot, done) => this.#installer.install(snapshot, done),
      replace: (snapshot, done) => this.#installer.replace(snapshot, done),
      onApplied: (index, bytes) => {
        this.#compactor.applied(index, bytes);
        this.#settled.applied(index);
      },
      onWorked: () => this.#worked(),
      onFailure: (error) => ports.onFailure(error),
    });
  }

  #makeTransfer(): SnapshotTransfer {
    const ports = this.#ports;
    const { id, session, electionMs } = this.#options;
    return new SnapshotTransfer(
      {
        engine: ports.engine,
        state: ports.state,
        logger: ports.logger,
        nowMs: () => ports.nowMs(),
        configuration: () => this.#applier.configuration,
        isReplacing: () => this.#driver.isInstalling || this.#driver.hasSnapshot,
        isUnfit: () => this.#replacement.isActive,
        onWanted: (snapshot) => this.#replacement.received(snapshot),
        send: (message) => ports.send(message),
        sendBulk: (to, frame) => ports.sendBulk(to, frame),
        input: (give) => this.#driver.input(give),
      },
      { id, session, electionMs },
    );
  }

  #makeReplacement(): StateReplacement {
    const { engine, logger, nowMs, state } = this.#ports;
    const { snapshotIndex, electionMs } = this.#options;
    return new StateReplacement(
      {
        engine,
        logger,
        nowMs,
        presentIndex: () => Math.max(state.store.appliedIndex, snapshotIndex),
        hold: (isHeld) => this.#driver.hold(isHeld),
        ask: (leader, sinceIndex) => this.#transfer.want(leader, sinceIndex),
        isReceiving: () => this.#transfer.isReceiving,
        stopAsking: () => this.#transfer.stopWanting(),
        install: (snapshot, heldIndex) => this.#driver.replace(snapshot, heldIndex),
      },
      electionMs,
    );
  }

  #makeCompactor(): Compactor {
    const { wal, state } = this.#ports;
    const { snapshotEntries, catchUpEntries, snapshotIndex } = this.#options;
    return new Compactor(
      {
        wal,
        state,
        configuration: () => this.#applier.configuration,
        sentIndex: () => this.#transfer.sentIndex,
        input: (give) => this.#driver.input(give),
        onFailure: (error) => this.#driver.fail(error),
      },
      {
        everyEntries: snapshotEntries,
        catchUpEntries,
        lastIndex: snapshotIndex,
      },
    );
  }

  #makeInstaller(): Installer {
    const { state, logger } = this.#ports;
    return new Installer({
      state,
      logger,
      compactor: this.#compactor,
      onBegan: () => this.#metrics.snapshotInProgress.set(1),
      onEnded: () => this.#metrics.snapshotInProgress.set(0),
      onReplaced: () => this.#lessor.replaced(),
      onInstalled: (index) => this.#replacement.installed(index),
    });
  }

  #worked(): void {
    const { engine } = this.#ports;
    this.#causes.observe(engine);
    this.#lessor.observe();
    this.#transfer.observe();
    this.#changes.observe();
    this.#calls.observe();
    this.#ports.onWorked(engine);
  }

  #answer(question: LeaderQuestion, done: (answer: LeaderAnswer | Unavailable) => void): Cancel {
    if (question.kind === "change") return this.#changes.change(question, done);
    if (question.kind !== "status") return this.#lessor.answer(question, done);
    return this.#later(() => done(this.#ownStatus()));
  }

  #ownStatus(): LeaderAnswer {
    const status = this.status();
    return status.role === "leader" ? { kind: "status", status } : { kind: "notLeader" };
  }

  /** A question that may be asked any number of times. */
  #askOften(question: LeaderQuestion): Ask {
    const totalMs = this.#options.requestMs;
    return { question, again: question, attemptMs: leaderCallMs, totalMs };
  }

  /** Why this server takes nothing in. */
  #refusal(isFull: boolean): Unavailable | undefined {
    if (this.#driver.isStopped) return { kind: "stopped" };
    if (this.#place() === "witness") return { kind: "noData" };
    return isFull ? { kind: "tooManyRequests" } : undefined;
  }

  #refuse<Outcome>(outcome: Outcome, done: (outcome: Outcome) => void): Cancel {
    return this.#later(() => done(outcome));
  }

  #later(callback: () => void): Cancel {
    let isCancelled = false;
    this.#ports.nextTurn(() => {
      if (!isCancelled) callback();
    });
    return () => {
      isCancelled = true;
    };
  }
}

function changeOutcome(answer: FinalAnswer): ChangeConfigurationOutcome {
  switch (answer.kind) {
    case "changed":
      return { kind: "changed", configuration: answer.configuration };
    case "live":
    case "leaseNotFound":
    case "status":
      return { kind: "timeout" }; // No answer to such a question: a peer's mistake.
    default:
      return answer;
  }
}
