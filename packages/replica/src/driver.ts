/**
 * The loop around the engine: inputs in, effects out, completions back in. Pure.
 *
 * About once per turn of the event loop everything that has come together is given to the engine at
 * once, and its effects are executed: messages leave first, then the disk is set to work, and only when
 * both are under way the store applies. Written against ports, so that a simulator runs this loop and
 * not a copy of it.
 */
import { failpoint } from "@flotilla/base";
import type { Effects, Engine, Message, Persist, SnapshotMeta } from "@flotilla/consensus";
import type { Applier } from "./applier.ts";
import { Gathering } from "./gathering.ts";
import { PersistQueue } from "./persist-queue.ts";
import type { Proposals } from "./proposals.ts";
import type { ReadBarriers } from "./read-barriers.ts";
import { Sender } from "./sender.ts";

export interface DriverPorts {
  readonly engine: Engine;
  readonly proposals: Proposals;
  readonly barriers: ReadBarriers;
  readonly applier: Applier;
  nowMs(): number;
  /** Calls back in the next turn of the event loop. */
  nextTurn(callback: () => void): void;
  /** Calls back at the end of this one. */
  endOfTurn(callback: () => void): void;
  /** The same, after the writes of this turn have left. */
  whenSent(callback: () => void): void;
  /** Calls back once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
  send(message: Message): void;
  append(batch: Persist, done: (error: unknown) => void): void;
  /** Replaces the store by a received snapshot. */
  install(snapshot: SnapshotMeta, done: (error: unknown) => void): void;
  /** The same by the leader's state, which stands for no snapshot in the log. */
  replace(snapshot: SnapshotMeta, done: (error: unknown) => void): void;
  /** The store has moved to `index`, by `bytes` of entries. */
  onApplied(index: number, bytes: number): void;
  /** The engine has worked; what it says may have changed. */
  onWorked(): void;
  /** Nothing goes on from here. Called once. */
  onFailure(error: unknown): void;
}

export class Driver {
  readonly #ports: DriverPorts;
  readonly #persists: PersistQueue;
  readonly #sender: Sender;
  readonly #gathering: Gathering;
  #isScheduled = false;
  #isDueSoon = false;
  #isApplying = false;
  #isInstalling = false;
  #isStopped = false;
  /** Nothing is applied: the store is to be replaced. */
  #isHeld = false;
  /** What it is to be replaced by, once the log has come so far. */
  #replacement: { readonly snapshot: SnapshotMeta; readonly heldIndex: number } | undefined;
  #isReplacing = false;
  #afterReplacing: (() => void)[] = [];
  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.#guard(() => this.#takeIn());
  };
  readonly #soon = (): void => {
    this.#isDueSoon = false;
    this.#guard(() => this.#carryOut());
  };
  readonly #apply = (): void => this.#applyOnce();

  constructor(ports: DriverPorts) {
    this.#ports = ports;
    this.#sender = new Sender({
      send: (message) => ports.send(message),
      after: (delayMs, callback) => ports.after(delayMs, () => this.#guard(callback)),
      configuration: () => ports.engine.configuration,
    });
    this.#gathering = new Gathering({
      after: (delayMs, callback) => ports.after(delayMs, callback),
      onDue: () => this.wake(),
    });
    this.#persists = new PersistQueue({
      append: (batch, done) => ports.append(batch, done),
      install: (snapshot, done) => this.#install(snapshot, done),
      onPersisted: (batch) => this.#inputSoon((engine) => engine.persisted(batch.token)),
      send: (message) => {
        if (!this.#isStopped) ports.send(message);
      },
      onFailure: (error) => this.fail(error),
    });
  }

  /** True while the store is being replaced: nothing may write to it, nor read it. */
  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  /** True from when the engine has taken a snapshot in until the store holds it. */
  get hasSnapshot(): boolean {
    return this.#persists.hasSnapshot;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Gives the engine an input; its effects follow in the next turn, with those of the others. */
  input(give: (engine: Engine) => void): void {
    this.#guard(() => {
      give(this.#ports.engine);
      this.wake();
    });
  }

  /**
   * A message from a peer. What would add to a queue that is full is taken for lost: what waits in it
   * needs nothing more to be applied, and heartbeats still say that this server is there. A leader's
   * window is freed by persistence, so that only this holds it back; it probes with each heartbeat that
   * is answered, and goes on as soon as there is room. Who forwards proposals sends them again.
   */
  receive(message: Message): void {
    const isTakenIn = !addsEntries(message) || !this.#ports.applier.isFull;
    if (!isTakenIn && !this.#bringsStoreNearer(message)) return;
    this.#sender.received(message);
    this.#inputSoon((engine) => engine.step(message));
  }

  /**
   * While the store is held nothing gets shorter by waiting; what it waits for must not wait for this
   * server's log in turn. So that is taken in
   * - up to the state that has come;
   * - up to the first entry of the leader's own term: a quorum may need it here. Once that is committed, so
   *   is all that was before it, and whoever holds that has a state as late as any, and can send it.
   * Both come from what the leader has in memory: where that has been compacted, a snapshot comes.
   */
  #bringsStoreNearer(message: Message): boolean {
    if (!this.#isHeld || message.kind !== "appendRequest") return false;
    const isUpToState = this.#ports.applier.lastIndex < (this.#replacement?.snapshot.index ?? 0);
    return isUpToState || message.prevTerm < message.term;
  }

  /** Logical time passes. Once, however late: a process that was stopped must not depose anybody. */
  tick(nowMs: number): void {
    const { proposals, barriers } = this.#ports;
    proposals.tick(nowMs);
    barriers.tick(nowMs);
    this.#sender.tick();
    this.input((engine) => engine.tick());
  }

  /** There is something to do: work in the next turn. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    this.#ports.nextTurn(this.#turn);
  }

  /** While it is held nothing is applied, what is committed waits, and others are to lead. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#replacement = undefined;
    this.input((engine) => engine.standBack(isHeld));
    this.#applySoon();
  }

  /** Replaces the store, which is held at `heldIndex`, by another server's, once the log here has come so far. */
  replace(snapshot: SnapshotMeta, heldIndex: number): void {
    this.#replacement = { snapshot, heldIndex };
    this.wake();
  }

  /**
   * The same for what somebody waits for already: peers and the disk have answered. Its effects follow at
   * the end of this turn, which is a way through the event loop less. What clients want comes from many
   * sockets, and is gathered until the next.
   */
  #inputSoon(give: (engine: Engine) => void): void {
    this.#guard(() => {
      give(this.#ports.engine);
      if (this.#isScheduled || this.#isDueSoon) return;
      this.#isDueSoon = true;
      this.#ports.endOfTurn(this.#soon);
    });
  }

  /** Ends the loop after a failure. */
  fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#end();
    this.#ports.onFailure(error);
  }

  /** Ends the loop; done when the disk has finished what it was given, which may be at once. */
  stop(done: () => void): void {
    this.#end();
    const idle = (): void => this.#persists.idle(done);
    if (this.#isReplacing) this.#afterReplacing.push(idle);
    else idle();
  }

  #end(): void {
    this.#isStopped = true;
    this.#sender.stop();
    this.#gathering.stop();
  }

  #guard(run: () => void): void {
    if (this.#isStopped) return;
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** What clients want, all at once, and what follows from it. */
  #takeIn(): void {
    const { engine, proposals, barriers, nowMs } = this.#ports;
    if (this.#areDue(proposals)) proposals.flush(engine, nowMs());
    if (barriers.hasQueued) barriers.flush(engine);
    this.#carryOut();
  }

  /** What the engine wants. */
  #carryOut(): void {
    const { engine, proposals, barriers, nowMs, onWorked } = this.#ports;
    let effects = engine.takeEffects(nowMs());
    while (effects !== undefined) {
      this.#execute(effects);
      effects = engine.takeEffects(nowMs());
    }
    failpoint("raftBeforeAdvance");
    proposals.observe(engine);
    barriers.observe(engine);
    onWorked();
    this.#replaceIfReached();
    const isReady = proposals.queuedCount > 0 && !this.#gathering.isWaiting;
    if (isReady || barriers.hasQueued) this.wake();
  }

  #areDue({ queuedCount, pendingCount }: Proposals): boolean {
    return queuedCount > 0 && this.#gathering.isDue(queuedCount, pendingCount - queuedCount);
  }

  #execute(effects: Effects): void {
    const { applier, barriers } = this.#ports;
    this.#sender.send(effects.messages);
    this.#persists.add(effects.persist, effects.messagesAfterPersist);
    applier.add(effects.committed);
    barriers.take(effects.reads, effects.droppedReads);
    this.#applySoon();
  }

  #applySoon(): void {
    if (this.#isApplying || this.#isInstalling || this.#isHeld) return;
    if (!this.#ports.applier.isBehind) return;
    this.#isApplying = true;
    this.#ports.whenSent(this.#apply);
  }

  #applyOnce(): void {
    this.#isApplying = false;
    if (this.#isStopped || this.#isInstalling || this.#isHeld) return;
    if (!this.#ports.applier.isBehind) return;
    try {
      this.#moved(this.#ports.applier.applySlice());
      if (!this.#ports.applier.isBehind || this.#isApplying) return;
      this.#isApplying = true;
      this.#ports.nextTurn(this.#apply);
    } catch (error) {
      this.fail(error);
    }
  }

  #install(snapshot: SnapshotMeta, done: (error: unknown) => void): void {
    if (this.#isStopped) {
      this.#ports.endOfTurn(() => done(undefined));
      return;
    }
    if (this.#isReplacing) {
      this.#afterReplacing.push(() => this.#install(snapshot, done));
      return;
    }
    this.#isInstalling = true;
    failpoint("raftBeforeApplySnap");
    this.#ports.install(snapshot, (error) => {
      failpoint("raftAfterApplySnap");
      this.#isInstalling = false;
      if (error === undefined) this.#installed(snapshot);
      done(error);
    });
  }

  #installed(snapshot: SnapshotMeta): void {
    this.#ports.applier.reset(snapshot.configuration);
    this.#ports.proposals.replaced();
    this.#ports.barriers.applied(snapshot.index);
    this.#ports.onApplied(snapshot.index, 0);
    this.input((engine) => engine.snapshotInstalled(snapshot));
  }

  /** A snapshot that the engine has taken in comes first, and is newer. */
  #replaceIfReached(): void {
    if (this.#replacement === undefined || this.#isInstalling || this.hasSnapshot) return;
    const { snapshot, heldIndex } = this.#replacement;
    if (Math.max(heldIndex, this.#ports.applier.lastIndex) < snapshot.index) return;
    this.#replacement = undefined;
    this.#isInstalling = true;
    this.#isReplacing = true;
    this.#ports.replace(snapshot, (error) => {
      this.#isInstalling = false;
      this.#isReplacing = false;
      if (error !== undefined) this.fail(error);
      else if (!this.#isStopped) this.#replaced(snapshot);
      const waiting = this.#afterReplacing;
      this.#afterReplacing = [];
      for (const run of waiting) run();
    });
  }

  #replaced(snapshot: SnapshotMeta): void {
    this.#ports.applier.advance(snapshot.configuration);
    this.#ports.proposals.replaced();
    this.#moved({ index: snapshot.index, bytes: 0 });
  }

  #moved({ index, bytes }: { readonly index: number; readonly bytes: number }): void {
    this.#ports.barriers.applied(index);
    this.#ports.onApplied(index, bytes);
    this.input((engine) => engine.applied(index));
  }
}

function addsEntries(message: Message): boolean {
  if (message.kind === "appendRequest") return message.entries.length > 0;
  return message.kind === "forwardedProposals";
}
