/** What is compared with etcd: each row measures one trio and gives one number. */
import { call, put, putRequest, rangeOfAll, rangeRequest, statusOf } from "./call.ts";
import { eventRate, type Watchers } from "./events.ts";
import { etcdBenchmark, h2load, type Load, type Summary } from "./generators.ts";
import type { Trio } from "./trio.ts";

export interface Row {
  readonly name: string;
  readonly unit: string;
  /** Ours divided by the better etcd, or the better etcd by ours where less is better. */
  readonly ratioAtLeast: number;
  readonly isLessBetter: boolean;
  measure(trio: Trio, bench: Bench): Promise<number>;
}

/** What rows share. */
export interface Bench {
  /** Path of etcd's `benchmark`; undefined: rows that need it are left out. */
  readonly benchmark: string | undefined;
  /** Of the best etcd, by name of the load: the rate at which latencies are compared. */
  readonly mixedRate: number;
}

const value = new Uint8Array(256).fill(0x76);
const warmUpSeconds = 5;
const measuredSeconds = 4;
const probeRounds = 5;

async function rateOf(
  url: string,
  request: { readonly path: string; readonly message: Uint8Array },
  load: Load,
): Promise<{ readonly rate: number; readonly requests: number }> {
  const parallel = load.connections * load.streams;
  const probe = Math.max(300, parallel * probeRounds);
  const warmAt = performance.now() + warmUpSeconds * 1000;
  let requests = probe;
  let rate = await h2load(url, request, load, probe);
  // Whoever compiles while it runs is measured once it has; the others do not mind. How fast it is
  // before tells little of how much it does in that time.
  for (let leftMs = warmAt - performance.now(); leftMs > 0; leftMs = warmAt - performance.now()) {
    const total = Math.max(probe, Math.round((rate * leftMs) / 1000));
    rate = await h2load(url, request, load, total);
    requests += total;
  }
  const total = Math.max(probe, Math.round(rate * measuredSeconds));
  rate = await h2load(url, request, load, total);
  return { rate, requests: requests + total };
}

/** Every put that is counted must be a revision. */
async function putRate(url: string, load: Load): Promise<number> {
  const message = putRequest("bench", value);
  const before = (await statusOf(url)).revision;
  const { rate, requests } = await rateOf(url, { path: "/etcdserverpb.KV/Put", message }, load);
  await put(url, "bench", value); // Whoever answers this has applied what came before.
  const after = (await statusOf(url)).revision;
  if (after - before !== requests + 1) {
    throw new Error(
      `${requests} puts were answered, and the revision moved by ${after - before - 1}`,
    );
  }
  return rate;
}

async function rangeRate(url: string, isSerializable: boolean, load: Load): Promise<number> {
  await put(url, "bench", value);
  const path = "/etcdserverpb.KV/Range";
  const message = rangeRequest("bench", isSerializable);
  const answer = await call(url, path, message);
  if (answer.length < value.length) throw new Error("the range came without its value");
  return (await rateOf(url, { path, message }, load)).rate;
}

function rate(
  name: string,
  ratioAtLeast: number,
  measure: (trio: Trio, bench: Bench) => Promise<number>,
): Row {
  return { name, unit: "/s", ratioAtLeast, isLessBetter: false, measure };
}

async function benchmarked(
  trio: Trio,
  { benchmark }: Bench,
  args: readonly string[],
): Promise<readonly Summary[]> {
  if (benchmark === undefined) throw new Error("needs etcd's `benchmark`: set ETCD_BENCHMARK");
  return etcdBenchmark(benchmark, trio.urls, args);
}

/** Reads of one key and writes of 256 B, four to one, at a fixed rate. */
const mixed = ["txn-mixed", "--rw-ratio", "4", "--limit", "1", "--val-size", "256"];
const mixedLoad = ["--conns", "10", "--clients", "100"];

/** The most that a trio takes of the mixed load: what 60 % is counted from. */
export async function mixedRateMax(trio: Trio, bench: Bench): Promise<number> {
  const summaries = await benchmarked(trio, bench, [...mixed, ...mixedLoad, "--total", "40000"]);
  return summaries.reduce((sum, { perSecond }) => sum + perSecond, 0);
}

const watchedPuts = 4000;
const watchersAll = 1000;

async function eventsTo(trio: Trio, watchers: Watchers): Promise<number> {
  const url = await trio.leader();
  let rate = 0;
  for (let seconds = 0; seconds < warmUpSeconds; seconds += (watchersAll * watchedPuts) / rate) {
    rate = await eventRate(url, watchers, watchedPuts);
  }
  return eventRate(url, watchers, Math.round((rate * measuredSeconds) / watchersAll));
}

const manyKeys = 100_000;

export const rows: readonly Row[] = [
  rate("puts to the leader, 50 x 20", 2, async (trio) =>
    putRate(await trio.leader(), { connections: 50, streams: 20 }),
  ),
  rate("puts to the leader, 100 x 1", 1.5, async (trio) =>
    putRate(await trio.leader(), { connections: 100, streams: 1 }),
  ),
  rate("puts to a follower, 50 x 20", 1.5, async (trio) =>
    putRate(await trio.follower(), { connections: 50, streams: 20 }),
  ),
  rate("puts to the leader, 1 x 1", 1.3, async (trio) =>
    putRate(await trio.leader(), { connections: 1, streams: 1 }),
  ),
  rate("linearizable ranges, 100 x 10", 2, async (trio) =>
    rangeRate(await trio.leader(), false, { connections: 100, streams: 10 }),
  ),
  rate("serializable ranges, 100 x 10", 2, async (trio) =>
    rangeRate(await trio.leader(), true, { connections: 100, streams: 10 }),
  ),
  rate("linearizable ranges, 1 x 1", 1.2, async (trio) =>
    rangeRate(await trio.leader(), false, { connections: 1, streams: 1 }),
  ),
  {
    name: "mixed 80:20, p99 of writes at 60 % of etcd's own maximum",
    unit: "ms",
    ratioAtLeast: 1,
    isLessBetter: true,
    async measure(trio, bench) {
      const at = Math.round(bench.mixedRate * 0.6);
      const load = (seconds: number) => ["--rate", `${at}`, "--total", `${at * seconds}`];
      await benchmarked(trio, bench, [...mixed, ...load(warmUpSeconds), ...mixedLoad]);
      const summaries = await benchmarked(trio, bench, [...mixed, ...load(10), ...mixedLoad]);
      return Math.max(...summaries.map(({ p99Ms }) => p99Ms));
    },
  },
  rate("events to 1,000 watchers of one key, each with a stream", 1.5, (trio) =>
    eventsTo(trio, { streams: 100, watchesPerStream: 1 }),
  ),
  rate("events to 1,000 watchers of one key, a hundred to a stream", 1.5, (trio) =>
    eventsTo(trio, { streams: 1, watchesPerStream: 100 }),
  ),
  rate("keep-alives of leases", 1.5, async (trio, bench) => {
    const load = (total: number) => ["--total", `${total}`, ...mixedLoad];
    await benchmarked(trio, bench, ["lease-keepalive", ...load(100_000)]);
    const summaries = await benchmarked(trio, bench, ["lease-keepalive", ...load(100_000)]);
    return summaries.at(-1)?.perSecond ?? 0;
  }),
  memory("memory of the leader with 100,000 keys of 1 KiB", async () => {}),
  memory("memory of the leader with 100,000 keys of 1 KiB, read once as a whole", async (trio) => {
    const path = "/etcdserverpb.KV/Range";
    const message = rangeOfAll();
    await h2load(await trio.leader(), { path, message }, { connections: 1, streams: 1 }, 1);
  }),
];

function memory(name: string, use: (trio: Trio) => Promise<unknown>): Row {
  return {
    name,
    unit: "MB",
    ratioAtLeast: 1,
    isLessBetter: true,
    async measure(trio, bench) {
      const keys = [
        "--sequential-keys",
        "--key-space-size",
        `${manyKeys}`,
        "--total",
        `${manyKeys}`,
      ];
      await benchmarked(trio, bench, ["put", "--val-size", "1024", ...keys, ...mixedLoad]);
      await use(trio);
      return (await trio.leaderMemory()) / 1e6;
    },
  };
}
