/** What a replica counts, under etcd's names (etcd server/etcdserver/metrics.go, storage/mvcc/metrics.go). Pure. */
import {
  type Counter,
  exponentialBounds,
  type Gauge,
  type Histogram,
  type Metrics,
} from "@flotilla/base";
import type { Command, CommandResult, TxnRequest, TxnResult } from "@flotilla/store";
import type { AppliedEntry } from "./applier.ts";

type Written = Exclude<CommandResult, { kind: "refused" }>;
type OpResult = TxnResult["responses"][number];
type Ops = TxnRequest["success"];

export class ReplicaMetrics {
  readonly proposalsFailed: Counter;
  readonly slowApply: Counter;
  readonly snapshotInProgress: Gauge;
  /** Of a slice: what is applied in one go. */
  readonly applySeconds: Histogram;
  readonly leasesExpired: Counter;
  readonly #readIndexesFailed: Counter;
  readonly #slowReadIndexes: Counter;
  readonly #puts: Counter;
  readonly #putBytes: Gauge;
  readonly #deletes: Counter;
  readonly #txns: Counter;
  readonly #leasesGranted: Counter;
  readonly #leasesRevoked: Counter;
  readonly #leaseTtls: Histogram;

  constructor(metrics: Metrics) {
    const counter = (name: string, help: string): Counter => metrics.counter(name, help);
    this.proposalsFailed = counter(
      "etcd_server_proposals_failed_total",
      "The total number of failed proposals seen.",
    );
    this.#readIndexesFailed = counter(
      "etcd_server_read_indexes_failed_total",
      "The total number of failed read indexes seen.",
    );
    this.#slowReadIndexes = counter(
      "etcd_server_slow_read_indexes_total",
      "The total number of pending read indexes not in sync with leader's or timed out read index requests.",
    );
    this.slowApply = counter(
      "etcd_server_slow_apply_total",
      "The total number of slow apply requests (likely overloaded from slow disk).",
    );
    this.snapshotInProgress = metrics.gauge(
      "etcd_server_snapshot_apply_in_progress_total",
      "1 if the server is applying the incoming snapshot. 0 if none.",
    );
    this.applySeconds = metrics.histogram(
      "etcd_server_apply_duration_seconds",
      "The latency distributions of v2 apply called by backend.",
      exponentialBounds(0.0001, 2, 20),
      { op: "Slice", success: "true", version: "v3" },
    );
    this.leasesExpired = counter(
      "etcd_debugging_server_lease_expired_total",
      "The total number of expired leases.",
    );
    this.#puts = counter("etcd_mvcc_put_total", "Total number of puts seen by this member.");
    this.#putBytes = metrics.gauge(
      "etcd_debugging_mvcc_total_put_size_in_bytes",
      "The total size of put kv pairs seen by this member.",
    );
    this.#deletes = counter(
      "etcd_mvcc_delete_total",
      "Total number of deletes seen by this member.",
    );
    this.#txns = counter("etcd_mvcc_txn_total", "Total number of txns seen by this member.");
    this.#leasesGranted = counter(
      "etcd_debugging_lease_granted_total",
      "The total number of granted leases.",
    );
    this.#leasesRevoked = counter(
      "etcd_debugging_lease_revoked_total",
      "The total number of revoked leases.",
    );
    this.#leaseTtls = metrics.histogram(
      "etcd_debugging_lease_ttl_total",
      "Bucketed histogram of lease TTLs.",
      exponentialBounds(1, 2, 24),
    );
  }

  /** A read round did not come to its end in time. */
  readFailed(): void {
    this.#readIndexesFailed.add();
    this.#slowReadIndexes.add();
  }

  /** An entry was applied here. */
  applied({ proposal }: AppliedEntry, result: CommandResult | undefined): void {
    if (proposal === undefined || result === undefined || result.kind === "refused") return;
    this.#count(proposal.command, result);
  }

  #count(command: Command, result: Written): void {
    if (command.kind === "put" && result.kind === "put") {
      this.#put(command.request);
    } else if (command.kind === "txn" && result.kind === "txn") {
      this.#txn(command.request, result);
    } else if (result.kind === "deleteRange") {
      if (result.deleted > 0) this.#deletes.add();
    } else if (result.kind === "leaseGrant") {
      this.#leasesGranted.add();
      this.#leaseTtls.observe(result.ttlSeconds);
    } else if (result.kind === "leaseRevoke") this.#leasesRevoked.add();
  }

  #put({ key, value }: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    this.#puts.add();
    this.#putBytes.add(key.length + value.length);
  }

  /** Every operation that it came to counts as if it stood alone, as in etcd. */
  #txn(request: TxnRequest, result: TxnResult): void {
    this.#txns.add();
    const ops: Ops = result.succeeded ? request.success : request.failure;
    for (const [at, op] of ops.entries()) {
      const outcome: OpResult | undefined = result.responses[at];
      if (op.kind === "put") this.#put(op.request);
      else if (outcome?.kind === "deleteRange" && outcome.deleted > 0) this.#deletes.add();
      else if (op.kind === "txn" && outcome?.kind === "txn") this.#txn(op.request, outcome);
    }
  }
}
