/**
 * What is recorded beside the package that it is about, with requests and answers in forms of its own:
 * the package's recorder asks whatever server it is told, and prints an answer in each line.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { repository } from "../harness/index.ts";
import { type RunningServer, type Side, startServer } from "./servers.ts";

const folder = join(repository, "packages", "etcd-api");
const outputBytesMax = 64 * 1024 * 1024;

/** Each with how its recorder is told where to ask. */
const recorders: Readonly<Record<string, (server: RunningServer) => string>> = {
  auth: ({ endpoint }) => endpoint,
  gateway: ({ clientUrl }) => clientUrl,
};

/** Names as they stand in the count. */
export const besideNames: readonly string[] = Object.keys(recorders).map(
  (name) => `etcd-api/${name}`,
);

/** The answers as text, and where they are kept. */
async function ask(side: Side, name: string): Promise<{ text: string; file: string }> {
  const short = name.replace("etcd-api/", "");
  const server = await startServer(side, []);
  try {
    const where = recorders[short]?.(server) ?? "";
    const script = join(folder, "dist", "test", `record-${short}.js`);
    const options = { maxBuffer: outputBytesMax };
    const { stdout } = await promisify(execFile)(process.execPath, [script, where], options);
    return { text: stdout, file: join(folder, "test", "testdata", `${short}.json`) };
  } finally {
    await server.close();
  }
}

/** How many answers were written down. */
export async function recordBeside(name: string): Promise<number> {
  const { text, file } = await ask("etcd", name);
  writeFileSync(file, text);
  return (JSON.parse(text) as readonly unknown[]).length;
}

/** The number of requests, and each answer that is another, as text. */
export async function compareBeside(
  name: string,
): Promise<{ readonly requests: number; readonly differences: readonly string[] }> {
  const { text, file } = await ask("ours", name);
  const recorded = linesOf(readFileSync(file, "utf8"));
  const differences = linesOf(text).flatMap((line, at) =>
    line === recorded[at] ? [] : [`${name} ${at + 1}\n  etcd: ${recorded[at]}\n  ours: ${line}`],
  );
  return { requests: recorded.length, differences };
}

function linesOf(text: string): readonly string[] {
  return (JSON.parse(text) as readonly unknown[]).map((answer) => JSON.stringify(answer));
}
