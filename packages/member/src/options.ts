/** What a member is started with. */
import type { Clock, Logger, Metrics, Random } from "@flotilla/base";
import type { TlsMaterial } from "@flotilla/peer";
import type { Member } from "./contract.ts";

/** One line of the initial cluster. A member with several peer URLs has several lines. */
export interface InitialMember {
  readonly name: string;
  /** `http://host:port`, or another URL that `parsePeerUrl` takes. */
  readonly peerUrl: string;
}

export interface MemberOptions {
  /** Must occur in `initialCluster` while there is no data. */
  readonly name: string;
  /** Holds everything this member keeps; made when absent; one process at a time. */
  readonly dataDir: string;
  /** The same for its log alone, in etcd's `--wal-dir`. Default: within `dataDir`. */
  readonly walDir?: string;
  /** Where peers are listened to, `http://host:port`, one or several; port 0 takes a free one. */
  readonly listenPeerUrl: string | readonly string[];
  /**
   * Where peers are told to reach this member. Default: its lines in `initialCluster`, or where it
   * listens. A founder's have to be the same as its lines.
   */
  readonly advertisePeerUrls?: readonly string[];
  /** What is shown and trusted at peer URLs that say https. */
  readonly peerTls?: TlsMaterial;
  /**
   * `new`: the founding members, the same list at each; their ids follow from it. `existing`: this
   * member and others of the cluster that it was added to, at least one of which answers.
   */
  readonly initialCluster: readonly InitialMember[];
  /**
   * As at etcd, neither this nor `initialCluster` is looked at where there is data: it says itself whose
   * it is. Default `new`.
   */
  readonly initialClusterState?: "new" | "existing";
  /** Keeps clusters with the same addresses apart. Default `etcd-cluster`, as etcd's. */
  readonly clusterToken?: string;
  /** Where clients reach this member; told to the cluster. */
  readonly clientUrls?: readonly string[];
  /** Where its Kubernetes API is reached; told to the cluster. Default none. */
  readonly apiUrl?: string;
  /** Between two heartbeats of a leader. Default 100. */
  readonly heartbeatMs?: number;
  /** Without a leader for this long, up to twice as long, a member campaigns. Default 1000; at least 5 heartbeats. */
  readonly electionMs?: number;
  /** Applied entries between two compactions of the log. Default 10,000. */
  readonly snapshotEntries?: number;
  /** Entries kept in memory behind a compaction, for followers that lag. Default 5,000. */
  readonly catchUpEntries?: number;
  /**
   * Serve linearizable reads from a leader's lease instead of by a round: faster, and it trusts the
   * clocks of all members to run alike. The same at all members. Default false.
   */
  readonly leaseReads?: boolean;
  /**
   * A store that cannot be opened is set aside, and had from the leader; the start waits for that. The log
   * stays, and with it the votes. Default true; without another member that has the data it is refused.
   */
  readonly repairStore?: boolean;
  /** `--warning-apply-duration`: what is applied in one go and takes longer is logged. Default 100. */
  readonly warnApplyMs?: number;
  /** Where the member counts what it does. Default: nowhere. */
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** A member of this process. */
export interface RunningMember extends Member {
  /** Where peers are really listened to: the port is the one that was taken. */
  readonly peerUrl: string;
  /**
   * Settles when the member has stopped: with undefined after `stop`, with the reason when it could
   * not go on (a failed write, a broken invariant). Never rejects.
   */
  readonly stopped: Promise<Error | undefined>;
  /**
   * For trials: as if there were no network to these members, in either direction, until the next call.
   */
  cutOff(others: ReadonlySet<bigint>): void;
  /** Tells the cluster where clients reach this member, once ports are known. */
  advertise(urls: { readonly clientUrls: readonly string[]; readonly apiUrl: string }): void;
}
