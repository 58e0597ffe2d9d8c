/**
 * Measures how long large ranges hold up everybody else: while ranges of 5 MB (ten at once), then of
 * 100 MB, are read from one member, a watched key is put every few milliseconds, and the time from the
 * put to its event is taken. `node tests/dist/etcd-oracle/large-ranges.js [etcd|ours]`, after a build.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RawClient } from "./client.ts";
import { encodeMessage } from "./protobuf.ts";
import { type Side, startServer } from "./servers.ts";

const side = (process.argv[2] ?? "ours") as Side;
const valueBytes = 50_000;
const pauseMs = 5;

/** Reads as a process of its own: what comes would hold up whoever measures. */
async function read(
  endpoint: string,
  limit: number,
  atOnce: number,
  rounds: number,
): Promise<void> {
  const client = new RawClient(endpoint);
  const request = encodeMessage("RangeRequest", { key: "l", range_end: "m", limit });
  for (let round = 0; round < rounds; round++) {
    const answers = Array.from({ length: atOnce }, () =>
      client.unary("/etcdserverpb.KV/Range", request, {}),
    );
    for (const { answer, text } of await Promise.all(answers)) {
      if (answer === undefined) throw new Error(text);
    }
  }
  client.close();
}

if (side === ("--read" as Side)) {
  const [endpoint = "", ...numbers] = process.argv.slice(3);
  const [limit = 0, atOnce = 1, rounds = 1] = numbers.map(Number);
  await read(endpoint, limit, atOnce, rounds);
  process.exit();
}

const server = await startServer(side, []);
const [watcher, writer] = [new RawClient(server.endpoint), new RawClient(server.endpoint)];

async function put(key: string, value: string): Promise<void> {
  const request = encodeMessage("PutRequest", { key, value });
  const { code, text } = await writer.unary("/etcdserverpb.KV/Put", request, {});
  if (code !== 0) throw new Error(text);
}

async function reading(limit: number, atOnce: number, rounds: number): Promise<void> {
  const args = ["--read", server.endpoint, ...[limit, atOnce, rounds].map(String)];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`reader ended with ${code}`);
}

/** Delays of events while `work` goes on, ascending. */
async function delaysDuring(work: () => Promise<unknown>): Promise<readonly number[]> {
  const stream = watcher.open("/etcdserverpb.Watch/Watch", {});
  stream.send(encodeMessage("WatchRequest", { create_request: { key: "w" } }));
  await stream.changed(5_000);
  const delays: number[] = [];
  let working = true;
  const done = work().finally(() => {
    working = false;
  });
  while (working) {
    stream.received.length = 0;
    const start = performance.now();
    const putting = put("w", "x");
    while (stream.received.length === 0) await stream.changed(5_000);
    delays.push(performance.now() - start);
    await putting;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await done;
  stream.cancel();
  return delays.toSorted((a, b) => a - b);
}

async function report(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  const delays = await delaysDuring(work);
  const at = (part: number): string =>
    (delays[Math.min(delays.length - 1, Math.floor(part * delays.length))] ?? 0).toFixed(1);
  const tookMs = (performance.now() - start).toFixed(0);
  process.stdout.write(
    `${side}: ${what}: ${tookMs} ms; ${delays.length} events, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms\n`,
  );
}

try {
  const value = "x".repeat(valueBytes);
  for (let at = 0; at < 2_000; at++) await put(`l${String(at).padStart(5, "0")}`, value);
  await report("nothing", () => new Promise((resolve) => setTimeout(resolve, 2_000)));
  await report("ten ranges of 5 MB at once, ten times", () => reading(100, 10, 10));
  await report("a range of 100 MB, three times", () => reading(0, 1, 3));
} finally {
  for (const client of [watcher, writer]) client.close();
  await server.close();
}
