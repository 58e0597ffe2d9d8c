/** An operator that changes who takes part, and does not shoot itself in the foot. */
import { assertNever } from "@flotilla/base";
import type { Configuration, ConfigurationChange, Voter } from "@flotilla/consensus";
import type { Operator } from "../clients/workload.ts";
import type { ScenarioChange } from "../scenario/scenario.ts";
import type { Machine } from "../server/machine.ts";
import type { Cluster } from "./cluster.ts";

/** Changes whose outcome is not known, at most: every subset of them is thought through. */
const pendingMax = 4;

export class ClusterOperator implements Operator {
  readonly #cluster: Cluster;
  #pending: ScenarioChange[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  idOf(server: number): string {
    return this.#cluster.machine(server).id;
  }

  allows(change: ScenarioChange): boolean {
    if (this.#pending.length >= pendingMax) return false;
    const target = this.#targetOf(change);
    if (change.kind !== "remove" && target?.isGone === true) return false;
    return this.#survives([], [...this.#pending, change]);
  }

  /** A change was asked for, and may still come about. */
  get isChanging(): boolean {
    return this.#pending.length > 0;
  }

  /** True when the others can go on without `machine`, whatever becomes of changes under way. */
  canDoWithout(machine: Machine): boolean {
    return this.#survives([machine], this.#pending);
  }

  begin(change: ScenarioChange): void {
    this.#pending.push(change);
    if (change.kind === "add") this.#targetOf(change)?.start();
  }

  /** Changes whose outcome is unknown stay: they may still be made. */
  ended(change: ScenarioChange): void {
    this.#pending = this.#pending.filter((pending) => pending !== change);
  }

  changeOf(change: ScenarioChange): ConfigurationChange {
    switch (change.kind) {
      case "add": {
        const { subject, votes, isWitness } = change;
        return { kind: "add", id: this.idOf(subject), votes, witness: isWitness };
      }
      case "remove":
      case "demote":
        return { kind: change.kind, id: this.idOf(change.subject) };
      case "promote":
      case "votes":
        return { kind: change.kind, id: this.idOf(change.subject), votes: change.votes };
      case "prefer":
        return { kind: "prefer", ids: change.subjects.map((subject) => this.idOf(subject)) };
      case "staticLeader": {
        const { subject } = change;
        const id = subject === undefined ? undefined : this.idOf(subject);
        return { kind: "staticLeader", id };
      }
      default:
        return assertNever(change);
    }
  }

  /** Whichever of the changes are made. */
  #survives(gone: readonly Machine[], changes: readonly ScenarioChange[]): boolean {
    return subsetsOf(changes).every((plan) =>
      this.#cluster.survivesWithout(gone, (configuration) =>
        plan.reduce((before, change) => this.#after(before, change), configuration),
      ),
    );
  }

  #targetOf(change: ScenarioChange): Machine | undefined {
    if (!("subject" in change) || change.subject === undefined) return undefined;
    return this.#cluster.machine(change.subject);
  }

  /** About what the engine would make of it; enough to judge who is left. */
  #after(configuration: Configuration, change: ScenarioChange): Configuration {
    const { voters } = configuration;
    if (change.kind === "prefer") return configuration;
    if (change.kind === "staticLeader") {
      const { staticLeader: _, ...rest } = configuration;
      return change.subject === undefined
        ? rest
        : { ...rest, staticLeader: this.idOf(change.subject) };
    }
    const id = this.idOf(change.subject);
    const others: Voter[] = voters.filter((voter) => voter.id !== id);
    const votes = "votes" in change ? change.votes : 0;
    return { ...configuration, voters: votes > 0 ? [...others, { id, votes }] : others };
  }
}

function subsetsOf<Item>(items: readonly Item[]): Item[][] {
  let subsets: Item[][] = [[]];
  for (const item of items) subsets = [...subsets, ...subsets.map((subset) => [...subset, item])];
  return subsets;
}
