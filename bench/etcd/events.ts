/**
 * Events to many watchers of one key. One h2load holds the watches and reads what comes, another puts;
 * how much has come tells what the kernel counts as read by the first. (etcd's `benchmark watch` needs
 * more of the machine to decode an event than any server to send it.)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WireWriter } from "@flotilla/base";
import { until } from "@flotilla/tests";
import { framed, putRequest } from "./call.ts";
import { h2load, h2loadArguments } from "./generators.ts";

/** `streams` on each of ten connections, and so many watches on each of these. */
export interface Watchers {
  readonly streams: number;
  readonly watchesPerStream: number;
}

const connections = 10;
const key = "bench";
const valueBytes = 256;
const putLoad = { connections: 10, streams: 10 };
const lookMs = 10;
/** When nothing more has come for so long, all is there. */
const quietMs = 1_500;
const createMs = 30_000;

/** Events a second that reach the watchers, of `puts` puts. Throws when some did not. */
export async function eventRate(
  url: string,
  { streams, watchesPerStream }: Watchers,
  puts: number,
): Promise<number> {
  const watchers = connections * streams * watchesPerStream;
  const directory = mkdtempSync(join(tmpdir(), "flotilla-bench-"));
  const body = join(directory, "body");
  const creates: Buffer[] = new Array(watchesPerStream).fill(framed(watchRequest()));
  writeFileSync(body, Buffer.concat(creates));
  const load = { connections, streams };
  const args = h2loadArguments(
    `${url}/etcdserverpb.Watch/Watch`,
    body,
    load,
    connections * streams,
  );
  // Those of the load before are forgotten: only then does a number tell that these are all there.
  await until("nobody to watch", createMs, async () => (await watchersOf(url)) === 0);
  const reader = spawn("h2load", args, { stdio: "ignore" });
  try {
    await until("all to watch", createMs, async () => (await watchersOf(url)) >= watchers);
    const before = bytesRead(reader);
    const began = performance.now();
    const message = putRequest(key, new Uint8Array(valueBytes).fill(0x76));
    const putting = h2load(url, { path: "/etcdserverpb.KV/Put", message }, putLoad, puts);
    const { bytes, atMs } = await lastRead(reader, putting);
    if (bytes - before < puts * watchers * valueBytes) {
      throw new Error(`${bytes - before} bytes are not ${puts} events to ${watchers} watchers`);
    }
    return (puts * watchers * 1000) / (atMs - began);
  } finally {
    reader.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

function watchRequest(): Uint8Array {
  const create = new WireWriter();
  create.fieldText(1, key);
  const request = new WireWriter();
  request.fieldBytes(1, create.finish());
  return request.finish();
}

async function watchersOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^etcd_debugging_mvcc_watcher_total (\S+)$/m.exec(text)?.[1]);
}

/** What the process has read in all, from files, too. */
function bytesRead({ pid }: ChildProcess): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

/** When `reader` has read for the last time, `putting` being over; and how much then. */
async function lastRead(reader: ChildProcess, putting: Promise<unknown>) {
  let isOver = false;
  const over = putting.then(() => {
    isOver = true;
  });
  let [bytes, atMs] = [bytesRead(reader), performance.now()];
  while (!(isOver && performance.now() - atMs > quietMs)) {
    await Promise.race([delay(lookMs), ...(isOver ? [] : [over])]);
    const now = bytesRead(reader);
    if (now !== bytes) [bytes, atMs] = [now, performance.now()];
  }
  return { bytes, atMs };
}
