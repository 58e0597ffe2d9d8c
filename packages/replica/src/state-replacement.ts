/**
 * Replaces the state of a server whose store is wrong, or gone, by the leader's. Pure.
 *
 * Its log and its votes are right and stay what they are; of the engine nothing is asked but to stand
 * back, as a leader has nobody to ask, and a change of leaders breaks off what comes in:
 *
 * ```
 * asking     nothing more is applied here; the leader sends its state, not older than where that was
 * received   it is on this disk; the log here may still lack the last entries that are in it
 * installing it takes the store's place, and what waits behind it is applied
 * ```
 *
 * An ordinary snapshot that comes meanwhile, since this server lags too far, does as well.
 */
import type { Logger } from "@flotilla/base";
import type { Engine, LogIndex, NodeId, SnapshotMeta } from "@flotilla/consensus";
import type { Cancel, ReplaceOutcome } from "./contract.ts";

export interface ReplacementPorts {
  readonly engine: Pick<Engine, "role" | "leader">;
  readonly logger: Logger;
  nowMs(): number;
  /** What the store has applied, or should have. */
  presentIndex(): LogIndex;
  /** Nothing more is applied from here on, and it does not want to lead; or all that again. */
  hold(isHeld: boolean): void;
  /** Asks `leader` for its state, at `sinceIndex` or later. */
  ask(leader: NodeId, sinceIndex: LogIndex): void;
  /** A state that was asked for is coming in. */
  isReceiving(): boolean;
  /** Takes no such state any more. */
  stopAsking(): void;
  /** Has it take the place of the store, held at `heldIndex`, once the log here has come so far. */
  install(snapshot: SnapshotMeta, heldIndex: LogIndex): void;
}

interface Present {
  readonly sinceIndex: LogIndex;
  readonly done: (outcome: ReplaceOutcome) => void;
  askedAtMs: number;
  isReceived: boolean;
}

export class StateReplacement {
  readonly #ports: ReplacementPorts;
  readonly #repeatMs: number;
  #present: Present | undefined;

  /** `repeatMs`: the leader is asked again after a silence of this length. */
  constructor(ports: ReplacementPorts, repeatMs: number) {
    this.#ports = ports;
    this.#repeatMs = repeatMs;
  }

  /** The state here is not to be given to anybody. */
  get isActive(): boolean {
    return this.#present !== undefined;
  }

  /** Begins; there must not be one already. It can be given up until the state has arrived. */
  begin(done: (outcome: ReplaceOutcome) => void): Cancel {
    const { hold, presentIndex } = this.#ports;
    const present: Present = {
      sinceIndex: presentIndex(),
      done,
      askedAtMs: Number.NEGATIVE_INFINITY,
      isReceived: false,
    };
    this.#present = present;
    hold(true);
    this.tick();
    return () => {
      if (this.#present === present && !present.isReceived) this.#end();
    };
  }

  /** Time passes: asks, again when nothing has come. Who leads itself asks whoever it hands over to. */
  tick(): void {
    const { engine, nowMs, ask, isReceiving } = this.#ports;
    const present = this.#present;
    if (present === undefined || engine.role === "leader") return;
    if (present.isReceived || isReceiving() || engine.leader === "") return;
    if (nowMs() - present.askedAtMs < this.#repeatMs) return;
    present.askedAtMs = nowMs();
    ask(engine.leader, present.sinceIndex);
  }

  /** What was asked for is on this disk: perhaps by one before this, which was given up; then it may be too old. */
  received(snapshot: SnapshotMeta): void {
    const present = this.#present;
    if (present === undefined || present.isReceived) return;
    if (snapshot.index < present.sinceIndex) return; // It is asked for again.
    present.isReceived = true;
    this.#ports.stopAsking();
    this.#ports.install(snapshot, present.sinceIndex);
  }

  /** The store was replaced, by this or by an ordinary snapshot. */
  installed(index: LogIndex): void {
    const present = this.#present;
    if (present === undefined) return;
    this.#ports.logger.warn("the state was replaced by the leader's", { index });
    this.#end();
    present.done({ kind: "replaced", index });
  }

  stop(): void {
    const present = this.#present;
    this.#present = undefined;
    present?.done({ kind: "stopped" });
  }

  #end(): void {
    this.#present = undefined;
    this.#ports.stopAsking();
    this.#ports.hold(false);
  }
}
