/** `flotilla down`: stops every process of a local cluster; the data stays unless `--purge`. */
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { readClusterFile, writeClusterFile } from "../cluster/cluster-file.ts";
import { isRunning, signal, waitForExit } from "../cluster/processes.ts";
import { killWorkloads } from "../cluster/workloads.ts";
import { CommandError } from "../exit.ts";

export interface DownOptions {
  readonly dataDir: string;
  readonly purge: boolean;
}

/** Workloads get this long to end by themselves: Kubernetes' default grace period is 30 s. */
const nodeStopMs = 35_000;
const memberStopMs = 5_000;

export async function down({ dataDir, purge }: DownOptions): Promise<void> {
  const home = resolve(dataDir);
  const cluster = readClusterFile(home);
  await stop(cluster.nodes, "SIGINT", nodeStopMs); // SIGINT: with their workloads.
  for (const node of cluster.nodes) killWorkloads(node); // Of agents that were dead already.
  const members = [...cluster.members, ...(cluster.former ?? [])];
  await stop(members, "SIGTERM", memberStopMs);
  for (const stopped of [...members, ...cluster.nodes]) stopped.pid = 0; // An `up` that watches sees it.
  if (purge) rmSync(home, { recursive: true, force: true });
  else writeClusterFile(home, cluster);
  process.stdout.write(
    purge
      ? `The cluster is down, and ${home} is deleted.\n`
      : `The cluster is down. Its data is in ${home}; \`flotilla up\` starts it again.\n`,
  );
}

async function stop(
  processes: readonly { readonly name: string; readonly pid: number; readonly dataDir: string }[],
  politely: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  for (const { pid, dataDir } of processes) {
    if (!isRunning(pid, dataDir)) continue;
    signal(pid, politely);
    signal(pid, "SIGCONT"); // One that is paused could not hear the first.
  }
  const stubborn = await waitForExit(processes, timeoutMs);
  for (const { pid } of stubborn) signal(pid, "SIGKILL");
  const left = await waitForExit(stubborn, memberStopMs);
  if (left.length === 0) return;
  throw new CommandError(
    "timeout",
    `Some processes do not end: ${left.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ")}`,
    "They may hang in the kernel; `ps -o pid,stat,wchan -p PID` shows where.",
  );
}
