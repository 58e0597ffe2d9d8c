/**
 * One simulated machine: disk, clock, and at most one process at a time.
 *
 * It survives its processes. What is done to it, by faults and operators, are its methods.
 */
import type { Prng } from "@flotilla/base";
import type {
  Configuration,
  Engine,
  EngineState,
  Message,
  NodeId,
  Persist,
} from "@flotilla/consensus";
import type { Store } from "@flotilla/store";
import { type Recovered, type WalBatch, WalError } from "@flotilla/wal";
import { type Completion, SimulatedDisk } from "../disk/simulated-disk.ts";
import type { IsolationKind } from "../oracles/index.ts";
import type { ScenarioOptions } from "../scenario/scenario.ts";
import { SimulatedState } from "../state/simulated-state.ts";
import { streamOf } from "../streams.ts";
import { SimulatedClock } from "../world/clock.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { Network, Station } from "../world/network.ts";
import type { World } from "../world/world.ts";
import { Call, type CallAnswer } from "./call.ts";
import { Door } from "./door.ts";

import { MachineView } from "./machine-view.ts";
import { Process, type Request } from "./process.ts";

/** Whoever watches all machines. */
export interface MachineObserver {
  /** What the oracles see of it has changed. */
  touched(machine: Machine): void;
  sent(machine: Machine, message: Message): void;
  received(machine: Machine, message: Message): void;
  /** It has acted on a tick of its clock. */
  ticked(machine: Machine): void;
  /** Its engine has given out `batch` to be written, and its disk has ended that. */
  writes(machine: Machine, batch: Persist): void;
  wrote(machine: Machine, batch: WalBatch): void;
  /** The store was given these. */
  applied(
    machine: Machine,
    entries: Parameters<Store["apply"]>[0],
    results: ReturnType<Store["apply"]>,
  ): void;
  /** The store was replaced as a whole. */
  replaced(machine: Machine): void;
  /** A process has ended with an error that no fault explains. */
  broke(machine: Machine, error: unknown): void;
  /** What is on its disk is of no use any more. `isDamage`: it is not what was written. */
  lost(machine: Machine, reason: string, isDamage: boolean): void;
  /** It says that it does not belong here, and ends. */
  isolated(machine: Machine, kind: IsolationKind): void;
  /** An operator has made it the only member of a new epoch; it starts next. */
  recoveredByForce(machine: Machine): void;
  /** Something that belongs into a story. */
  note(machine: Machine, what: string): void;
}

/** What a machine is part of. */
export interface MachineParts {
  readonly world: World;
  readonly network: Network;
  readonly options: ScenarioOptions;
  readonly observer: MachineObserver;
  /** The place of a server in the scenario; undefined for an unknown id. */
  indexOf(id: NodeId): number | undefined;
  machine(index: number): Machine;
}

/** A process that could not open its disk is started again after this. */
const restartMs = 500;

export class Machine implements Station, EventTarget {
  readonly index: number;
  readonly id: NodeId;
  readonly parts: MachineParts;
  /** What a new log begins with. */
  readonly configuration: Configuration;
  readonly random: Prng;
  readonly clock: SimulatedClock;
  readonly disk: SimulatedDisk;
  readonly state: SimulatedState;
  readonly view: MachineView;
  /** Acknowledged writes may be missing after a crash. */
  hasLyingDisk = false;
  /** Something on it has changed by itself. */
  hasRottenDisk = false;
  /** Its disk has lost something, and whether it can start again is not known yet. */
  isDoubtful = false;
  /** The others were recovered by force, without it. */
  isLeftBehind = false;
  /** The next start is one that writes a forced recovery. */
  #isRecovering = false;
  #process: Process | undefined;
  readonly door: Door = new Door();
  #applyStallMs = 0;
  #onHeartbeat: (() => void) | undefined;
  #giveUpReplacement: () => void = () => {};
  #sessions = 0;
  /** Those of its disk when its process started. */
  #faultsBefore = 0;
  /** Why it never runs again; undefined while it may. */
  #end: string | undefined;

  constructor(
    parts: MachineParts,
    self: { readonly index: number; readonly id: NodeId; readonly configuration: Configuration },
  ) {
    const { world, options } = parts;
    const { index, id } = self;
    this.parts = parts;
    this.index = index;
    this.id = id;
    this.configuration = self.configuration;
    this.random = streamOf(world.seed, `machine ${id}`);
    this.clock = new SimulatedClock(world, 1_000 * this.random.below(1_000));
    this.view = new MachineView(id, self.configuration);
    const deliver = (completion: Completion): void => {
      this.#process?.handle(eventKind.disk, completion);
    };
    this.disk = new SimulatedDisk(
      { world, random: streamOf(world.seed, `disk ${id}`), speed: options.disk },
      deliver,
    );
    this.state = new SimulatedState(
      {
        world,
        random: streamOf(world.seed, `state ${id}`),
        speed: options.state,
        limits: { compactRows: options.compactRows, sessionsMax: options.sessionsMax },
        onApplied: (store, entries, results) => this.#applied(store, entries, results),
        onReplaced: (store) => {
          this.view.applied(store);
          this.parts.observer.replaced(this);
          this.parts.observer.touched(this);
        },
      },
      deliver,
    );
  }

  get process(): Process | undefined {
    return this.#process;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  get isWitness(): boolean {
    return this.view.isWitness;
  }

  /** Why it never runs again: its disk is of no use, or it does not belong here any more. */
  get end(): string | undefined {
    return this.#end;
  }

  /** It is of no use to its cluster any more, though it may not know it yet. */
  get isGone(): boolean {
    return this.#end !== undefined || this.isDoubtful || this.isLeftBehind || this.view.disk > 1;
  }

  /** It neither votes nor counts before it has caught up; of one that is down nobody knows. */
  get takesNoPart(): boolean {
    const replica = this.#process?.replica;
    return replica === undefined ? this.hasLyingDisk : replica.status().isolation !== undefined;
  }

  /** What its disk was given when it was new. */
  get incarnation(): number {
    return (this.index + 1) * 1_000 + this.view.disk;
  }

  /** A name for a session of its clients; never the same again. */
  newSession(): bigint {
    this.#sessions++;
    return BigInt(this.index + 1) * 1_000_000n + BigInt(this.#sessions);
  }

  // What operators and faults do.

  start(): void {
    if (this.#process !== undefined || this.#end !== undefined) return;
    this.view.start++;
    this.#faultsBefore = this.disk.faults;
    this.#process = new Process(this, this.#isRecovering);
    this.#note(this.#isRecovering ? "is recovered by force" : "starts");
    this.#process.start();
  }

  /** The process dies; with `power` the whole machine. */
  crash(power: boolean): void {
    if (this.#process === undefined) return;
    this.#note(power ? "loses power" : "is killed");
    this.#drop();
    if (power) {
      this.disk.crash();
      this.state.crash();
    } else {
      this.disk.abandon();
      this.state.abandon();
    }
  }

  /** Starts again after `delayMs`, unless it was started before. */
  startAfter(delayMs: number): void {
    this.parts.world.schedule(delayMs, eventKind.recovery, this, undefined);
  }

  /** All that is on its disks is gone. */
  wipe(): void {
    this.crash(true);
    this.disk.replace();
    this.state.replace();
    this.hasLyingDisk = false;
    this.hasRottenDisk = false;
    this.view.disk++;
    this.view.durable.restart(undefined);
    this.parts.observer.touched(this);
  }

  /** It becomes the only member of a new epoch. */
  recoverByForce(): void {
    this.crash(true);
    this.disk.heal(); // Operators see to that first.
    this.#isRecovering = true;
    this.start();
  }

  /** Its process stands still. */
  pause(): void {
    this.door.close();
  }

  resume(): void {
    if (this.door.open() && this.#process !== undefined) {
      this.door.letIn(this.parts.world, this.#process);
    }
  }

  /** Calls back once, when it sends its next heartbeat. */
  onNextHeartbeat(callback: () => void): void {
    this.#onHeartbeat = callback;
  }

  /** After each slice that is applied the process stands still for so long. */
  stallApplying(stallMs: number): void {
    this.#applyStallMs = stallMs;
  }

  /** It applies nothing until it has the leader's state. */
  get isReplacingState(): boolean {
    return this.#process?.replica?.isReplacingState === true;
  }

  /** It takes its store for wrong. */
  replaceState(): void {
    this.ask({
      serve: ({ replica }) => {
        if (replica === undefined || replica.isReplacingState) return;
        this.#giveUpReplacement = replica.replaceState(() => {});
      },
    });
  }

  /** It goes on with the store that it has. */
  giveUpReplacement(): void {
    this.ask({ serve: () => this.#giveUpReplacement() });
  }

  /** Ends all that hinders it. Damage stays. */
  heal(): void {
    this.#onHeartbeat = undefined;
    this.disk.heal();
    this.state.slowDown(1);
    this.#applyStallMs = 0;
    this.clock.setRate(1);
    while (this.door.isClosed) this.resume();
  }

  /** False when nobody takes the request. */
  ask(request: Request): boolean {
    if (this.#process?.replica === undefined) return false;
    this.#process.handle(eventKind.request, request);
    return true;
  }

  // What the world does.

  handle(kind: number): void {
    if (kind === eventKind.recovery) this.start();
    else this.resume();
  }

  arrive(kind: number, _from: number, subject: unknown): boolean {
    const process = this.#process;
    if (process?.replica === undefined) return false;
    process.handle(kind, subject);
    return true;
  }

  lost(_kind: number, peer: number, subject: unknown): void {
    const process = this.#process;
    if (process === undefined) return;
    if (subject instanceof Call) {
      const outcome = { kind: "failed", reason: "unreachable" } as const;
      process.handle(eventKind.answer, { call: subject, outcome } satisfies CallAnswer);
    }
    process.handle(eventKind.unreachable, this.parts.machine(peer).id);
  }

  transmit(to: NodeId, kind: number, subject: unknown, bytes: number): void {
    const index = this.parts.indexOf(to);
    if (index !== undefined) this.parts.network.link(this.index, index).send(kind, subject, bytes);
  }

  // What its process does.

  sends(message: Message): void {
    this.parts.observer.sent(this, message);
    if (message.kind !== "heartbeat") return;
    const onHeartbeat = this.#onHeartbeat;
    this.#onHeartbeat = undefined;
    onHeartbeat?.();
  }

  /** `state` is what the engine is given of it. */
  recovered(recovered: Recovered, state: EngineState): void {
    if (recovered.repair !== undefined) this.#note("cuts an unfinished write off its log");
    this.view.durable.restart(recovered);
    this.view.log.restart(state);
  }

  started(engine: Engine): void {
    this.view.worked(engine, undefined);
    this.view.applied(this.state.store);
    this.view.isUp = true;
    this.isDoubtful = false;
    this.parts.observer.touched(this);
  }

  worked(engine: Engine, persist: Persist | undefined): void {
    this.view.worked(engine, persist);
    if (persist?.mustSync === true) this.parts.observer.writes(this, persist);
    this.parts.observer.touched(this);
  }

  wrote(batch: WalBatch): void {
    this.parts.observer.wrote(this, batch);
    this.view.durable.write(batch);
    this.parts.observer.touched(this);
  }

  /** The process cannot go on. Only a failure of the disk is in order, and only where there was one. */
  failed(error: unknown): void {
    if (!(error instanceof WalError) || this.disk.faults === this.#faultsBefore) {
      this.parts.observer.broke(this, error);
      return;
    }
    this.#note(`ends: ${error.message}`);
    this.#drop();
    this.disk.abandon();
    this.state.abandon();
    this.startAfter(restartMs);
  }

  failedToOpen(error: WalError): void {
    if (error.code === "corrupt") {
      this.lose(error.message, true);
      return;
    }
    this.failed(error);
  }

  /** The recovery was written, or is tried again. */
  endRecovery(error: WalError | undefined): void {
    if (error !== undefined) {
      this.failed(error);
      return;
    }
    this.#drop();
    this.#isRecovering = false;
    this.parts.observer.recoveredByForce(this);
    this.start();
  }

  /** What the disk holds is of no use. */
  lose(reason: string, isDamage: boolean): void {
    this.#note(`cannot start: ${reason}`);
    this.#end = reason;
    this.isDoubtful = false;
    this.#drop();
    this.view.disk++;
    this.view.durable.restart(undefined);
    this.parts.observer.lost(this, reason, isDamage);
  }

  /** The process ends because it does not belong here, or says so. */
  isolate(kind: IsolationKind): void {
    this.parts.observer.isolated(this, kind);
    this.retire(kind);
  }

  /** The process ends for good. */
  retire(reason: string): void {
    this.#note(`ends: ${reason}`);
    this.#end = reason;
    this.isDoubtful = false;
    this.#drop();
    this.disk.abandon();
    this.state.abandon();
  }

  #applied(
    store: Store,
    entries: Parameters<Store["apply"]>[0],
    results: ReturnType<Store["apply"]>,
  ): void {
    this.view.applied(store);
    this.parts.observer.applied(this, entries, results);
    this.parts.observer.touched(this);
    if (this.#applyStallMs === 0) return;
    this.pause();
    this.parts.world.schedule(this.#applyStallMs, eventKind.timer, this, undefined);
  }

  #drop(): void {
    this.#process?.die();
    this.#process = undefined;
    this.door.forget();
    this.view.isUp = false;
    this.parts.observer.touched(this);
  }

  #note(what: string): void {
    this.parts.observer.note(this, what);
  }
}
