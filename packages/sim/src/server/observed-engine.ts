/** An engine that tells what it hands out. Otherwise the engine itself. */
import type {
  ChangeOutcome,
  Configuration,
  ConfigurationChange,
  Effects,
  Engine,
  EngineStatus,
  Message,
  NodeId,
  Persist,
  PersistToken,
  ProposeOutcome,
  Role,
  SnapshotMeta,
} from "@flotilla/consensus";

/** Hears of what an engine does. */
export interface EngineObserver {
  /** Effects were taken, with this to be written. */
  worked(engine: Engine, persist: Persist | undefined): void;
  compacted(index: number): void;
}

export class ObservedEngine implements Engine {
  readonly #engine: Engine;
  readonly #observer: EngineObserver;

  constructor(engine: Engine, observer: EngineObserver) {
    this.#engine = engine;
    this.#observer = observer;
  }

  get role(): Role {
    return this.#engine.role;
  }

  get term(): number {
    return this.#engine.term;
  }

  get leader(): NodeId {
    return this.#engine.leader;
  }

  get configuration(): Configuration {
    return this.#engine.configuration;
  }

  tick(): void {
    this.#engine.tick();
  }

  step(message: Message): void {
    this.#engine.step(message);
  }

  propose(data: readonly Uint8Array[]): ProposeOutcome {
    return this.#engine.propose(data);
  }

  read(requestId: number): void {
    this.#engine.read(requestId);
  }

  transferLeadership(target: NodeId): void {
    this.#engine.transferLeadership(target);
  }

  standBack(isBack: boolean): void {
    this.#engine.standBack(isBack);
  }

  change(changes: readonly ConfigurationChange[]): ChangeOutcome {
    return this.#engine.change(changes);
  }

  persisted(token: PersistToken): void {
    this.#engine.persisted(token);
  }

  applied(index: number): void {
    this.#engine.applied(index);
  }

  snapshotInstalled(snapshot: SnapshotMeta): void {
    this.#engine.snapshotInstalled(snapshot);
  }

  snapshotSent(to: NodeId, delivered: boolean): void {
    this.#engine.snapshotSent(to, delivered);
  }

  unreachable(to: NodeId): void {
    this.#engine.unreachable(to);
  }

  compact(index: number): void {
    this.#engine.compact(index);
    this.#observer.compacted(index);
  }

  takeEffects(nowMs?: number): Effects | undefined {
    const effects = this.#engine.takeEffects(nowMs);
    this.#observer.worked(this.#engine, effects?.persist);
    return effects;
  }

  status(): EngineStatus {
    return this.#engine.status();
  }
}
