/** An operator that changes who takes part, and does not shoot itself in the foot. */
import { assertNever } from "@flotilla/base";
import type { Configuration, ConfigurationChange, Voter } from "@flotilla/consensus";
import type { Operator } from "../clients/workload.ts";
import type { ScenarioChange } from "../scenario/scenario.ts";
import type { Cluster } from "./cluster.ts";

export class ClusterOperator implements Operator {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  idOf(server: number): string {
    return this.#cluster.machine(server).id;
  }

  allows(change: ScenarioChange): boolean {
    const target = this.#targetOf(change);
    if (change.kind !== "remove" && target?.end !== undefined) return false;
    return this.#cluster.survivesWithout([], (configuration) => this.#after(configuration, change));
  }

  prepare(change: ScenarioChange): void {
    if (change.kind === "add") this.#targetOf(change)?.start();
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

  #targetOf(change: ScenarioChange) {
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
