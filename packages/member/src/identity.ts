/**
 * Who is who: ids computed as etcd computes them, so that every founding member comes to the same
 * ones by itself (etcd server/etcdserver/api/membership/member.go and cluster.go). Pure.
 */
import { createHash } from "node:crypto";
import type { Configuration, NodeId } from "@flotilla/consensus";
import { MemberError } from "./errors.ts";
import type { InitialMember } from "./options.ts";

/** One founding member. */
export interface Founder {
  readonly id: bigint;
  readonly name: string;
  /** Sorted. */
  readonly peerUrls: readonly string[];
}

/** The founding cluster as one of its members sees it. */
export interface Founding {
  readonly clusterId: bigint;
  readonly self: Founder;
  /** Sorted by id, this one included. */
  readonly founders: readonly Founder[];
}

/** Works out all ids. Throws `MemberError` `badOptions`. */
export function foundCluster(
  name: string,
  initialCluster: readonly InitialMember[],
  token: string,
): Founding {
  const founders = [...new Set(initialCluster.map((line) => line.name))].map((founder) => {
    const lines = initialCluster.filter((line) => line.name === founder);
    const peerUrls = lines.map((line) => line.peerUrl).sort();
    return { id: memberId(peerUrls, token), name: founder, peerUrls };
  });
  founders.sort((left, right) => (left.id < right.id ? -1 : 1));
  const urls = founders.flatMap((founder) => founder.peerUrls);
  if (new Set(urls).size !== urls.length) {
    throw new MemberError("badOptions", "Cannot found a cluster: a peer URL occurs twice");
  }
  const self = founders.find((founder) => founder.name === name);
  if (self === undefined) {
    throw new MemberError(
      "badOptions",
      `Cannot start "${name}": the initial cluster has no such member`,
    );
  }
  return { clusterId: clusterIdOf(founders.map((founder) => founder.id)), self, founders };
}

/** First 8 bytes, big-endian, of the SHA-1 of the sorted peer URLs and the token. */
export function memberId(peerUrls: readonly string[], token: string): bigint {
  return firstBytes(
    createHash("sha1")
      .update([...peerUrls].sort().join("") + token)
      .digest(),
  );
}

/** The same over the sorted ids of the founding members, 8 bytes each. */
export function clusterIdOf(ids: readonly bigint[]): bigint {
  const hash = createHash("sha1");
  for (const id of [...ids].sort((left, right) => (left < right ? -1 : 1))) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(id);
    hash.update(bytes);
  }
  return firstBytes(hash.digest());
}

/** The engine's name for a member: its id as etcd's tools print it. */
export function nodeIdOf(id: bigint): NodeId {
  return id.toString(16);
}

/** The reverse of {@link nodeIdOf}; 0 for the empty name. */
export function memberIdOf(nodeId: NodeId): bigint {
  return nodeId === "" ? 0n : BigInt(`0x${nodeId}`);
}

/** True for what {@link nodeIdOf} gives. */
export function isMemberNodeId(nodeId: NodeId): boolean {
  return /^[1-9a-f][0-9a-f]{0,15}$/.test(nodeId);
}

/** Who votes at first: every founder, with one vote. The same bytes at each of them. */
export function foundingConfiguration(founders: readonly Founder[]): Configuration {
  return {
    voters: founders.map(({ id }) => ({ id: nodeIdOf(id), votes: 1 })),
    learners: [],
    outgoing: [],
    servers: founders.map(({ id, peerUrls }) => ({
      id: nodeIdOf(id),
      incarnation: 0, // Drawn by each for itself; the leader hears it.
      urls: peerUrls,
    })),
  };
}

/** What a new member starts from: it takes part in nothing until a leader tells it who does. */
export function blankConfiguration(epoch: number): Configuration {
  return { voters: [], learners: [], outgoing: [], epoch };
}

function firstBytes(digest: Buffer): bigint {
  return digest.readBigUInt64BE(0);
}
