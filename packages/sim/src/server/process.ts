/**
 * One start of a simulated server: the real log, engine and replica, on ports of the world.
 *
 * It dies without a word: its objects are dropped, and what it had asked for comes back to nobody.
 */
import { silentLogger } from "@flotilla/base";
import {
  createRaft,
  decodeMessage,
  type Engine,
  type EngineState,
  encodeMessage,
  forcedRecovery,
  type Message,
} from "@flotilla/consensus";
import {
  appliedConfiguration,
  type CallOutcome,
  createReplica,
  type Replica,
  type ReplicaPorts,
} from "@flotilla/replica";
import { type OpenedWal, openWal, type Wal, type WalDone } from "@flotilla/wal";
import type { Completion } from "../disk/simulated-disk.ts";
import { streamOf } from "../streams.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import { type BulkFrame, Call, type CallAnswer } from "./call.ts";
import { EventLoop, type Timer } from "./event-loop.ts";
import type { Machine } from "./machine.ts";
import { messageBytes, mixMessage } from "./message-facts.ts";
import { decodeIncarnation, encodeIncarnation } from "./metadata.ts";
import { ObservedEngine } from "./observed-engine.ts";
import { ObservedWal } from "./observed-wal.ts";
import { reconcile } from "./reconcile.ts";

/** What a client asks of a process. */
export interface Request {
  serve(process: Process): void;
}

/** Ticks between two looks at whether this server still belongs here. */
const isolationLookTicks = 5;
const walDirectory = "member/wal";

export class Process implements EventTarget {
  readonly machine: Machine;
  readonly #isRecovery: boolean;
  readonly #loop: EventLoop;
  #isAlive = true;
  #replica: Replica | undefined;
  #ticks = 0;

  /** `isRecovery`: it does not take part, but writes a forced recovery to its log, and ends. */
  constructor(machine: Machine, isRecovery: boolean) {
    this.machine = machine;
    this.#isRecovery = isRecovery;
    const { world, options } = machine.parts;
    this.#loop = new EventLoop({ world, clock: machine.clock, turnMs: options.turnMs }, this);
  }

  /** Undefined while it opens its disk, and when it is dead. */
  get replica(): Replica | undefined {
    return this.#isAlive ? this.#replica : undefined;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Of its clock, since it runs: time as it has it. */
  get ticks(): number {
    return this.#ticks;
  }

  /** Begins to open what the disk holds. */
  start(): void {
    const { machine } = this;
    const { options } = machine.parts;
    const { configuration } = machine;
    const { segmentBytes, stepBytes } = options;
    const metadata = encodeIncarnation(machine.incarnation);
    openWal(
      { directory: walDirectory, metadata, configuration, segmentBytes, stepBytes },
      machine.disk,
      (opened) => this.#opened(opened),
    );
  }

  die(): void {
    this.#isAlive = false;
    this.#replica = undefined;
  }

  handle(kind: number, subject: unknown): void {
    if (!this.#isAlive) return;
    if (this.machine.door.isClosed) {
      this.machine.door.wait(kind, subject);
      return;
    }
    const replica = this.#replica;
    if (replica === undefined) {
      // While the disk is opened there is nobody to speak to.
      if (kind === eventKind.disk || kind === eventKind.state) (subject as Completion).finish();
      return;
    }
    this.#dispatch(replica, kind, subject);
    this.#loop.drain();
  }

  #dispatch(replica: Replica, kind: number, subject: unknown): void {
    switch (kind) {
      case eventKind.message:
        this.#receive(replica, subject as Message | Uint8Array);
        break;
      case eventKind.turn:
        this.#loop.turn();
        break;
      case eventKind.disk:
      case eventKind.state:
        (subject as Completion).finish();
        break;
      case eventKind.tick:
        this.#tick(replica);
        break;
      case eventKind.timer:
        (subject as Timer).fire();
        break;
      case eventKind.bulk:
        replica.receiveBulk((subject as BulkFrame).from, (subject as BulkFrame).bytes);
        break;
      case eventKind.call:
        this.#answer(replica, subject as Call);
        break;
      case eventKind.answer:
        (subject as CallAnswer).call.settle((subject as CallAnswer).outcome);
        break;
      case eventKind.unreachable:
        replica.unreachable(subject as string);
        break;
      case eventKind.request:
        (subject as Request).serve(this);
        break;
    }
  }

  #tick(replica: Replica): void {
    const { world, options } = this.machine.parts;
    world.schedule(
      this.machine.clock.worldMs(options.heartbeatMs),
      eventKind.tick,
      this,
      undefined,
    );
    replica.tick();
    this.machine.parts.observer.ticked(this.machine);
    if (++this.#ticks % isolationLookTicks !== 0) return;
    const { isolation } = replica.status();
    if (isolation === undefined || isolation.kind === "lostEntries") return;
    this.machine.isolate(isolation.kind);
  }

  #receive(replica: Replica, parcel: Message | Uint8Array): void {
    const message = parcel instanceof Uint8Array ? decodeMessage(parcel) : parcel;
    mixMessage(this.machine.parts.world.hash, message);
    this.machine.parts.observer.received(this.machine, message);
    replica.receive(message);
  }

  #answer(replica: Replica, call: Call): void {
    replica.receiveCall(call.from, call.request, (response) => {
      const answer: CallAnswer = { call, outcome: { kind: "answered", response } };
      this.machine.transmit(call.from, eventKind.answer, answer, response.length);
    });
  }

  #opened(opened: OpenedWal): void {
    const { machine } = this;
    if (opened.kind === "failed") {
      machine.failedToOpen(opened.error);
      return;
    }
    const { wal, recovered } = opened;
    machine.state.open();
    const reconciled = reconcile(recovered, machine.state);
    if (reconciled.kind !== "sound") {
      machine.lose(reconciled.message, false);
      return;
    }
    if (this.#isRecovery) {
      const { hardState, entry } = forcedRecovery(reconciled.state, machine.id);
      // Closed before it ends: a log that is full goes on to its next file.
      const done: WalDone = (error) =>
        error === undefined
          ? wal.close((reason) => machine.endRecovery(reason))
          : machine.endRecovery(error);
      wal.append({ hardState, entries: [entry], mustSync: true }, done);
      return;
    }
    machine.recovered(recovered, reconciled.state);
    this.#run(wal, reconciled.state, decodeIncarnation(recovered.metadata));
  }

  #run(wal: Wal, state: EngineState, incarnation: number): void {
    const { machine } = this;
    const { options, world } = machine.parts;
    const engine = new ObservedEngine(this.#makeEngine(state, incarnation), {
      worked: (worked, persist) => machine.worked(worked, persist),
      compacted: (index) => machine.view.log.compactTo(index),
    });
    const electionMs = options.electionTicks * options.heartbeatMs;
    this.#replica = createReplica(
      {
        id: machine.id,
        session: machine.newSession(),
        newSession: () => machine.newSession(),
        requestMs: options.requestMs,
        electionMs,
        snapshotEntries: options.snapshotEntries,
        catchUpEntries: options.catchUpEntries,
        snapshotIndex: state.snapshot.index,
        configuration: appliedConfiguration(state),
        apply: {
          sliceEntriesMax: options.applyEntriesMax,
          queueEntriesMax: options.applyQueueEntriesMax,
        },
      },
      this.#ports(engine, wal),
    );
    machine.started(engine);
    const firstMs = options.heartbeatMs * machine.random.fraction();
    world.schedule(firstMs, eventKind.tick, this, undefined);
  }

  #makeEngine(state: EngineState, incarnation: number): Engine {
    const { machine } = this;
    const { options, world } = machine.parts;
    const { leaseReadMs } = options;
    return createRaft(
      {
        id: machine.id,
        electionTicks: options.electionTicks,
        heartbeatTicks: 1,
        inflightMessagesMax: options.inflightMessagesMax,
        appendBytesMax: options.appendBytesMax,
        promotionLagEntriesMax: options.promotionLagEntriesMax,
        preferTicks: options.preferTicks,
        incarnation,
        ...(leaseReadMs === 0 ? {} : { leaseReads: { durationMs: leaseReadMs } }),
        random: streamOf(world.seed, `engine ${machine.id} ${machine.view.start}`),
      },
      state,
    );
  }

  #ports(engine: Engine, wal: Wal): ReplicaPorts {
    const { machine } = this;
    const { clock } = machine;
    return {
      engine,
      wal: new ObservedWal(wal, (batch) => machine.wrote(batch)),
      state: machine.state,
      logger: silentLogger,
      nowMs: () => clock.nowMs(),
      after: (delayMs, callback) => this.#loop.after(delayMs, callback),
      nextTurn: (callback) => this.#loop.nextTurn(callback),
      endOfTurn: (callback) => this.#loop.endOfTurn(callback),
      whenSent: (callback) => this.#loop.endOfTurn(callback),
      send: (message) => this.#send(message),
      sendBulk: (to, bytes) => {
        const frame: BulkFrame = { from: machine.id, bytes };
        if (this.#isAlive) machine.transmit(to, eventKind.bulk, frame, bytes.length);
      },
      call: (to, request, timeoutMs, done) => this.#call({ to, request, timeoutMs }, done),
      onWorked: () => {},
      onFailure: (error) => machine.failed(error),
    };
  }

  #send(message: Message): void {
    if (!this.#isAlive) return;
    const { machine } = this;
    machine.sends(message);
    const parcel = machine.parts.options.isEncoded ? encodeMessage(message) : message;
    const bytes = parcel instanceof Uint8Array ? parcel.length : messageBytes(message);
    machine.transmit(message.to, eventKind.message, parcel, bytes);
  }

  #call(
    question: { readonly to: string; readonly request: Uint8Array; readonly timeoutMs: number },
    done: (outcome: CallOutcome) => void,
  ): void {
    const { to, request, timeoutMs } = question;
    const call = new Call(this.machine.id, request, (outcome) => {
      if (this.#isAlive) done(outcome);
    });
    this.machine.transmit(to, eventKind.call, call, request.length);
    this.#loop.after(timeoutMs, () => call.settle({ kind: "failed", reason: "no answer" }));
  }
}
