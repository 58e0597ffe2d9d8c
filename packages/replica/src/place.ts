/** What place this server has in the configuration in force. Pure. */
import {
  type Configuration,
  configurationServers,
  type Engine,
  isWitness,
  type NodeId,
} from "@flotilla/consensus";

/**
 * - `data`: it gets entries whole; its store is that of the log.
 * - `witness`: it gets them without their data; its store is empty.
 * - `none`: it is new and has not heard yet, or was removed. What it gets may be either.
 */
export type Place = "data" | "witness" | "none";

export function placeOf(configuration: Configuration, id: NodeId): Place {
  if (!configurationServers(configuration).has(id)) return "none";
  return isWitness(configuration, id) ? "witness" : "data";
}

/** The same for the configuration in force, at no cost while that stays. */
export function placeIn(engine: Pick<Engine, "configuration">, id: NodeId): () => Place {
  let { configuration } = engine;
  let place = placeOf(configuration, id);
  return () => {
    if (engine.configuration !== configuration) {
      configuration = engine.configuration;
      place = placeOf(configuration, id);
    }
    return place;
  };
}
