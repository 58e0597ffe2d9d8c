/** What the services count and show, under etcd's names (etcd server/etcdserver/metrics.go, mvcc/metrics.go). */
import type { Counter, Gauge, Metrics } from "@flotilla/base";
import type { Member } from "@flotilla/member";
import type { Versions } from "../context.ts";
import { quotaBytesOf } from "../quota/quota.ts";

/** Something that lags behind what it watches, in part. */
export interface Lagging {
  /** Watches that have not got all there is. */
  readonly lagging: number;
}

export class ServiceMetrics {
  readonly ranges: Counter;
  readonly watchers: Gauge;
  readonly events: Counter;
  readonly leasesRenewed: Counter;
  readonly #streams = new Set<Lagging>();

  constructor(metrics: Metrics) {
    this.ranges = metrics.counter(
      "etcd_mvcc_range_total",
      "Total number of ranges seen by this member.",
    );
    this.watchers = metrics.gauge("etcd_debugging_mvcc_watcher_total", "Total number of watchers.");
    this.events = metrics.counter(
      "etcd_debugging_mvcc_events_total",
      "Total number of events sent by this member.",
    );
    this.leasesRenewed = metrics.counter(
      "etcd_debugging_lease_renewed_total",
      "The number of renewed leases seen by the leader.",
    );
    metrics.observed(
      "gauge",
      "etcd_debugging_mvcc_watch_stream_total",
      "Total number of watch streams.",
      () => this.#streams.size,
    );
    metrics.observed(
      "gauge",
      "etcd_debugging_mvcc_slow_watcher_total",
      "Total number of unsynced slow watchers.",
      () => [...this.#streams].reduce((sum, { lagging }) => sum + lagging, 0),
    );
  }

  /** A stream of watches, until it is closed. */
  opened(stream: Lagging): void {
    this.#streams.add(stream);
  }

  closed(stream: Lagging): void {
    this.#streams.delete(stream);
  }
}

/** Shows what the server is set to, and what never changes. */
export function showServer(
  metrics: Metrics,
  member: Member,
  options: { readonly versions: Versions; readonly quotaBackendBytes: number },
): void {
  const { versions, quotaBackendBytes } = options;
  metrics
    .gauge(
      "etcd_server_version",
      "Which version is running. 1 for 'server_version' label with current version.",
      { server_version: versions.server },
    )
    .set(1);
  metrics
    .gauge(
      "etcd_cluster_version",
      "Which version is running. 1 for 'cluster_version' label with current cluster version",
      { cluster_version: versions.cluster.split(".").slice(0, 2).join(".") },
    )
    .set(1);
  metrics
    .gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.")
    .set(quotaBytesOf(quotaBackendBytes) ?? 0);
  // Space is reused as it is freed: there is never one under way.
  const defragHelp = "Whether or not defrag is active on the member. 1 means active, 0 means not.";
  metrics.gauge("etcd_disk_defrag_inflight", defragHelp).set(0);
  metrics.observed(
    "gauge",
    "etcd_debugging_auth_revision",
    "The current revision of auth store.",
    () => member.store.auth.revision,
  );
}
