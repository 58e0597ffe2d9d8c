/**
 * How a member comes into being: as a founder, whose id follows from the initial cluster, or as one
 * that was added to a cluster, which it asks who it is.
 */
import { askPeer, parsePeerUrl } from "@flotilla/peer";
import { MemberError } from "./errors.ts";
import { blankConfiguration, type Founding, foundingConfiguration } from "./identity.ts";
import { type JoinPorts, joinCluster } from "./join-cluster.ts";
import type { LogBeginning } from "./log-directory.ts";
import type { InitialMember } from "./options.ts";
import { drawIncarnation, type Owner } from "./owner.ts";

export interface Beginning {
  /** Asked when the data directory holds nothing. */
  begin(): Promise<LogBeginning>;
  /** Throws `MemberError` `foreignData` when a directory that holds something is another's. */
  check(owner: Owner): void;
}

/** A founder has the same id whenever it begins: on another disk it is told apart by its incarnation. */
export function asFounder(founding: Founding, dataDir: string): Beginning {
  const { self, clusterId, founders } = founding;
  return {
    begin: async () => ({
      owner: { id: self.id, clusterId, incarnation: drawIncarnation() },
      configuration: foundingConfiguration(founders),
    }),
    check: (owner) => {
      if (owner.id === self.id && owner.clusterId === clusterId) return;
      const hex = (id: bigint): string => id.toString(16);
      throw new MemberError(
        "foreignData",
        `The data directory "${dataDir}" belongs to member ${hex(owner.id)} of cluster ` +
          `${hex(owner.clusterId)}; this is member ${hex(self.id)} of cluster ${hex(clusterId)}. ` +
          "Start it with the initial cluster and token that it was made with, or as a member of the cluster " +
          "that it belongs to (--initial-cluster-state=existing), or use another directory",
      );
    },
  };
}

/** Whoever was added later: its id and cluster stand in its directory once it has begun. */
export function asJoiner(
  name: string,
  initialCluster: readonly InitialMember[],
  ports: JoinPorts,
): Beginning {
  const urlsOf = (lines: readonly InitialMember[]): string[] => lines.map((line) => line.peerUrl);
  const peerUrls = urlsOf(initialCluster.filter((line) => line.name === name));
  const otherUrls = urlsOf(initialCluster.filter((line) => line.name !== name));
  return {
    begin: async () => {
      const { id, clusterId, epoch } = await joinCluster({ name, peerUrls }, otherUrls, ports);
      return {
        owner: { id, clusterId, incarnation: drawIncarnation() },
        configuration: blankConfiguration(epoch),
      };
    },
    check: () => {},
  };
}

/** Asks over the network, in real time. */
export const joinPorts: JoinPorts = {
  nowMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  ask: (peerUrl, request, timeoutMs) => askPeer(parsePeerUrl(peerUrl), request, timeoutMs),
};
