import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MetricRegistry, silentLogger, utf8 } from "@flotilla/base";
import { type RunningMember, startMember } from "@flotilla/member";
import { encodePutRequest, encodeRangeRequest, getRequest, putRequest } from "@flotilla/store";
import { type EtcdServer, serveEtcd } from "../src/index.ts";
import { TestClient, until } from "./fixtures.ts";
import { type Family, parsePrometheus } from "./prometheus-text.ts";

/** A metric of etcd 3.7.1 with `--metrics extensive`, Go's own left out. */
interface Recorded {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly bounds?: readonly number[];
}

const recordedFile = new URL("../../test/testdata/metrics.json", import.meta.url);
const recorded: readonly Recorded[] = JSON.parse(readFileSync(recordedFile, "utf8"));

/** What etcd counts and there is nothing here to count, by the reason. */
const missing: Readonly<Record<string, readonly string[]>> = {
  "bbolt's own steps": [
    "etcd_debugging_disk_backend_commit_rebalance_duration_seconds",
    "etcd_debugging_disk_backend_commit_spill_duration_seconds",
    "etcd_debugging_disk_backend_commit_write_duration_seconds",
  ],
  "LMDB's space is reused as it is freed": ["etcd_disk_backend_defrag_duration_seconds"],
  "the store has no index in memory": [
    "etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
  ],
  "a compaction has no pauses, its slices ride on other writes": [
    "etcd_debugging_mvcc_db_compaction_keys_total",
    "etcd_debugging_mvcc_db_compaction_last",
    "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
    "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
  ],
  "watches hold a position, not a queue": ["etcd_debugging_mvcc_pending_events_total"],
  "parts of a loop that is made otherwise": [
    "etcd_debugging_server_watch_send_loop_control_stream_duration_seconds",
    "etcd_debugging_server_watch_send_loop_progress_duration_seconds",
    "etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds",
    "etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds",
  ],
  "the log's snapshot is a mark in the log": [
    "etcd_debugging_snap_save_marshalling_duration_seconds",
    "etcd_debugging_snap_save_total_duration_seconds",
    "etcd_snap_db_fsync_duration_seconds",
    "etcd_snap_db_save_total_duration_seconds",
    "etcd_snap_fsync_duration_seconds",
  ],
  "etcd's second version": [
    "etcd_debugging_store_expires_total",
    "etcd_debugging_store_watch_requests_total",
    "etcd_debugging_store_watchers",
  ],
  "etcd's proxy": [
    "etcd_grpc_proxy_cache_hits_total",
    "etcd_grpc_proxy_cache_keys_total",
    "etcd_grpc_proxy_cache_misses_total",
    "etcd_grpc_proxy_events_coalescing_total",
    "etcd_grpc_proxy_watchers_coalescing_total",
  ],
  "not counted yet": [
    "etcd_mvcc_db_open_read_transactions",
    "etcd_mvcc_hash_duration_seconds",
    "etcd_mvcc_hash_rev_duration_seconds",
    "etcd_server_feature_enabled",
    "etcd_server_heartbeat_send_failures_total",
    "etcd_server_learner_promote_successes",
  ],
  "Go's version": ["etcd_server_go_version"],
};

let dataDir: string;
let member: RunningMember;
let server: EtcdServer;
let client: TestClient;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "flotilla-etcd-api-"));
  const metrics = new MetricRegistry();
  member = await startMember({
    name: "a",
    dataDir,
    listenPeerUrl: "http://127.0.0.1:0",
    initialCluster: [{ name: "a", peerUrl: "http://127.0.0.1:2380" }],
    heartbeatMs: 10,
    electionMs: 50,
    metrics,
  });
  server = await serveEtcd(
    { member, logger: silentLogger, metrics },
    { host: "127.0.0.1", port: 0, extensiveMetrics: true },
  );
  client = new TestClient(`127.0.0.1:${server.port}`);
  await until(
    () => member.status().isLeader,
    () => "leader",
  );
});
after(async () => {
  client.close();
  await server.close({ graceMs: 1000 });
  await member.stop();
  await rm(dataDir, { recursive: true });
});

async function scrape(): Promise<ReadonlyMap<string, Family>> {
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  return parsePrometheus(await response.text());
}

/** The value of the one series that has all these labels. */
function valueAt(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name.replace(/_(count|sum)$/, "")) ?? families.get(name);
  const found = family?.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels.get(label) === value),
  );
  return found?.[0]?.value;
}

describe("/metrics", () => {
  it("has every metric of etcd, or says why not, with its type, help and buckets", async () => {
    const families = await scrape();
    const excused = new Set(Object.values(missing).flat());
    for (const { name, type, help, bounds } of recorded) {
      const family = families.get(name);
      equal(family === undefined, excused.has(name), `${name}: ${family && "there all the same"}`);
      if (family === undefined) continue;
      deepEqual([family.type, family.help], [type, help], name);
      if (bounds === undefined) continue;
      const buckets = family.samples.filter((sample) => sample.name.endsWith("_bucket"));
      const ends = new Set(buckets.map(({ labels }) => Number(labels.get("le"))));
      ends.delete(Number.NaN);
      deepEqual([...ends], [...new Set(bounds)], name);
    }
    for (const name of excused)
      ok(
        recorded.some((one) => one.name === name),
        name,
      );
  });

  it("counts calls by their code, and what they did", async () => {
    const before = await scrape();
    const key = utf8("k");
    await client.unary("/etcdserverpb.KV/Put", encodePutRequest(putRequest(key, utf8("v"))));
    await client.unary("/etcdserverpb.KV/Range", encodeRangeRequest(getRequest(key)));
    await client.status("/etcdserverpb.KV/Range", new Uint8Array(0));
    const watch = client.watch();
    watch.create({ key: "k" });
    await watch.got(1);
    const now = await scrape();
    watch.abort();
    const grown = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      (valueAt(now, name, labels) ?? 0) - (valueAt(before, name, labels) ?? 0);
    const range = { grpc_service: "etcdserverpb.KV", grpc_method: "Range", grpc_type: "unary" };
    equal(grown("grpc_server_started_total", range), 2);
    equal(grown("grpc_server_msg_received_total", range), 2);
    equal(grown("grpc_server_msg_sent_total", range), 1);
    equal(grown("grpc_server_handled_total", { ...range, grpc_code: "OK" }), 1);
    equal(grown("grpc_server_handled_total", { ...range, grpc_code: "InvalidArgument" }), 1);
    equal(grown("grpc_server_handling_seconds_count", range), 2);
    equal(grown("etcd_mvcc_put_total"), 1);
    equal(grown("etcd_mvcc_range_total"), 1);
    equal(grown("etcd_debugging_mvcc_current_revision"), 1);
    equal(grown("etcd_debugging_mvcc_watcher_total"), 1);
    equal(grown("etcd_debugging_mvcc_watch_stream_total"), 1);
    equal(grown("etcd_server_client_requests_total", { type: "stream" }), 1);
    ok(grown("etcd_disk_wal_fsync_duration_seconds_count") > 0);
    ok(grown("etcd_network_client_grpc_sent_bytes_total") > 0);
    equal(valueAt(now, "etcd_server_has_leader"), 1);
    equal(valueAt(now, "etcd_server_is_leader"), 1);
    equal(valueAt(now, "promhttp_metric_handler_requests_in_flight"), 1);
    ok((valueAt(now, "flotilla_event_loop_delay_seconds", { p: "0.99" }) ?? 0) > 0);
  });
});
