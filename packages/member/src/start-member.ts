/** Opens what a member keeps, makes its parts, and lets it take part. */
import { randomBytes } from "node:crypto";
import { type Clock, Prng, type Random, silentLogger } from "@flotilla/base";
import { createRaft } from "@flotilla/consensus";
import { openPeerTransport, parsePeerUrl, peerUrlOf } from "@flotilla/peer";
import { asFounder, asJoiner, joinPorts } from "./beginning.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import { type Founding, foundCluster, nodeIdOf } from "./identity.ts";
import { LocalMember } from "./local-member.ts";
import type { MemberOptions, RunningMember } from "./options.ts";
import { peerAddresses } from "./peer-addresses.ts";
import { type Settings, settingsOf } from "./settings.ts";

const systemClock: Clock = { nowMs: () => performance.now() };

/**
 * Starts a member; resolves once it takes part, which may be before there is a leader.
 *
 * Rejects with `MemberError`, `WalError`, `BackendError`, `DiskError` or `PeerError`, and leaves
 * nothing open.
 */
export async function startMember(options: MemberOptions): Promise<RunningMember> {
  const { name, dataDir, initialCluster, logger = silentLogger } = options;
  const settings = settingsOf(options);
  const founding = foundCluster(name, initialCluster, options.clusterToken ?? "etcd-cluster");
  for (const { peerUrl } of initialCluster) parsePeerUrl(peerUrl);
  const isNew = options.initialClusterState !== "existing";
  const beginning = isNew
    ? asFounder(founding, dataDir)
    : asJoiner(name, initialCluster, joinPorts);
  const data = await openDataDirectory(dataDir, beginning, logger);
  try {
    // The ids of the others follow from their URLs only while they are founders.
    const known = isNew ? founding : { ...founding, founders: [] };
    return await startOn(data, known, settings, options);
  } catch (error) {
    await data.close();
    throw error;
  }
}

async function startOn(
  data: DataDirectory,
  { self: { name, peerUrls }, founders }: Founding,
  settings: Settings,
  options: MemberOptions,
): Promise<RunningMember> {
  const { dataDir, clock = systemClock, random = systemRandom(), logger = silentLogger } = options;
  const { electionTicks, leaseReads } = settings;
  const { clusterId, incarnation } = data.owner;
  const self = nodeIdOf(data.owner.id);
  const engine = createRaft(
    {
      id: self,
      electionTicks,
      heartbeatTicks: 1,
      incarnation,
      random,
      ...(leaseReads === undefined ? {} : { leaseReads }),
    },
    data.engineState,
  );
  const own = { name, dataDir, peerUrls, founders };
  const member = new LocalMember({ ...own, settings, data, engine, clock, logger, newSession });
  const listen = parsePeerUrl(options.listenPeerUrl);
  const [advertised = options.listenPeerUrl] = peerUrls;
  const transport = await openPeerTransport(
    {
      clusterId,
      self,
      listen,
      advertise: parsePeerUrl(advertised),
      peers: peerAddresses(engine.configuration, founders, self),
    },
    { handlers: member.peerHandlers, random, logger },
  );
  member.start(transport, peerUrlOf({ ...listen, port: transport.port }));
  logger.info("member started", { name, id: self, peerUrl: member.peerUrl });
  const { clientUrls = [], apiUrl = "" } = options;
  member.advertise({ clientUrls, apiUrl });
  return member;
}

/** Not from `random`: a session that was used before would make the store drop new commands. */
function newSession(): bigint {
  return randomBytes(8).readBigUInt64BE();
}

function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}
