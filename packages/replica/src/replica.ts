/** A replica out of its parts. */
import type { Replica, ReplicaOptions, ReplicaPorts } from "./contract.ts";

/** Makes a replica from an engine and what it drives; it takes part from the first `tick` on. */
export function createReplica(options: ReplicaOptions, _ports: ReplicaPorts): Replica {
  throw new Error(`not yet: ${options.id}`);
}
