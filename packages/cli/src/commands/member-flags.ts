/** The flags of `flotilla member`: etcd's names, defaults and ETCD_* variables, and our API's beside them. */
import { InvalidArgumentError, Option } from "commander";

export interface MemberOptions {
  readonly name: string;
  readonly dataDir: string | undefined;
  readonly listenClientUrls: string;
  readonly advertiseClientUrls: string;
  readonly listenPeerUrls: string;
  readonly initialAdvertisePeerUrls: string;
  readonly initialCluster: string | undefined;
  readonly initialClusterToken: string;
  readonly initialClusterState: "new" | "existing";
  readonly maxLearners: number | undefined;
  readonly leaseReads: boolean;
  readonly heartbeatInterval: number;
  readonly electionTimeout: number;
  readonly snapshotCount: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly apiListenUrl: string | undefined;
  readonly apiSharedUrl: string | undefined;
  readonly apiCertFile: string | undefined;
  readonly apiKeyFile: string | undefined;
  readonly apiClientCaFile: string | undefined;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** etcd's own flags carry the variable that etcd reads for them. */
function etcd(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? "";
  return new Option(flags, description).env(`ETCD_${name.toUpperCase().replaceAll("-", "_")}`);
}

export function memberFlags(): Option[] {
  return [
    etcd("--name <name>", "human-readable name of this member").default("default"),
    etcd("--data-dir <dir>", "where this member keeps its data (default: <name>.etcd)"),
    etcd("--listen-client-urls <urls>", "where clients are served").default(
      "http://localhost:2379",
    ),
    etcd("--advertise-client-urls <urls>", "what clients are told").default(
      "http://localhost:2379",
    ),
    etcd("--listen-peer-urls <urls>", "where other members are served").default(
      "http://localhost:2380",
    ),
    etcd("--initial-advertise-peer-urls <urls>", "what other members are told").default(
      "http://localhost:2380",
    ),
    etcd(
      "--initial-cluster <name=url,...>",
      "every member, at the first start (default: this one alone)",
    ),
    etcd(
      "--initial-cluster-state <state>",
      "`existing` joins a cluster that this member was added to",
    )
      .choices(["new", "existing"])
      .default("new"),
    etcd("--initial-cluster-token <token>", "tells clusters apart").default("etcd-cluster"),
    etcd(
      "--max-learners <n>",
      "learners that etcd's clients may add (default: no limit)",
    ).argParser(whole),
    etcd("--heartbeat-interval <ms>", "between a leader's heartbeats")
      .argParser(whole)
      .default(100),
    etcd("--election-timeout <ms>", "silence of a leader before an election")
      .argParser(whole)
      .default(1000),
    etcd("--snapshot-count <entries>", "applied entries between two compactions of the log")
      .argParser(whole)
      .default(10_000),
    etcd("--log-level <level>", "lowest level that is logged")
      .choices(["debug", "info", "warn", "error"])
      .default("info"),
    new Option(
      "--lease-reads",
      "linearizable reads by the leader's lease: faster, and it trusts that all members' clocks run alike; the same at every member",
    )
      .env("FLOTILLA_LEASE_READS")
      .default(false),
    new Option(
      "--api-listen-url <url>",
      "serve the Kubernetes API there, and run the controllers while leading",
    ),
    new Option(
      "--api-shared-url <url>",
      "an address on this machine that one living member holds for all",
    ),
    new Option("--api-cert-file <file>", "certificate of the Kubernetes API"),
    new Option("--api-key-file <file>", "key of the Kubernetes API"),
    new Option("--api-client-ca-file <file>", "authority that signs its clients' certificates"),
  ];
}
