/** Opens what a member keeps, makes its parts, and lets it take part. */
import { randomBytes } from "node:crypto";
import { type Clock, Prng, type Random, silentLogger, silentMetrics } from "@flotilla/base";
import { createRaft } from "@flotilla/consensus";
import { nodeTimers, openPeerTransport, parsePeerUrl, peerUrlOf } from "@flotilla/peer";
import { WalError } from "@flotilla/wal";
import { asFounder, asJoiner, type Beginning, joinPorts } from "./beginning.ts";
import { type DataDirectory, logPath, openDataDirectory } from "./data-directory.ts";
import { MemberError } from "./errors.ts";
import { type Founder, type Founding, foundCluster, nodeIdOf } from "./identity.ts";
import { regainMs } from "./limits.ts";
import { LocalMember } from "./local-member.ts";
import { holdsLog } from "./log-directory.ts";
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
  const settings = settingsOf(options);
  const beginning = await beginningOf(options);
  const { logger = silentLogger, metrics = silentMetrics } = options;
  const place = { repairStore: true, ...options };
  const data = await openDataDirectory(place, beginning, logger, metrics).catch((error) => {
    if (error instanceof WalError && error.code === "corrupt") {
      logger.error("the log is damaged", { todo: withoutLog(options) });
    }
    throw error;
  });
  try {
    return await startOn(data, settings, options);
  } catch (error) {
    await data.close();
    throw error;
  }
}

/** Who has lost entries of its log may have voted for them: it comes back as somebody else. */
function withoutLog(options: MemberOptions): string {
  const { name, dataDir } = options;
  const urls = ownPeerUrls(options).join(",");
  return (
    `Its votes are in the log: it cannot come back as who it was. As a new member it can, without loss: ` +
    `"flotilla member remove ${name}", move "${dataDir}" away, "flotilla member add ${name} --peer-urls=${urls}", ` +
    `and start it as that says. Where no quorum is left: "flotilla member recover" at one whose log is whole`
  );
}

/** Where there is data the initial cluster is of no account, and need not even make sense. */
async function beginningOf(options: MemberOptions): Promise<Beginning> {
  if (await holdsLog(logPath(options))) {
    return { begin: () => Promise.reject(new MemberError("stopped", "The log has gone")) };
  }
  const { name, initialCluster, initialClusterState, peerTls } = options;
  const founding = foundingOf(options);
  for (const { peerUrl } of initialCluster) parsePeerUrl(peerUrl);
  checkAdvertised(founding.self, options.advertisePeerUrls);
  const ports = joinPorts(peerTls);
  if (initialClusterState === "existing") return asJoiner(name, initialCluster, ports);
  return asFounder(founding, ports);
}

function foundingOf({ name, initialCluster, clusterToken }: MemberOptions): Founding {
  return foundCluster(name, initialCluster, clusterToken ?? "etcd-cluster");
}

/** The others find this member by its lines: what it says itself must not differ. */
function checkAdvertised(
  { name, peerUrls }: Founder,
  advertised: readonly string[] | undefined,
): void {
  if (advertised === undefined || advertised.toSorted().join() === peerUrls.join()) return;
  const lines = peerUrls.map((url) => `${name}=${url}`).join(",");
  throw new MemberError(
    "badOptions",
    `--initial-cluster has ${lines} but missing from --initial-advertise-peer-urls=${advertised.join(",")}`,
  );
}

/**
 * The founders, if this member is one of those that the options name. Directories of before servers
 * had records depend on it.
 */
function knownFounders({ owner }: DataDirectory, options: MemberOptions): readonly Founder[] {
  try {
    const { self, clusterId, founders } = foundingOf(options);
    return self.id === owner.id && clusterId === owner.clusterId ? founders : [];
  } catch (error) {
    if (error instanceof MemberError) return [];
    throw error;
  }
}

function ownPeerUrls(options: MemberOptions): readonly string[] {
  const { name, initialCluster, advertisePeerUrls, listenPeerUrl } = options;
  if (advertisePeerUrls !== undefined) return advertisePeerUrls;
  const lines = initialCluster.filter((line) => line.name === name).map(({ peerUrl }) => peerUrl);
  return lines.length > 0 ? lines.sort() : [listenPeerUrl].flat();
}

async function startOn(
  data: DataDirectory,
  settings: Settings,
  options: MemberOptions,
): Promise<RunningMember> {
  const { name, dataDir, clock = systemClock, random = systemRandom() } = options;
  const {
    logger = silentLogger,
    metrics = silentMetrics,
    clientUrls = [],
    apiUrl = "",
    peerTls: tls,
  } = options;
  const { electionTicks, leaseReads } = settings;
  const { clusterId, incarnation } = data.owner;
  const self = nodeIdOf(data.owner.id);
  const founders = knownFounders(data, options);
  const peerUrls = ownPeerUrls(options);
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
  const own = { name, dataDir, peerUrls, founders, metrics };
  const member = new LocalMember({ ...own, settings, data, engine, clock, logger, newSession });
  const listen = [options.listenPeerUrl].flat().map(parsePeerUrl);
  const [advertised] = peerUrls;
  const transport = await openPeerTransport(
    {
      clusterId,
      self,
      listen,
      ...(advertised === undefined ? {} : { advertise: parsePeerUrl(advertised) }),
      peers: peerAddresses(engine.configuration, founders, self),
      tls,
    },
    { handlers: member.peerHandlers, random, logger, metrics },
  );
  const [first = { host: "", port: 0 }] = listen;
  member.start(transport, peerUrlOf({ ...first, port: transport.port }));
  logger.info("member started", { name, id: self, peerUrl: member.peerUrl });
  if (data.isStoreLost) await regainState(member);
  member.advertise({ clientUrls, apiUrl });
  return member;
}

/** Until then nobody may read what is here. It is not given up but with the member: the store is empty. */
async function regainState(member: LocalMember): Promise<void> {
  let isLate = false;
  const cancel = nodeTimers.after(regainMs, () => {
    isLate = true;
    void member.stop();
  });
  const { kind } = await member.replaceState();
  cancel();
  if (kind === "replaced") return;
  await member.stop();
  const reason = await member.stopped;
  if (reason !== undefined) throw reason;
  throw new MemberError(
    "snapshotMissing",
    isLate
      ? `The store is lost, and no leader has sent its own in ${regainMs / 1000} s: try again once there is one`
      : "The store is lost, and the member was stopped before it had another one",
  );
}

/** Not from `random`: a session that was used before would make the store drop new commands. */
function newSession(): bigint {
  return randomBytes(8).readBigUInt64BE();
}

function systemRandom(): Random {
  return new Prng(randomBytes(6).readUIntBE(0, 6));
}
