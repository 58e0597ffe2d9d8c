/**
 * How a member comes into being: as a founder, whose id follows from the initial cluster, or as one
 * that was added to a cluster, which it asks who it is.
 */
import { askPeer, parsePeerUrl, type TlsMaterial } from "@flotilla/peer";
import { blankConfiguration, type Founding, foundingConfiguration } from "./identity.ts";
import { checkNotBootstrapped, type JoinPorts, joinCluster } from "./join-cluster.ts";
import type { LogBeginning } from "./log-directory.ts";
import type { InitialMember } from "./options.ts";
import { drawIncarnation } from "./owner.ts";

export interface Beginning {
  /** Asked when the data directory holds nothing: otherwise the log says whose it is. */
  begin(): Promise<LogBeginning>;
}

/**
 * A founder has the same id whenever it begins, and begins once: those of the others that answer to
 * `ports` are asked whether it did. Where nobody answers, its incarnation tells it apart.
 */
export function asFounder({ self, clusterId, founders }: Founding, ports?: JoinPorts): Beginning {
  return {
    begin: async () => {
      const others = founders.filter(({ id }) => id !== self.id);
      const otherUrls = others.flatMap(({ peerUrls }) => peerUrls);
      if (ports !== undefined) await checkNotBootstrapped(self, otherUrls, ports);
      return {
        owner: { id: self.id, clusterId, incarnation: drawIncarnation() },
        configuration: foundingConfiguration(founders),
      };
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
  };
}

/** Asks over the network, in real time. */
export function joinPorts(tls: TlsMaterial | undefined): JoinPorts {
  return {
    nowMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ask: (peerUrl, request, timeoutMs) =>
      askPeer(parsePeerUrl(peerUrl), request, timeoutMs, { tls }),
  };
}
