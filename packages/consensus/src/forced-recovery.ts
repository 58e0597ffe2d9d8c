/**
 * Going on after a quorum is lost for good: one survivor becomes the whole cluster, by force.
 *
 * What only the lost servers held is gone, and nobody can say whether they still run somewhere. The
 * configuration therefore begins a new epoch: servers of the old one are refused, and take no part
 * any more once they have heard of it, even if they had a quorum among themselves. Pure.
 */
import { configurationServers, removedMax, serverRecord, tidied } from "./configuration.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration-codec.ts";
import type { Configuration, EngineState, Entry, HardState, NodeId } from "./contract.ts";

/**
 * The configuration of the next epoch: `survivor` alone. It must hold data, so be no witness.
 *
 * All others count as removed: somebody may recover another one as well, into an epoch of the same
 * number and with other entries in the same places. Added here it would take part unnoticed.
 */
export function recoveredConfiguration(
  configuration: Configuration,
  survivor: NodeId,
): Configuration {
  const record = serverRecord(configuration, survivor);
  const gone = new Set([...(configuration.removed ?? []), ...configurationServers(configuration)]);
  gone.delete(survivor);
  return tidied({
    voters: [{ id: survivor, votes: 1 }],
    learners: [],
    outgoing: [],
    epoch: (configuration.epoch ?? 0) + 1,
    servers: record === undefined ? [] : [record],
    removed: [...gone].slice(-removedMax),
  });
}

/**
 * What a tool has to write to the stopped log of server `id`, as one batch, so that it starts as the
 * only voter of a new epoch: the configuration entry, with everything up to it committed.
 */
export function forcedRecovery(
  state: EngineState,
  id: NodeId,
): { readonly hardState: HardState; readonly entry: Entry } {
  const { hardState, snapshot, entries } = state;
  const last = entries.at(-1) ?? snapshot;
  const index = last.index + 1;
  const term = Math.max(hardState.term, last.term) + 1;
  const before = configurationInForce(state);
  // Also beyond an epoch that this server was only told of: it is to leave that one behind, too.
  const epoch = Math.max(before.epoch ?? 0, hardState.epoch ?? 0, hardState.supersededBy ?? 0);
  const data = encodeConfiguration(recoveredConfiguration({ ...before, epoch }, id));
  return {
    hardState: { term, vote: id, commit: index },
    entry: { index, term, kind: "config", data },
  };
}

function configurationInForce({ snapshot, entries }: EngineState): Configuration {
  for (const entry of entries.toReversed()) {
    if (entry.kind !== "config") continue;
    const configuration = decodeConfiguration(entry.data);
    if (configuration !== undefined) return configuration;
  }
  return snapshot.configuration;
}
