/**
 * What the oracles see of a machine. Changes when the engine hands out effects, when the disk has
 * finished a write and when something is applied: what is in between nobody outside can know of.
 */
import {
  type Configuration,
  configurationServers,
  type Engine,
  isWitness,
  type Persist,
  type Role,
} from "@flotilla/consensus";
import type { Store } from "@flotilla/store";
import { LogMirror, type ServerView } from "../oracles/index.ts";

export class MachineView implements ServerView {
  readonly id: string;
  isUp = false;
  start = 0;
  disk = 1;
  role: Role = "follower";
  term = 0;
  leader = "";
  configuration: Configuration;
  appliedIndex = 0;
  /** What the engine has handed out to be written. */
  readonly log: LogMirror = new LogMirror();
  /** What the disk has finished. */
  readonly durable: LogMirror = new LogMirror();
  /** By the last configuration that names it. */
  #isNamedWitness: boolean | undefined;

  /** `configuration`: what its log begins with. */
  constructor(id: string, configuration: Configuration) {
    this.id = id;
    this.configuration = configuration;
    this.#noteRole();
  }

  get vote(): string {
    return this.log.vote;
  }

  get supersededBy(): number {
    return this.log.supersededBy;
  }

  get commitIndex(): number {
    return this.log.commit;
  }

  /** It need not have data; also before a configuration has told it so, and while it is told that it is out. */
  get isWitness(): boolean {
    return this.#isNamedWitness ?? this.log.lacksData;
  }

  /** The engine has worked. */
  worked(engine: Engine, persist: Persist | undefined): void {
    if (persist !== undefined) this.log.write(persist);
    this.role = engine.role;
    this.term = engine.term;
    this.leader = engine.leader;
    if (engine.configuration === this.configuration) return;
    this.configuration = engine.configuration;
    this.#noteRole();
  }

  applied(store: Store): void {
    this.appliedIndex = store.appliedIndex;
  }

  #noteRole(): void {
    const { configuration, id } = this;
    if (!configurationServers(configuration).has(id)) return;
    this.#isNamedWitness = isWitness(configuration, id);
  }
}
