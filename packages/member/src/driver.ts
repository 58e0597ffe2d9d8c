/**
 * The loop around the engine: inputs in, effects out, completions back in.
 *
 * Once per turn of the event loop everything that has come together is given to the engine at once,
 * and its effects are executed: messages leave first, then the disk is set to work, and only when
 * both are under way the store applies. Written against ports, so that a simulator runs this loop and
 * not a copy of it.
 */
import type {
  Effects,
  Engine,
  EngineStatus,
  Message,
  Persist,
  SnapshotMeta,
} from "@flotilla/consensus";
import type { Applier } from "./applier.ts";
import { PersistQueue } from "./persist-queue.ts";
import type { Proposals } from "./proposals.ts";
import type { ReadBarriers } from "./read-barriers.ts";

export interface DriverPorts {
  readonly engine: Engine;
  readonly proposals: Proposals;
  readonly barriers: ReadBarriers;
  readonly applier: Applier;
  nowMs(): number;
  /** Calls back in the next turn of the event loop. */
  nextTurn(callback: () => void): void;
  /** Calls back at the end of this one, after the writes of this turn have left. */
  endOfTurn(callback: () => void): void;
  send(message: Message): void;
  append(batch: Persist): Promise<void>;
  /** Replaces the store by a received snapshot. */
  install(snapshot: SnapshotMeta): Promise<void>;
  /** The store has moved to `index`, by `bytes` of entries. */
  onApplied(index: number, bytes: number): void;
  /** The engine has worked; what it says may have changed. */
  onWorked(status: EngineStatus): void;
  /** Nothing goes on from here. Called once. */
  onFailure(error: unknown): void;
}

export class Driver {
  readonly #ports: DriverPorts;
  readonly #persists: PersistQueue;
  #isScheduled = false;
  #isApplying = false;
  #isInstalling = false;
  #isStopped = false;

  constructor(ports: DriverPorts) {
    this.#ports = ports;
    this.#persists = new PersistQueue({
      append: (batch) => ports.append(batch),
      install: (snapshot) => this.#install(snapshot),
      onPersisted: (batch) => this.input((engine) => engine.persisted(batch.token)),
      send: (message) => {
        if (!this.#isStopped) ports.send(message);
      },
      onFailure: (error) => this.fail(error),
    });
  }

  /** True while the store is being replaced: nothing may write to it. */
  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  /** Gives the engine an input; its effects follow in the next turn, with those of the others. */
  input(give: (engine: Engine) => void): void {
    if (this.#isStopped) return;
    try {
      give(this.#ports.engine);
      this.wake();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Logical time passes. Once, however late: a process that was stopped must not depose anybody. */
  tick(): void {
    const { proposals, barriers } = this.#ports;
    const nowMs = this.#ports.nowMs();
    proposals.tick(nowMs);
    barriers.tick(nowMs);
    this.input((engine) => engine.tick());
  }

  /** There is something to do: work in the next turn. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    this.#ports.nextTurn(() => this.#work());
  }

  /** Ends the loop after a failure. */
  fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#ports.onFailure(error);
  }

  /** Ends the loop; resolves when the disk has finished what it was given. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#persists.idle();
  }

  #work(): void {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    const { engine, proposals, barriers } = this.#ports;
    try {
      if (proposals.hasQueued) proposals.flush(engine, this.#ports.nowMs());
      if (barriers.hasQueued) barriers.flush(engine);
      let effects = engine.takeEffects();
      while (effects !== undefined) {
        this.#execute(effects);
        effects = engine.takeEffects();
      }
      const status = engine.status();
      proposals.observe(status);
      barriers.observe(status);
      this.#ports.onWorked(status);
      if (proposals.hasQueued || barriers.hasQueued) this.wake();
    } catch (error) {
      this.fail(error);
    }
  }

  #execute(effects: Effects): void {
    const { applier, barriers } = this.#ports;
    for (const message of effects.messages) this.#ports.send(message);
    this.#persists.add(effects.persist, effects.messagesAfterPersist);
    applier.add(effects.committed);
    barriers.take(effects.reads, effects.droppedReads);
    this.#applySoon();
  }

  #applySoon(): void {
    if (this.#isApplying || this.#isInstalling || !this.#ports.applier.isBehind) return;
    this.#isApplying = true;
    this.#ports.endOfTurn(() => this.#apply());
  }

  #apply(): void {
    this.#isApplying = false;
    if (this.#isStopped || this.#isInstalling || !this.#ports.applier.isBehind) return;
    try {
      this.#moved(this.#ports.applier.applySlice());
      if (!this.#ports.applier.isBehind) return;
      this.#isApplying = true;
      this.#ports.nextTurn(() => this.#apply());
    } catch (error) {
      this.fail(error);
    }
  }

  async #install(snapshot: SnapshotMeta): Promise<void> {
    if (this.#isStopped) return;
    this.#isInstalling = true;
    await this.#ports.install(snapshot);
    this.#isInstalling = false;
    this.#ports.applier.reset();
    this.#ports.proposals.replaced();
    this.#ports.barriers.applied(snapshot.index);
    this.#ports.onApplied(snapshot.index, 0);
    this.input((engine) => engine.snapshotInstalled(snapshot));
  }

  #moved({ index, bytes }: { readonly index: number; readonly bytes: number }): void {
    this.#ports.barriers.applied(index);
    this.#ports.onApplied(index, bytes);
    this.input((engine) => engine.applied(index));
  }
}
