/** A configuration, arranged for the questions that every message raises. Pure. */
import { configurationServers } from "../configuration.ts";
import type { Configuration, NodeId } from "../contract.ts";

/** Who takes part; never changes. */
export class Roster {
  readonly configuration: Configuration;
  /** Every server that receives the log. */
  readonly servers: ReadonlySet<NodeId>;
  readonly epoch: number;
  readonly #witnesses: ReadonlySet<NodeId>;
  readonly #removed: ReadonlySet<NodeId>;
  readonly #incarnations: ReadonlyMap<NodeId, number>;

  constructor(configuration: Configuration) {
    const { epoch = 0, witnesses = [], removed = [], servers = [] } = configuration;
    this.configuration = configuration;
    this.servers = configurationServers(configuration);
    this.epoch = epoch;
    this.#witnesses = new Set(witnesses);
    this.#removed = new Set(removed);
    this.#incarnations = new Map(servers.map((server) => [server.id, server.incarnation]));
  }

  isWitness(id: NodeId): boolean {
    return this.#witnesses.has(id);
  }

  /** True for a server that was taken out; in the joint phase before that it still takes part. */
  isRemoved(id: NodeId): boolean {
    return this.#removed.has(id) && !this.servers.has(id);
  }

  /** 0 when it is not known. */
  incarnationOf(id: NodeId): number {
    return this.#incarnations.get(id) ?? 0;
  }
}
