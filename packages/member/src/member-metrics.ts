/** What operators watch of a member, under etcd's names (etcd server/etcdserver/metrics.go, mvcc/metrics.go). */
import type { Counter, Metrics } from "@flotilla/base";
import type { MemberInfo, MemberStatus } from "./contract.ts";
import type { DataDirectory } from "./data-directory.ts";
import { nodeIdOf } from "./identity.ts";

/** The store's table with one row for each key that is there. */
const keysTable = "current";

/** What is looked at, each time the metrics are asked for. */
export interface Observed {
  readonly id: bigint;
  readonly data: DataDirectory;
  status(): MemberStatus;
  members(): readonly MemberInfo[];
  /** False once the member has stopped: there is nothing to look at any more. */
  isRunning(): boolean;
}

type Row = readonly [name: string, help: string, read: (observed: Observed) => number];

// biome-ignore format: a table
const gauges: readonly Row[] = [
  ["etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.",
    ({ status }) => Number(status().leaderId !== 0n)],
  ["etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.",
    ({ status }) => Number(status().isLeader)],
  ["etcd_server_is_learner", "Whether or not this member is a learner. 1 if is, 0 otherwise.",
    ({ id, members }) => Number(members().some((one) => one.id === id && one.isLearner))],
  ["etcd_server_proposals_committed_total", "The total number of consensus proposals committed.",
    ({ status }) => status().commitIndex],
  ["etcd_server_proposals_applied_total", "The total number of consensus proposals applied.",
    ({ status }) => status().appliedIndex],
  ["etcd_debugging_mvcc_current_revision", "The current revision of store.",
    ({ data }) => data.store.revision],
  ["etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store.",
    ({ data }) => data.store.compactRevision],
  ["etcd_debugging_mvcc_keys_total", "Total number of keys.",
    ({ data }) => data.backend.rows(keysTable)],
  ["etcd_mvcc_db_total_size_in_bytes",
    "Total size of the underlying database physically allocated in bytes.",
    ({ data }) => data.store.size().totalBytes],
  ["etcd_mvcc_db_total_size_in_use_in_bytes",
    "Total size of the underlying database logically in use in bytes.",
    ({ data }) => data.store.size().inUseBytes],
];

/** Shows a member; returns what counts changes of its leader. */
export function observeMember(metrics: Metrics, observed: Observed): Counter {
  for (const [name, help, read] of gauges) {
    metrics.observed("gauge", name, help, () => (observed.isRunning() ? read(observed) : 0));
  }
  const labels = { server_id: nodeIdOf(observed.id) };
  const about =
    "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.";
  metrics.gauge("etcd_server_id", about, labels).set(1);
  return metrics.counter(
    "etcd_server_leader_changes_seen_total",
    "The number of leader changes seen.",
  );
}
