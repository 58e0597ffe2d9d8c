/**
 * Why a request may have had no result in its time, as etcd guesses it. Source: etcd
 * server/etcdserver/server.go (`parseProposeCtxErr`). Pure.
 */
import { type Engine, hasQuorum, type NodeId } from "@flotilla/consensus";
import type { TimeoutCause } from "./contract.ts";

export interface TimeoutCausesOptions {
  readonly id: NodeId;
  readonly electionMs: number;
  nowMs(): number;
}

/** Remembers the last election, and since when peers can be reached. */
export class TimeoutCauses {
  readonly #options: TimeoutCausesOptions;
  #leader: NodeId = "";
  #electedAtMs = Number.NEGATIVE_INFINITY;
  /** Those that something could not be sent to, until they are heard again. */
  readonly #lost = new Set<NodeId>();
  readonly #foundAtMs = new Map<NodeId, number>();

  constructor(options: TimeoutCausesOptions) {
    this.#options = options;
  }

  /** The engine has worked. */
  observe({ leader }: Pick<Engine, "leader">): void {
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (leader !== "") this.#electedAtMs = this.#options.nowMs();
  }

  unreachable(peer: NodeId): void {
    this.#lost.add(peer);
  }

  heard(peer: NodeId): void {
    if (this.#lost.size === 0 || !this.#lost.delete(peer)) return;
    this.#foundAtMs.set(peer, this.#options.nowMs());
  }

  /** Of what began at that time and is given up now; undefined when there is nothing to say. */
  since(beganMs: number, engine: Pick<Engine, "configuration">): TimeoutCause | undefined {
    const { id, electionMs } = this.#options;
    const lostAtMs = this.#electedAtMs - 2 * electionMs;
    if (beganMs > lostAtMs && beganMs < this.#electedAtMs) return "leaderFailed";
    if (this.#leader === "") return undefined;
    const isConnected =
      this.#leader === id
        ? hasQuorum(engine.configuration, (peer) => peer === id || this.#isReached(peer, beganMs))
        : this.#isReached(this.#leader, beganMs);
    return isConnected ? undefined : "connectionLost";
  }

  #isReached(peer: NodeId, sinceMs: number): boolean {
    const foundAtMs = this.#foundAtMs.get(peer) ?? Number.NEGATIVE_INFINITY;
    return !this.#lost.has(peer) && foundAtMs < sinceMs;
  }
}
