/** The machines of a run and the network between them, built from its scenario. */
import { present } from "@flotilla/base";
import type { Configuration, NodeId } from "@flotilla/consensus";
import type { Scenario } from "../scenario/scenario.ts";
import { Machine, type MachineObserver } from "../server/machine.ts";
import { Network } from "../world/network.ts";
import type { World } from "../world/world.ts";
import { survivesWithout } from "./survival.ts";

const blank: Configuration = { voters: [], learners: [], outgoing: [] };

export class Cluster {
  readonly machines: readonly Machine[];
  readonly network: Network;
  readonly #founding: Configuration;
  readonly #indexes: Map<NodeId, number> = new Map<NodeId, number>();

  constructor(world: World, scenario: Scenario, observer: MachineObserver) {
    const machines: Machine[] = [];
    this.machines = machines;
    const { servers, options } = scenario;
    const network = { quality: options.network, size: servers.length };
    this.network = new Network(world, network, machines);
    const parts = {
      world,
      network: this.network,
      options,
      observer,
      indexOf: (id: NodeId) => this.#indexes.get(id),
      machine: (index: number) => this.machine(index),
    };
    const founding = foundingConfiguration(scenario);
    this.#founding = founding;
    for (const [index, server] of servers.entries()) {
      const configuration = isFounder(server) ? founding : blank;
      this.#indexes.set(server.id, index);
      machines.push(new Machine(parts, { index, id: server.id, configuration }));
    }
  }

  machine(index: number): Machine {
    return present(this.machines[index], `machine ${index}`);
  }

  machineOf(id: NodeId): Machine | undefined {
    const index = this.#indexes.get(id);
    return index === undefined ? undefined : this.machines[index];
  }

  /**
   * Every configuration that is in force anywhere, as `change` would make of it, can do without
   * `gone`. Servers that have ended for good count as gone, and those that take no part for now.
   */
  survivesWithout(
    gone: readonly Machine[],
    change: (configuration: Configuration) => Configuration = (same) => same,
  ): boolean {
    const ids = new Set(gone.map(({ id }) => id));
    for (const machine of this.machines)
      if (machine.isGone || machine.takesNoPart) ids.add(machine.id);
    return this.#configurations().every((configuration) =>
      survivesWithout(change(configuration), ids),
    );
  }

  /** By one configuration at least that is in force somewhere, those who are not `gone` can decide. */
  canAnyDecideWithout(gone: readonly Machine[]): boolean {
    const ids = new Set(gone.map(({ id }) => id));
    return this.#configurations().some(
      (configuration) => configuration.voters.length > 0 && survivesWithout(configuration, ids),
    );
  }

  /**
   * With a new disk `machine` and those that were wiped before it would be a quorum of the founding
   * configuration, which is all that they know then: a second cluster.
   */
  couldFoundAgain(machine: Machine): boolean {
    const others = this.machines.filter((other) => other !== machine && other.view.disk === 1);
    return survivesWithout(this.#founding, new Set(others.map(({ id }) => id)));
  }

  /** Those that are in force anywhere that still counts. */
  #configurations(): Configuration[] {
    const found = new Set<Configuration>();
    for (const { view, isLeftBehind, end } of this.machines) {
      if (!isLeftBehind && end === undefined) found.add(view.configuration);
    }
    return [...found];
  }
}

/** Who founds the cluster. */
export function foundingConfiguration({ servers, options }: Scenario): Configuration {
  const founders = servers.filter(isFounder);
  const witnesses = founders.filter(({ isWitness }) => isWitness).map(({ id }) => id);
  const preferred = options.preferred.map((index) => present(servers[index], "a server").id);
  return {
    voters: founders.filter(({ votes }) => votes > 0).map(({ id, votes }) => ({ id, votes })),
    learners: founders.filter(({ isLearner }) => isLearner).map(({ id }) => id),
    outgoing: [],
    ...(witnesses.length === 0 ? {} : { witnesses }),
    ...(preferred.length === 0 ? {} : { preferred }),
    servers: founders.map(({ id }) => ({ id, incarnation: 0, urls: [] })),
  };
}

export function isFounder(server: Scenario["servers"][number]): boolean {
  return server.votes > 0 || server.isLearner;
}
