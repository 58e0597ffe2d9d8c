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
): ReadonlyMap<NodeId, PeerAddress> {
  const urls = peerUrlsOf(configuration, founders);
  const addresses = new Map<NodeId, PeerAddress>();
  for (const id of configurationServers(configuration)) {
    const address = addressOf(urls.get(id) ?? []);
    if (id !== self && address !== undefined) addresses.set(id, address);
  }
  return addresses;
}

/** The first URL that is one: they come from the log, where anything may stand. */
function addressOf(urls: readonly string[]): PeerAddress | undefined {
  for (const url of urls) {
    try {
      return parsePeerUrl(url);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  }
  return undefined;
}
