/** Leadership of this member, and who wants to know of its changes. */
import type { Engine, NodeId } from "@flotilla/consensus";
import type { Leadership } from "./contract.ts";

/** What is looked at. */
export type LeadershipView = Pick<Engine, "role" | "term" | "leader">;

export class LeadershipWatch {
  readonly #listeners = new Set<(leadership: Leadership) => void>();
  #present: Leadership;
  #leader: NodeId;

  constructor({ role, term, leader }: LeadershipView) {
    this.#present = { isLeader: role === "leader", term };
    this.#leader = leader;
  }

  /** Calls at once, and then at each change, until the returned function is called. */
  listen(listener: (leadership: Leadership) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#present);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the engine's word; true when the cluster's leader, as known here, has changed. */
  observe({ role, term, leader }: LeadershipView): boolean {
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
