/** How long a member takes to its first answered read, by how much it holds. */
import { until } from "@flotilla/tests";
import { call, rangeRequest } from "./call.ts";
import { etcdBenchmark } from "./generators.ts";
import { type Program, Trio } from "./trio.ts";

export interface StartMeasured {
  readonly seconds: number;
  readonly memoryMb: number;
}

const keys = 1_000_000;
const answerMs = 120_000;

/** One member with a million keys of 256 B, ended and started again; until a key is read. */
export async function measureStart(program: Program, benchmark: string): Promise<StartMeasured> {
  const trio = await Trio.start(program, 1);
  try {
    const [url = ""] = trio.urls;
    const space = ["--sequential-keys", "--key-space-size", `${keys}`, "--val-size", "256"];
    const load = ["--conns", "10", "--clients", "500", "--total", `${keys}`];
    await etcdBenchmark(benchmark, trio.urls, ["put", ...space, ...load]);
    await trio.halt("SIGTERM");
    const startedMs = performance.now();
    trio.restart();
    await until("a read to be answered", answerMs, async () => {
      await call(url, "/etcdserverpb.KV/Range", rangeRequest("first", false));
      return true;
    });
    const seconds = (performance.now() - startedMs) / 1000;
    return { seconds, memoryMb: (await trio.leaderMemory()) / 1e6 };
  } finally {
    await trio.stop();
  }
}
