/** The foreign load generators: h2load (Debian's nghttp2-client) and etcd's own `benchmark`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@flotilla/tests";
import { framed } from "./call.ts";

/** How a load is put on: connections, and requests under way on each. */
export interface Load {
  readonly connections: number;
  readonly streams: number;
}

const generatorMs = 300_000;

/** Requests a second that were answered; throws when one of `total` was not answered with HTTP 200. */
export async function h2load(
  url: string,
  { path, message }: { readonly path: string; readonly message: Uint8Array },
  load: Load,
  total: number,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-bench-"));
  try {
    const body = join(directory, "body");
    writeFileSync(body, framed(message));
    const { stdout } = await checked("h2load", h2loadArguments(`${url}${path}`, body, load, total));
    const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(stdout)?.[1];
    const answered = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1]);
    if (rate === undefined || answered !== total) {
      throw new Error(`h2load: ${answered} of ${total} were answered\n${stdout}`);
    }
    return Number(rate);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** For `total` gRPC requests whose messages are in the file `body`. */
export function h2loadArguments(
  url: string,
  body: string,
  { connections, streams }: Load,
  total: number,
): readonly string[] {
  return [
    ...["-t", "1", "-n", `${total}`, "-c", `${connections}`, "-m", `${streams}`, "-d", body],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers", url],
  ];
}

/** One of the summaries that `benchmark` prints. */
export interface Summary {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs `benchmark`; its summaries in order. */
export async function etcdBenchmark(
  program: string,
  urls: readonly string[],
  args: readonly string[],
): Promise<readonly Summary[]> {
  const endpoints = urls.map((url) => new URL(url).host).join(",");
  const { stdout, stderr } = await checked(program, ["--endpoints", endpoints, ...args]);
  const text = stdout + stderr;
  return text
    .split("Requests/sec:")
    .slice(1)
    .map((part) => ({
      perSecond: Number.parseFloat(part),
      p50Ms: quantile(part, "50%"),
      p99Ms: quantile(part, "99%"),
    }));
}

function quantile(text: string, name: string): number {
  return Number(new RegExp(` ${name} in ([\\d.]+) secs`).exec(text)?.[1]) * 1000;
}

async function checked(file: string, args: readonly string[]) {
  const finished = await run(file, args, { timeoutMs: generatorMs });
  if (finished.code !== 0) throw new Error(`${file} ${args.join(" ")}\n${finished.stderr}`);
  return finished;
}
