/** Where the other members are reached, as a configuration says. Pure. */
import { type Configuration, configurationServers, type NodeId } from "@flotilla/consensus";
import { type PeerAddress, PeerError, parsePeerUrl } from "@flotilla/peer";
import { type Founder, nodeIdOf } from "./identity.ts";

/**
 * By server. A configuration without a record of one leaves it at the address that it was founded with:
 * those that were founded before there were records have none.
 */
export function peerUrlsOf(
  configuration: Configuration,
  founders: readonly Founder[],
): ReadonlyMap<NodeId, readonly string[]> {
  const urls = new Map(founders.map(({ id, peerUrls }) => [nodeIdOf(id), peerUrls]));
  for (const record of configuration.servers ?? []) urls.set(record.id, record.urls);
  return urls;
}

/** Where to reach all but `self`, voters that are on their way out included. */
export function peerAddresses(
  configuration: Configuration,
  founders: readonly Founder[],
  self: NodeId,
): ReadonlyMap<NodeId, readonly PeerAddress[]> {
  const urls = peerUrlsOf(configuration, founders);
  const all = new Map<NodeId, readonly PeerAddress[]>();
  for (const id of configurationServers(configuration)) {
    const addresses = (urls.get(id) ?? []).flatMap(addressOf);
    if (id !== self && addresses.length > 0) all.set(id, addresses);
  }
  return all;
}

/** Nothing for what is no URL: they come from the log, where anything may stand. */
function addressOf(url: string): readonly PeerAddress[] {
  try {
    return [parsePeerUrl(url)];
  } catch (error) {
    if (error instanceof PeerError) return [];
    throw error;
  }
}
