/** Leadership of this member, and who wants to know of its changes. */
import type { EngineStatus } from "@flotilla/consensus";
import type { Leadership } from "./contract.ts";

export class LeadershipWatch {
  readonly #listeners = new Set<(leadership: Leadership) => void>();
  #present: Leadership;
  #leader: string;

  constructor(status: EngineStatus) {
    this.#present = { isLeader: status.role === "leader", term: status.term };
    this.#leader = status.leader;
  }

  get present(): Leadership {
    return this.#present;
  }

  /** Calls at once, and then at each change, until the returned function is called. */
  listen(listener: (leadership: Leadership) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#present);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the engine's word; true when the cluster's leader, as known here, has changed. */
  observe({ role, term, leader }: EngineStatus): boolean {
    const isLeader = role === "leader";
    if (isLeader !== this.#present.isLeader || term !== this.#present.term) {
      this.#tell({ isLeader, term });
    }
    const changed = leader !== this.#leader;
    this.#leader = leader;
    return changed;
  }

  /** Nobody leads here any more. */
  stop(): void {
    if (this.#present.isLeader) this.#tell({ ...this.#present, isLeader: false });
    this.#listeners.clear();
  }

  #tell(leadership: Leadership): void {
    this.#present = leadership;
    for (const listener of [...this.#listeners]) listener(leadership);
  }
}
