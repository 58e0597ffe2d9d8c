/** `flotilla member`: one member, with etcd's API and, when asked for, Kubernetes' API and control plane. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Logger, Random } from "@flotilla/base";
import { serveEtcd } from "@flotilla/etcd-api";
import { createKubeApi, memberStorage, type ServeOptions } from "@flotilla/kube-api";
import { type RunningMember, startMember } from "@flotilla/member";
import { runControlPlane } from "../control-plane.ts";
import { CommandError, exitCode, reasonOf } from "../exit.ts";
import { startFailpoints } from "../failpoint-server.ts";
import { serveAt, serveShared } from "../serve-api.ts";
import { jsonLogger, systemRandom } from "../system.ts";
import type { MemberOptions } from "./member-flags.ts";

/** Calls under way get this long when the member is told to end. */
const closeGraceMs = 1000;
/** A member that is told to end has ended after this time; nothing acknowledged depends on how. */
const stopMsMax = 10_000;

/** Something that was opened and has to be closed, in reverse order. */
type Closer = () => Promise<void>;

export async function member(options: MemberOptions): Promise<void> {
  const logger = jsonLogger(options.logLevel);
  const random = systemRandom();
  const failpoints = await startFailpoints();
  const running = await start(options, logger, random);
  const closers: Closer[] = [() => running.stop()];
  if (failpoints !== undefined) closers.unshift(() => failpoints.close());
  try {
    closers.push(await openEtcd(options, running, logger, random));
    closers.push(...(await openKubernetes(options, running, logger, random)));
    logger.info("ready to serve client requests", { member: options.name });
    const failure = await Promise.race([terminated(), running.stopped]);
    if (failure !== undefined) throw failure;
    logger.info("member is stopping", { member: options.name });
  } catch (error) {
    throw commandErrorOf(options, error);
  } finally {
    await closeAll(closers, logger);
  }
}

/** Closes in reverse order. A disk or a client that hangs must not keep the process: it ends all the same. */
async function closeAll(closers: readonly Closer[], logger: Logger): Promise<void> {
  const overdue = setTimeout(() => {
    logger.error("stopping takes too long: ending without it", { waitedMs: stopMsMax });
    process.exit(exitCode.timeout);
  }, stopMsMax);
  for (const close of closers.toReversed()) {
    await close().catch((error: unknown) => {
      logger.warn("a part did not close", { reason: reasonOf(error) });
    });
  }
  clearTimeout(overdue);
}

function terminated(): Promise<undefined> {
  return new Promise((done) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => done(undefined));
  });
}

async function start(
  options: MemberOptions,
  logger: Logger,
  random: Random,
): Promise<RunningMember> {
  const ownPeerUrls = options.initialAdvertisePeerUrls.split(",");
  const initialCluster =
    options.initialCluster === undefined
      ? ownPeerUrls.map((peerUrl) => ({ name: options.name, peerUrl }))
      : parseInitialCluster(options.initialCluster);
  try {
    return await startMember({
      name: options.name,
      dataDir: resolve(options.dataDir ?? `${options.name}.etcd`),
      listenPeerUrl: onlyUrl("--listen-peer-urls", options.listenPeerUrls),
      initialCluster,
      initialClusterState: options.initialClusterState,
      clusterToken: options.initialClusterToken,
      clientUrls: options.advertiseClientUrls.split(","),
      ...(options.apiListenUrl === undefined ? {} : { apiUrl: options.apiListenUrl }),
      heartbeatMs: options.heartbeatInterval,
      electionMs: options.electionTimeout,
      snapshotEntries: options.snapshotCount,
      leaseReads: options.leaseReads,
      random,
      logger,
    });
  } catch (error) {
    throw commandErrorOf(options, error);
  }
}

function commandErrorOf(options: MemberOptions, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return new CommandError(
    "refused",
    `Member ${options.name} cannot go on: ${reasonOf(error)}`,
    undefined,
    error,
  );
}

async function openEtcd(
  options: MemberOptions,
  running: RunningMember,
  logger: Logger,
  random: Random,
): Promise<Closer> {
  const { hostname, port } = onlyAddress("--listen-client-urls", options.listenClientUrls);
  const { maxLearners } = options;
  const server = await serveEtcd(
    { member: running, logger, random },
    {
      host: hostname,
      port,
      ...(maxLearners === undefined ? {} : { learnersMax: maxLearners }),
    },
  );
  return () => server.close({ graceMs: closeGraceMs });
}

async function openKubernetes(
  options: MemberOptions,
  running: RunningMember,
  logger: Logger,
  random: Random,
): Promise<Closer[]> {
  if (options.apiListenUrl === undefined) return [];
  const api = createKubeApi({ storage: memberStorage(running), random, logger });
  const serve = { api, ...tlsOf(options) };
  const closers: Closer[] = [];
  const own = onlyAddress("--api-listen-url", options.apiListenUrl);
  closers.push(await serveAt({ ...serve, host: own.hostname, port: own.port }));
  if (options.apiSharedUrl !== undefined) {
    const shared = onlyAddress("--api-shared-url", options.apiSharedUrl);
    closers.push(serveShared({ ...serve, host: shared.hostname, port: shared.port }, logger));
  }
  closers.push(runControlPlane({ member: running, api, random, logger }));
  return closers;
}

function tlsOf(options: MemberOptions): Pick<ServeOptions, "tls" | "defaultUser"> {
  const { apiCertFile, apiKeyFile, apiClientCaFile } = options;
  if (apiCertFile === undefined || apiKeyFile === undefined) {
    if (new URL(options.apiListenUrl ?? "").protocol === "http:") {
      // Plain HTTP carries no credentials: whoever reaches the address is let in.
      return { defaultUser: { name: "admin", groups: ["system:masters"] } };
    }
    throw new CommandError(
      "wrongArguments",
      "--api-listen-url with https needs --api-cert-file and --api-key-file",
      "`flotilla up` makes such files in <data-dir>/pki.",
    );
  }
  const read = (path: string) => readFileSync(path, "utf8");
  return {
    tls: {
      cert: read(apiCertFile),
      key: read(apiKeyFile),
      ...(apiClientCaFile === undefined ? {} : { clientCa: read(apiClientCaFile) }),
    },
  };
}

function parseInitialCluster(text: string): { name: string; peerUrl: string }[] {
  return text.split(",").map((part) => {
    const at = part.indexOf("=");
    const [name, peerUrl] = [part.slice(0, at), part.slice(at + 1)];
    if (at > 0 && URL.canParse(peerUrl)) return { name, peerUrl };
    throw new CommandError(
      "wrongArguments",
      `--initial-cluster takes name=url pairs by commas, got ${JSON.stringify(part)}`,
    );
  });
}

function onlyUrl(flag: string, urls: string): string {
  if (!urls.includes(",") && URL.canParse(urls)) return urls;
  throw new CommandError(
    urls.includes(",") ? "unsupported" : "wrongArguments",
    `${flag} takes one URL like http://127.0.0.1:2379, got ${JSON.stringify(urls)}`,
  );
}

function onlyAddress(flag: string, urls: string): { hostname: string; port: number } {
  const { hostname, port, protocol } = new URL(onlyUrl(flag, urls));
  const number = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: number };
}
