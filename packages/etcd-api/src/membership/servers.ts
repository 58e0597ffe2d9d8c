/** Questions about the servers of a configuration. Pure. */
import type { Configuration, NodeId } from "./types.ts";

/** True for voters, old ones included while a change is under way, and learners. */
export function isMember(configuration: Configuration, id: NodeId): boolean {
  return memberIds(configuration).has(id);
}

/** Everybody who takes part. */
export function memberIds(configuration: Configuration): ReadonlySet<NodeId> {
  const { voters, outgoing, learners } = configuration;
  return new Set([...voters.map(({ id }) => id), ...outgoing.map(({ id }) => id), ...learners]);
}

/** True when a member other than `except` is reached under one of `urls`. */
export function isPeerUrlTaken(
  configuration: Configuration,
  urls: readonly string[],
  except?: NodeId,
): boolean {
  const others = (configuration.servers ?? []).filter(({ id }) => id !== except);
  return others.some((server) => server.urls.some((url) => urls.includes(url)));
}
