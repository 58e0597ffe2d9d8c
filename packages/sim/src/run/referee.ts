/**
 * Shows everything that happens to the oracles, and keeps the first promise that is broken.
 */
import type { Message, Persist } from "@flotilla/consensus";
import type { Store } from "@flotilla/store";
import type { WalBatch } from "@flotilla/wal";
import type { Ledger } from "../clients/ledger.ts";
import type { ConductOracle, InvariantOracle, IsolationKind, Violation } from "../oracles/index.ts";
import type { Machine, MachineObserver } from "../server/machine.ts";
import { messageText } from "../server/message-facts.ts";
import { comparedEntries } from "../state/simulated-state.ts";
import type { Recorder } from "../story/recorder.ts";
import type { World } from "../world/world.ts";
import type { Trace } from "./trace.ts";

/** A broken promise, and when it was seen. */
export interface RunViolation extends Violation {
  readonly atMs: number;
  readonly event: number;
}

export class Referee implements MachineObserver {
  readonly #world: World;
  readonly #oracle: InvariantOracle;
  readonly #conduct: ConductOracle;
  readonly #ledger: Ledger;
  readonly #trace: Trace | undefined;
  readonly #recorder: Recorder | undefined;
  #touched: Machine[] = [];
  #violation: RunViolation | undefined;

  constructor(
    world: World,
    parts: {
      readonly oracle: InvariantOracle;
      readonly conduct: ConductOracle;
      readonly ledger: Ledger;
      readonly trace: Trace | undefined;
      readonly recorder: Recorder | undefined;
    },
  ) {
    this.#world = world;
    this.#oracle = parts.oracle;
    this.#conduct = parts.conduct;
    this.#ledger = parts.ledger;
    this.#trace = parts.trace;
    this.#recorder = parts.recorder;
  }

  get violation(): RunViolation | undefined {
    return this.#violation;
  }

  /** Keeps the first. */
  report(violation: Violation | undefined): void {
    if (violation === undefined || this.#violation !== undefined) return;
    this.#violation = { ...violation, atMs: this.#world.nowMs, event: this.#world.events };
  }

  /** After an event: shows the oracle who has acted. True when the run is over. */
  settle(): boolean {
    const touched = this.#touched;
    for (let at = 0; at < touched.length; at++) {
      const { view } = touched[at] as Machine;
      this.report(this.#oracle.observe(view));
      this.#recorder?.observe(view);
    }
    touched.length = 0;
    return this.#violation !== undefined;
  }

  touched(machine: Machine): void {
    if (!this.#touched.includes(machine)) this.#touched.push(machine);
  }

  sent(machine: Machine, message: Message): void {
    this.report(this.#oracle.sent(machine.view, message));
    this.report(this.#conduct.sent(machine.view, message));
    this.#recorder?.add(machine.id, { kind: "sent", message });
    if (this.#trace !== undefined) this.note(machine, `-> ${message.to} ${messageText(message)}`);
  }

  received(machine: Machine, message: Message): void {
    this.#conduct.received(machine.view, message);
    this.#recorder?.add(machine.id, { kind: "received", message });
    if (this.#trace !== undefined) {
      this.note(machine, `<- ${message.from} ${messageText(message)}`);
    }
  }

  ticked(machine: Machine): void {
    this.report(this.#conduct.ticked(machine.view));
  }

  writes(machine: Machine, batch: Persist): void {
    this.#conduct.writes(machine.view, batch);
  }

  wrote(machine: Machine, batch: WalBatch): void {
    this.#conduct.wrote(machine.view, batch);
  }

  applied(
    machine: Machine,
    entries: Parameters<Store["apply"]>[0],
    results: ReturnType<Store["apply"]>,
  ): void {
    for (const { index, term } of entries) {
      this.report(this.#oracle.applied(machine.id, index, term));
    }
    if (machine.isWitness) return;
    const { store } = machine.state;
    this.#ledger.applied(this.#world.nowMs, store, entries, results);
    if (store.appliedIndex % comparedEntries === 0) this.report(this.hash(machine));
  }

  replaced(machine: Machine): void {
    const { appliedIndex, appliedTerm } = machine.state.store;
    this.report(this.#oracle.replaced(machine.id, appliedIndex, appliedTerm));
    if (machine.isWitness || appliedIndex % comparedEntries !== 0) return;
    this.report(this.hash(machine));
  }

  /** Compares the content of a state machine with that of all others at the same entry. */
  hash(machine: Machine): Violation | undefined {
    const { store } = machine.state;
    const content = store.hash(0);
    if (content.kind !== "hash") return undefined;
    return this.#oracle.stateHash(machine.id, store.appliedIndex, content.hash);
  }

  broke(machine: Machine, error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.report({ oracle: "exception", message: `${machine.id} ended with ${text}` });
  }

  lost(machine: Machine, reason: string, isDamage: boolean): void {
    if (machine.hasLyingDisk || (isDamage && machine.hasRottenDisk)) return;
    this.report({
      oracle: "recovery",
      message: `${machine.id} cannot start, though its disk kept all that it promised: ${reason}`,
    });
  }

  isolated(machine: Machine, kind: IsolationKind): void {
    this.report(this.#oracle.isolated(machine.id, kind));
  }

  recoveredByForce(machine: Machine): void {
    this.#oracle.declareRecovery(machine.id);
  }

  note(machine: Machine | undefined, what: string): void {
    // What is done to the world is recorded as it stands in the scenario.
    if (machine !== undefined) this.#recorder?.add(machine.id, { kind: "note", what });
    this.#trace?.add({
      atMs: this.#world.nowMs,
      event: this.#world.events,
      server: machine?.id ?? "",
      what,
    });
  }
}
