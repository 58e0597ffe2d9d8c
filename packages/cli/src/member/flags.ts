/**
 * Every flag of `flotilla member`: etcd's, with their defaults, those of 3.4 to 3.6 that charts still
 * pass, and our own. What a flag cannot do here is said in the table, and in the log when it is used.
 *
 * Source of names and defaults: etcd 3.7 `etcd --help`, server/embed/config.go.
 */
import type { FlagKind, FlagValue } from "./flag-kinds.ts";

/** Sections of the help. */
export type FlagGroup =
  | "Member"
  | "Clustering"
  | "Security"
  | "Auth"
  | "Observing"
  | "Features"
  | "Unsafe"
  | "Flotilla";

/** `done`; or accepted, with the reason why it changes nothing; or refused, because going on would do harm. */
export type FlagEffect = "done" | { readonly withoutEffect: string } | { readonly refused: string };

export interface Flag {
  readonly name: string;
  readonly group: FlagGroup;
  readonly kind: FlagKind;
  readonly initial: FlagValue;
  readonly help: string;
  readonly effect: FlagEffect;
  /** Only these texts are taken. */
  readonly choices?: readonly string[];
}

type Row = readonly [
  name: string,
  kind: FlagKind,
  initial: FlagValue,
  help: string,
  effect?: FlagEffect,
  choices?: readonly string[],
];

const no = (withoutEffect: string): FlagEffect => ({ withoutEffect });
const never = (refused: string): FlagEffect => ({ refused });

const discovery = never("members are found by --initial-cluster; there is no discovery service");
const noDiscovery = no("there is no discovery service");
const noBbolt = no("the store is LMDB, which has no such setting");
const noTracing = no("there is no distributed tracing");
const localPeers = "http://localhost:2380";
const localClients = "http://localhost:2379";
const second = 1000;
const minute = 60 * second;

const member: readonly Row[] = [
  ["name", "text", "default", "human-readable name of this member"],
  ["data-dir", "text", "", "where this member keeps its data (default: <name>.etcd)"],
  ["wal-dir", "text", "", "where the log lies, if not within the data directory"],
  ["snapshot-count", "count", 10_000, "applied entries between two compactions of the log"],
  [
    "snapshot-catchup-entries",
    "count",
    5000,
    "entries kept behind a compaction for followers that lag",
  ],
  ["heartbeat-interval", "count", 100, "milliseconds between a leader's heartbeats"],
  ["election-timeout", "count", 1000, "milliseconds of silence of a leader before an election"],
  ["listen-peer-urls", "urls", [localPeers], "where other members are served"],
  [
    "listen-client-urls",
    "urls",
    [localClients],
    "where clients are served: gRPC, and HTTP unless it has its own",
  ],
  [
    "listen-client-http-urls",
    "urls",
    [],
    "where HTTP is served, which leaves the client URLs then",
  ],
  ["listen-metrics-urls", "urls", [], "more places for metrics and health"],
  [
    "quota-backend-bytes",
    "integer",
    0,
    "size of the store that raises the alarm NOSPACE (0: 2 GiB, below: none)",
  ],
  ["max-txn-ops", "count", 128, "operations of a transaction"],
  ["max-request-bytes", "count", 1_572_864, "bytes of a request"],
  ["max-concurrent-streams", "count", 0xffff_ffff, "streams that a client can have at a time"],
  ["grpc-keepalive-min-time", "duration", 5 * second, "how soon a client may ping again"],
  [
    "grpc-keepalive-interval",
    "duration",
    120 * minute,
    "silence of a client before it is pinged (0: never)",
  ],
  ["grpc-keepalive-timeout", "duration", 20 * second, "time that it has to answer"],
  ["enable-grpc-gateway", "bool", true, "serve JSON over HTTP at /v3/"],
  [
    "max-snapshots",
    "count",
    5,
    "snapshot files to keep",
    no("the store holds its own state; snapshots leave no files"),
  ],
  [
    "max-wals",
    "count",
    5,
    "log files to keep",
    no("log files go once the store holds what they hold"),
  ],
  ["memory-mlock", "bool", false, "keep the store in memory", no("Node.js cannot lock memory")],
  ["backend-bbolt-freelist-type", "text", "map", "bbolt's free list", noBbolt],
  ["backend-batch-interval", "duration", 0, "time between two commits of the store", noBbolt],
  ["backend-batch-limit", "integer", 0, "operations between two commits of the store", noBbolt],
  [
    "initial-election-tick-advance",
    "bool",
    true,
    "hold the first election sooner",
    no("a member that hears no leader waits one election timeout"),
  ],
  ["socket-reuse-port", "bool", false, "bind with SO_REUSEPORT", no("Node.js 20 cannot bind so")],
  ["socket-reuse-address", "bool", false, "bind with SO_REUSEADDR", no("always so")],
  [
    "raft-read-timeout",
    "duration",
    5 * second,
    "silence of a peer",
    no("a peer that is silent for 5 s counts as gone"),
  ],
  [
    "raft-write-timeout",
    "duration",
    5 * second,
    "time to write to a peer",
    no("a peer that is silent for 5 s counts as gone"),
  ],
];

const clustering: readonly Row[] = [
  ["initial-advertise-peer-urls", "urls", [localPeers], "what other members are told"],
  [
    "initial-cluster",
    "text",
    "",
    "name=url,... of every member at the first start (default: this one alone)",
  ],
  [
    "initial-cluster-state",
    "text",
    "new",
    "`existing` joins a cluster that this member was added to",
    "done",
    ["new", "existing"],
  ],
  ["initial-cluster-token", "text", "etcd-cluster", "tells clusters apart"],
  ["advertise-client-urls", "urls", [localClients], "what clients are told"],
  [
    "auto-compaction-mode",
    "text",
    "periodic",
    "whether history is kept by time or by revisions: periodic, revision",
  ],
  ["auto-compaction-retention", "text", "0", "how much history is kept (0: all)"],
  [
    "max-learners",
    "count",
    0,
    "learners that etcd's clients may add (0, the default: no limit, where etcd's is 1)",
  ],
  [
    "strict-reconfig-check",
    "bool",
    true,
    "refuse changes of members that would lose the quorum",
    no("always so"),
  ],
  ["pre-vote", "bool", true, "ask before an election whether it can be won", no("always so")],
  ["discovery", "text", "", "discovery by URL", discovery],
  ["discovery-token", "text", "", "discovery by etcd", discovery],
  ["discovery-endpoints", "list", [], "discovery by etcd", discovery],
  ["discovery-srv", "text", "", "discovery by DNS", discovery],
  ["discovery-srv-name", "text", "", "discovery by DNS", noDiscovery],
  ["discovery-dial-timeout", "duration", 2 * second, "of discovery", noDiscovery],
  ["discovery-request-timeout", "duration", 5 * second, "of discovery", noDiscovery],
  ["discovery-keepalive-time", "duration", 2 * second, "of discovery", noDiscovery],
  ["discovery-keepalive-timeout", "duration", 6 * second, "of discovery", noDiscovery],
  ["discovery-insecure-transport", "bool", true, "of discovery", noDiscovery],
  ["discovery-insecure-skip-tls-verify", "bool", false, "of discovery", noDiscovery],
  ["discovery-cert", "text", "", "of discovery", noDiscovery],
  ["discovery-key", "text", "", "of discovery", noDiscovery],
  ["discovery-cacert", "text", "", "of discovery", noDiscovery],
  ["discovery-user", "text", "", "of discovery", noDiscovery],
  ["discovery-password", "text", "", "of discovery", noDiscovery],
  ["discovery-fallback", "text", "exit", "of discovery", noDiscovery],
  ["discovery-proxy", "text", "", "of discovery", noDiscovery],
  ["v2-deprecation", "text", "write-only", "phase of etcd's old store", no("there is no v2 store")],
  ["enable-v2", "bool", false, "etcd's old API (3.4, 3.5)", no("there is no v2 API")],
];

const security: readonly Row[] = [
  ["cert-file", "text", "", "certificate that clients are shown"],
  ["key-file", "text", "", "its key"],
  [
    "client-cert-file",
    "text",
    "",
    "certificate shown when dialing itself",
    no("a member does not dial its own client port"),
  ],
  ["client-key-file", "text", "", "its key", no("a member does not dial its own client port")],
  ["client-cert-auth", "bool", false, "clients must show a certificate"],
  ["trusted-ca-file", "text", "", "authority of clients' certificates; asks for them, too"],
  ["client-crl-file", "text", "", "list of clients' certificates that are revoked"],
  ["client-cert-allowed-hostname", "list", [], "host names that a client's certificate may be for"],
  ["auto-tls", "bool", false, "show clients a certificate of its own making"],
  ["peer-cert-file", "text", "", "certificate that members are shown"],
  ["peer-key-file", "text", "", "its key"],
  [
    "peer-client-cert-file",
    "text",
    "",
    "certificate shown when dialing members (default: the same)",
  ],
  ["peer-client-key-file", "text", "", "its key"],
  ["peer-client-cert-auth", "bool", false, "members must show a certificate"],
  ["peer-trusted-ca-file", "text", "", "authority of members' certificates; asks for them, too"],
  ["peer-crl-file", "text", "", "list of members' certificates that are revoked"],
  ["peer-cert-allowed-cn", "list", [], "common names that a member's certificate may have"],
  ["peer-cert-allowed-hostname", "list", [], "host names that a member's certificate may be for"],
  ["peer-auto-tls", "bool", false, "show members a certificate of its own making"],
  ["peer-skip-client-san-verification", "bool", false, "do not ask where a member comes from"],
  ["self-signed-cert-validity", "count", 1, "years that a certificate of its own making lasts"],
  ["cipher-suites", "list", [], "suites of TLS 1.2, by Go's names"],
  ["tls-min-version", "text", "TLS1.2", "oldest version: TLS1.2, TLS1.3"],
  ["tls-max-version", "text", "", "newest version: TLS1.2, TLS1.3"],
  ["cors", "list", ["*"], "origins whose pages may ask"],
  ["host-whitelist", "list", ["*"], "names by which HTTP without TLS may ask for this server"],
];

const auth: readonly Row[] = [
  ["auth-token", "text", "simple", "kind of tokens: simple, or jwt with its options"],
  ["auth-token-ttl", "count", 300, "seconds that a simple token lasts without use"],
  ["bcrypt-cost", "count", 10, "cost of hashing a password, 4 to 31"],
];

const observing: readonly Row[] = [
  ["metrics", "text", "basic", "`extensive` counts how long each call takes, too"],
  [
    "log-level",
    "text",
    "info",
    "lowest level that is logged",
    "done",
    ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"],
  ],
  ["log-outputs", "list", ["default"], "stderr (the default), stdout, systemd/journal, or files"],
  ["log-format", "text", "json", "json or console"],
  ["warning-apply-duration", "duration", 100, "a request that takes longer to apply is logged"],
  ["warning-unary-request-duration", "duration", 300, "a call that takes longer is logged"],
  ["logger", "text", "zap", "kind of logger", no("there is one, in zap's shape"), ["zap"]],
  [
    "enable-log-rotation",
    "bool",
    false,
    "rotate the log file",
    no("files are opened anew at SIGHUP, for logrotate"),
  ],
  [
    "log-rotation-config-json",
    "text",
    "",
    "how to rotate",
    no("files are opened anew at SIGHUP, for logrotate"),
  ],
  ["enable-pprof", "bool", false, "profiles over HTTP", no("that is Go's; Node.js has --cpu-prof")],
  ["enable-distributed-tracing", "bool", false, "OpenTelemetry", noTracing],
  ["distributed-tracing-address", "text", "localhost:4317", "of the collector", noTracing],
  ["distributed-tracing-service-name", "text", "etcd", "of the traces", noTracing],
  ["distributed-tracing-instance-id", "text", "", "of the traces", noTracing],
  ["distributed-tracing-sampling-rate", "integer", 0, "of the traces", noTracing],
  ["debug", "bool", false, "the level debug (3.4)", no("use --log-level=debug")],
  ["log-package-levels", "text", "", "levels by package (3.4)", no("there is one level")],
];

const features: readonly Row[] = [
  ["feature-gates", "text", "", "name=true|false,... of etcd's gates"],
  ["corrupt-check-time", "duration", 0, "how often members compare all they hold (0: never)"],
  [
    "compact-hash-check-time",
    "duration",
    minute,
    "how often members compare what a compaction has left",
  ],
  [
    "watch-progress-notify-interval",
    "duration",
    10 * minute,
    "how often a watch is told that nothing happened",
  ],
  [
    "compaction-batch-limit",
    "integer",
    1000,
    "revisions that a compaction removes at a time",
    no("a compaction goes by time, not by count"),
  ],
  [
    "compaction-sleep-interval",
    "duration",
    10,
    "pause of a compaction",
    no("a compaction leaves the event loop free by itself"),
  ],
  [
    "bootstrap-defrag-threshold-megabytes",
    "count",
    0,
    "defragment at the start",
    no("space is reused as it is freed"),
  ],
  [
    "downgrade-check-time",
    "duration",
    5 * second,
    "how often a downgrade is looked at",
    no("versions are compared as they change"),
  ],
];

const unsafe: readonly Row[] = [
  ["force-new-cluster", "bool", false, "make a cluster of this member alone, with what it holds"],
  [
    "unsafe-no-fsync",
    "bool",
    false,
    "do not wait for the disk",
    no("what is acknowledged is always on the disk"),
  ],
];

const own: readonly Row[] = [
  ["config-file", "text", "", "YAML with all of this; flags and variables are not read then"],
  ["version", "bool", false, "print the version, and end"],
  [
    "lease-reads",
    "bool",
    false,
    "linearizable reads by the leader's lease: faster, and it trusts that all members' clocks run alike; the same at every member",
  ],
  [
    "api-listen-url",
    "text",
    "",
    "serve the Kubernetes API there, and run the controllers while leading",
  ],
  ["api-shared-url", "text", "", "an address on this machine that one living member holds for all"],
  [
    "corrupt-repair",
    "bool",
    true,
    "a member whose data is damaged, or not that of a quorum, has it replaced by the leader's",
  ],
  ["api-cert-file", "text", "", "certificate of the Kubernetes API"],
  ["api-key-file", "text", "", "its key"],
  ["api-client-ca-file", "text", "", "authority of its clients' certificates"],
  [
    "chaos-socket",
    "text",
    "",
    "a socket in the file system through which `flotilla chaos partition` cuts this member off",
  ],
  ["backup-dir", "text", "", "where the leader writes snapshots by the clock"],
  ["backup-interval", "duration", 60 * minute, "how often"],
  [
    "backup-retention",
    "count",
    24,
    "how many are kept; one more is on the disk while it is written: there must be room for it",
  ],
];

const groups: readonly (readonly [FlagGroup, readonly Row[]])[] = [
  ["Member", member],
  ["Clustering", clustering],
  ["Security", security],
  ["Auth", auth],
  ["Observing", observing],
  ["Features", features],
  ["Unsafe", unsafe],
  ["Flotilla", own],
];

/** All flags, by name, in the order of the help. */
export const flags: ReadonlyMap<string, Flag> = new Map(
  groups.flatMap(([group, rows]) => rows.map((row) => [row[0], flagOf(group, row)] as const)),
);

function flagOf(group: FlagGroup, row: Row): Flag {
  const [name, kind, initial, help, effect = "done", choices] = row;
  return {
    name,
    group,
    kind,
    initial,
    help,
    effect,
    ...(choices === undefined ? {} : { choices }),
  };
}

/** What a name of 3.5 stands for now: another flag, or a feature gate. */
export type Successor = { readonly flag: string } | { readonly gate: string };

/** `--experimental-*`, by what follows; each became a flag without the prefix unless it stands here. */
const experimentalGates: Readonly<Record<string, string>> = {
  "initial-corrupt-check": "InitialCorruptCheck",
  "compact-hash-check-enabled": "CompactHashCheck",
  "enable-lease-checkpoint": "LeaseCheckpoint",
  "enable-lease-checkpoint-persist": "LeaseCheckpointPersist",
  "stop-grpc-service-on-defrag": "StopGRPCServiceOnDefrag",
  "txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
  "set-member-localaddr": "SetMemberLocalAddr",
};

/** Those that became flags. */
const experimentalFlags: readonly string[] = [
  "corrupt-check-time",
  "compact-hash-check-time",
  "compaction-batch-limit",
  "compaction-sleep-interval",
  "watch-progress-notify-interval",
  "warning-apply-duration",
  "warning-unary-request-duration",
  "peer-skip-client-san-verification",
  "memory-mlock",
  "bootstrap-defrag-threshold-megabytes",
  "max-learners",
  "snapshot-catchup-entries",
  "downgrade-check-time",
  "enable-distributed-tracing",
  "distributed-tracing-address",
  "distributed-tracing-service-name",
  "distributed-tracing-instance-id",
  "distributed-tracing-sampling-rate",
];

/** The names of 3.5, whole. */
export const oldNames: ReadonlyMap<string, Successor> = new Map<string, Successor>([
  ...experimentalFlags.map((flag) => [`experimental-${flag}`, { flag }] as const),
  ...Object.entries(experimentalGates).map(
    ([name, gate]) => [`experimental-${name}`, { gate }] as const,
  ),
]);

/** `ETCD_NAME` for etcd's flags, `FLOTILLA_NAME` for our own. */
export function variableOf(name: string): string {
  const isOwn =
    flags.get(name)?.group === "Flotilla" && name !== "config-file" && name !== "version";
  return `${isOwn ? "FLOTILLA" : "ETCD"}_${name.toUpperCase().replaceAll("-", "_")}`;
}
