/** Opens what a member keeps, makes its parts, and lets it take part. */
import { randomBytes } from "node:crypto";
import { type Clock, Prng, type Random, silentLogger } from "@flotilla/base";
import { createRaft } from "@flotilla/consensus";
import { openPeerTransport, type PeerAddress, parsePeerUrl } from "@flotilla/peer";
import { openDataDirectory } from "./data-directory.ts";
import { type Founding, foundCluster, nodeIdOf } from "./identity.ts";
import { LocalMember } from "./local-member.ts";
import type { MemberOptions, RunningMember } from "./options.ts";
import { settingsOf } from "./settings.ts";

const systemClock: Clock = { nowMs: () => performance.now() };

/**
 * Starts a member; resolves once it takes part, which may be before there is a leader.
 *
 * Rejects with `MemberError`, `WalError`, `BackendError` or `PeerError`, and leaves nothing open.
 */
export async function startMember(options: MemberOptions): Promise<RunningMember> {
  const { logger = silentLogger, clock = systemClock, clusterToken = "etcd-cluster" } = options;
  const random = options.random ?? systemRandom();
  const settings = settingsOf(options);
  const founding = foundCluster(options.name, options.initialCluster, clusterToken);
  const listen = parsePeerUrl(options.listenPeerUrl);
  const peers = peersOf(founding);
  const self = nodeIdOf(founding.self.id);

  const data = await openDataDirectory(options.dataDir, founding, logger);
  try {
    const { electionTicks } = settings;
    const { incarnation } = data.owner;
    const engine = createRaft(
      { id: self, electionTicks, heartbeatTicks: 1, incarnation, random },
      data.engineState,
    );
    const parts = { founding, settings, data, engine, clock, logger, newSession };
    const member = new LocalMember(parts);
    const transport = await openPeerTransport(
      { clusterId: founding.clusterId, self, listen, peers },
      { handlers: member.peerHandlers, random, logger },
    );
    member.start(transport, urlOf(listen.host, transport.port));
    logger.info("member started", { name: options.name, id: self, peerUrl: member.peerUrl });
    const { clientUrls = [], apiUrl = "" } = options;
    member.advertise({ clientUrls, apiUrl });
    return member;
  } catch (error) {
    await data.close();
    throw error;
  }
}

/** All but this one, by the first URL of each. */
function peersOf({ founders, self }: Founding): Map<string, PeerAddress> {
  const peers = new Map<string, PeerAddress>();
  for (const { id, peerUrls } of founders) {
    const [url] = peerUrls;
    if (id !== self.id && url !== undefined) peers.set(nodeIdOf(id), parsePeerUrl(url));
  }
  return peers;
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Not from `random`: a session that was used before would make the store drop new commands. */
function newSession(): bigint {
  return randomBytes(8).readBigUInt64BE();
}

function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}
