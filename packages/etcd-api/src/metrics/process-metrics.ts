/**
 * The process itself: Prometheus' own names for what every process has, and ours for what Node has
 * in the places of Go's runtime.
 */
import {
  constants,
  type EntryType,
  monitorEventLoopDelay,
  type NodeGCPerformanceDetail,
  PerformanceObserver,
} from "node:perf_hooks";
import type { Metrics } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import {
  networkBytes,
  openFiles,
  openFilesMax,
  virtualMemoryBytes,
} from "../http/process-variables.ts";
import { eventLoopWindowMs } from "../limits.ts";

type Row = readonly [type: "counter" | "gauge", name: string, help: string, read: () => number];

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const startSeconds = performance.timeOrigin / 1000;

// biome-ignore format: a table
const rows: readonly Row[] = [
  ["gauge", "os_fd_limit", "The file descriptor limit.", openFilesMax],
  ["gauge", "os_fd_used", "The number of used file descriptors.", openFiles],
  ["gauge", "process_max_fds", "Maximum number of open file descriptors.", openFilesMax],
  ["gauge", "process_open_fds", "Number of open file descriptors.", openFiles],
  ["counter", "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
    cpuSeconds],
  ["counter", "process_network_receive_bytes_total",
    "Number of bytes received by the process over the network.", () => networkBytes().received],
  ["counter", "process_network_transmit_bytes_total",
    "Number of bytes sent by the process over the network.", () => networkBytes().sent],
  ["gauge", "process_resident_memory_bytes", "Resident memory size in bytes.",
    () => process.memoryUsage.rss()],
  ["gauge", "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.", () => startSeconds],
  ["gauge", "process_virtual_memory_bytes", "Virtual memory size in bytes.", virtualMemoryBytes],
  ["gauge", "process_virtual_memory_max_bytes",
    "Maximum amount of virtual memory available in bytes.", () => 2 ** 64],
  ["gauge", "nodejs_heap_size_total_bytes", "Size of the heap of V8 in bytes.",
    () => process.memoryUsage().heapTotal],
  ["gauge", "nodejs_heap_size_used_bytes", "What of the heap of V8 is in use, in bytes.",
    () => process.memoryUsage().heapUsed],
  ["gauge", "nodejs_external_memory_bytes", "What buffers outside of the heap hold, in bytes.",
    () => process.memoryUsage().external],
];

const gcKinds: readonly (readonly [number, string])[] = [
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"],
];
const gcSeconds = [0.001, 0.01, 0.1, 1, 2, 5] as const;

/** Quantiles of the event loop's delay that are shown. */
const quantiles = [0.5, 0.99, 0.999, 1] as const;
const nsPerSecond = 1e9;

/** Watches the process until the returned function is called. */
export function watchProcess(metrics: Metrics, timers: Timers): () => void {
  for (const [type, name, help, read] of rows) metrics.observed(type, name, help, read);
  const stops = [watchEventLoop(metrics, timers), watchCollections(metrics)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Shows the worse of this window and the last one, so that no scrape misses a stall. */
function watchEventLoop(metrics: Metrics, timers: Timers): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const read = (quantile: number): number => delay.percentile(quantile * 100) / nsPerSecond;
  let last = quantiles.map(() => 0);
  for (const [at, quantile] of quantiles.entries()) {
    metrics.observed(
      "gauge",
      "flotilla_event_loop_delay_seconds",
      "How late the event loop was lately, by quantile; the loop looks every 10 ms.",
      () => Math.max(read(quantile), last[at] ?? 0),
      { p: String(quantile) }, // `quantile` would promise a summary.
    );
  }
  const turn = (): void => {
    last = quantiles.map(read);
    delay.reset();
    cancel = timers.after(eventLoopWindowMs, turn);
  };
  let cancel = timers.after(eventLoopWindowMs, turn);
  return () => {
    cancel();
    delay.disable();
  };
}

function watchCollections(metrics: Metrics): () => void {
  const histograms = new Map(
    gcKinds.map(([kind, name]) => [
      kind,
      metrics.histogram("nodejs_gc_duration_seconds", "How long collections took.", gcSeconds, {
        kind: name,
      }),
    ]),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as typeof entry & { detail: NodeGCPerformanceDetail };
      const { kind } = detail;
      histograms.get(kind)?.observe(duration / 1000);
    }
  });
  const type: EntryType = "gc";
  observer.observe({ entryTypes: [type] });
  return () => observer.disconnect();
}
