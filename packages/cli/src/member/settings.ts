/** What the flags mean to the parts of a member. Pure. */
import { resolve } from "node:path";
import {
  AuthOptionError,
  type AutoCompaction,
  type ListenAddress,
  parseAuthToken,
  parseAutoCompaction,
  type ServeEtcdOptions,
} from "@flotilla/etcd-api";
import type { MemberOptions } from "@flotilla/member";
import { type FeatureGates, parseFeatureGates } from "./feature-gates.ts";
import type { FlagValues } from "./flag-values.ts";
import type { Tls } from "./tls.ts";
import { bindHost, bindingOf, initialClusterOf } from "./urls.ts";
import { etcdVersions } from "./version.ts";

/** Flags that make no sense together, or to this program: ends with exit code 1. */
export class FlagsError extends Error {
  override readonly name = "FlagsError";
}

/** The largest delay of a timer, about 25 days. */
const neverMs = 0x7fff_ffff;

export function dataDirOf(values: FlagValues): string {
  return resolve(values.textIfAny("data-dir") ?? `${values.text("name")}.etcd`);
}

/** Throws {@link FlagsError}. */
export function memberOptions(
  values: FlagValues,
  tls: Tls,
): Omit<MemberOptions, "random" | "logger" | "metrics"> {
  const walDir = values.textIfAny("wal-dir");
  const apiUrl = values.textIfAny("api-listen-url");
  const initialCluster = initialClusterOf(values);
  if (initialCluster === undefined) {
    const given = JSON.stringify(values.text("initial-cluster"));
    throw new FlagsError(`--initial-cluster takes name=url pairs by commas, got ${given}`);
  }
  return {
    name: values.text("name"),
    dataDir: dataDirOf(values),
    ...(walDir === undefined ? {} : { walDir: resolve(walDir) }),
    listenPeerUrl: values.list("listen-peer-urls").map(peerBindUrl),
    ...(values.isSet("initial-advertise-peer-urls") || !values.isSet("initial-cluster")
      ? { advertisePeerUrls: values.list("initial-advertise-peer-urls") }
      : {}),
    ...(tls.peers === undefined ? {} : { peerTls: tls.peers }),
    initialCluster,
    initialClusterState: values.text("initial-cluster-state") === "existing" ? "existing" : "new",
    clusterToken: values.text("initial-cluster-token"),
    clientUrls: values.list("advertise-client-urls"),
    ...(apiUrl === undefined ? {} : { apiUrl }),
    heartbeatMs: values.number("heartbeat-interval"),
    electionMs: values.number("election-timeout"),
    snapshotEntries: values.number("snapshot-count"),
    catchUpEntries: values.number("snapshot-catchup-entries"),
    leaseReads: values.bool("lease-reads"),
    warnApplyMs: values.number("warning-apply-duration"),
    repairStore: values.bool("corrupt-repair"),
  };
}

/** Throws {@link FlagsError}. */
export function serveOptions(values: FlagValues, tls: Tls): ServeEtcdOptions {
  const gates = gatesOf(values);
  const directory = values.textIfAny("backup-dir");
  const learners = values.number("max-learners");
  return {
    versions: etcdVersions,
    electionMs: values.number("election-timeout"),
    listen: listenAddresses(values, tls),
    grpc: grpcLimits(values),
    progressIntervalMs: values.number("watch-progress-notify-interval"),
    ...(learners === 0 ? {} : { learnersMax: learners }),
    maxTxnOps: values.number("max-txn-ops"),
    maxRequestBytes: values.number("max-request-bytes"),
    quotaBackendBytes: values.number("quota-backend-bytes"),
    autoCompaction: autoCompactionOf(values),
    initialCorruptCheck: gates.isSet("InitialCorruptCheck"),
    corruptCheckMs: values.number("corrupt-check-time"),
    corruptRepair: values.bool("corrupt-repair"),
    compactHashCheckMs: gates.isSet("CompactHashCheck")
      ? values.number("compact-hash-check-time")
      : 0,
    ...(directory === undefined
      ? {}
      : {
          backups: {
            directory: resolve(directory),
            everyMs: values.number("backup-interval"),
            keep: values.number("backup-retention"),
          },
        }),
    corsOrigins: values.list("cors"),
    hostWhitelist: values.list("host-whitelist"),
    enableGateway: values.bool("enable-grpc-gateway"),
    extensiveMetrics: values.text("metrics") === "extensive",
    warnUnaryMs: values.number("warning-unary-request-duration"),
    authToken: authTokenOf(values),
    authTokenTtlMs: values.number("auth-token-ttl") * 1000,
    bcryptCost: values.number("bcrypt-cost"),
  };
}

/** Throws {@link FlagsError}. */
export function gatesOf(values: FlagValues): Extract<FeatureGates, { kind: "gates" }> {
  const text = values.featureGates;
  const gates = parseFeatureGates(text);
  if (gates.kind === "gates") return gates;
  throw new FlagsError(
    `invalid value ${JSON.stringify(text)} for flag -feature-gates: ${gates.problem}`,
  );
}

function autoCompactionOf(values: FlagValues): AutoCompaction {
  const parsed = parseAutoCompaction(
    values.text("auto-compaction-mode"),
    values.text("auto-compaction-retention"),
  );
  if (parsed.kind === "wrong") throw new FlagsError(parsed.text);
  return parsed;
}

/** Looked at before there are any files. */
function authTokenOf(values: FlagValues): string {
  const text = values.text("auth-token");
  try {
    parseAuthToken(text);
    return text;
  } catch (error) {
    if (error instanceof AuthOptionError) throw new FlagsError(error.message);
    throw error;
  }
}

/** The client URLs, then those for HTTP alone, then those for metrics. */
export function listenAddresses(values: FlagValues, tls: Tls): readonly ListenAddress[] {
  const http = values.list("listen-client-http-urls");
  const of = (urls: readonly string[], serves: NonNullable<ListenAddress["serves"]>) =>
    urls.map((url) => addressOf(url, serves, tls));
  return [
    ...of(values.list("listen-client-urls"), http.length === 0 ? "all" : "grpc"),
    ...of(http, "http"),
    ...of(values.list("listen-metrics-urls"), "metrics"),
  ];
}

function addressOf(
  url: string,
  serves: NonNullable<ListenAddress["serves"]>,
  tls: Tls,
): ListenAddress {
  const { host, port, path, isSecure } = bindingOf(url);
  return {
    host: bindHost(host),
    port,
    ...(path === undefined ? {} : { path }),
    ...(isSecure && tls.clients !== undefined ? { tls: tls.clients } : {}),
    serves,
  };
}

function peerBindUrl(url: string): string {
  const { host, path } = bindingOf(url);
  return path === undefined ? url.replace(`//${host}:`, `//${bindHost(host)}:`) : url;
}

/** Only what was set: our own limits are made for our server. */
function grpcLimits(values: FlagValues): NonNullable<ServeEtcdOptions["grpc"]> {
  const idleMs = values.number("grpc-keepalive-interval");
  const streams = values.number("max-concurrent-streams");
  return {
    pingIntervalMsMin: values.number("grpc-keepalive-min-time"),
    ...(values.isSet("grpc-keepalive-interval")
      ? { idleMs: idleMs === 0 ? neverMs : Math.min(idleMs, neverMs) }
      : {}),
    ...(values.isSet("grpc-keepalive-timeout")
      ? { answerMs: Math.min(values.number("grpc-keepalive-timeout"), neverMs) }
      : {}),
    ...(values.isSet("max-concurrent-streams")
      ? { concurrentStreams: Math.min(streams, 0x7fff_ffff) }
      : {}),
  };
}
