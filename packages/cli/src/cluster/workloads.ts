/** What is done to a node's workloads behind its agent's back: `chaos`, and `down` after an agent's death. */
import { workloadProcesses } from "@flotilla/agent";
import { signal } from "./processes.ts";

/** Processes may start others while they are killed: look again, this often at most. */
const sweepsMax = 10;

/** Kills every workload process of a node. */
export function killWorkloads({ dataDir }: { readonly dataDir: string }): void {
  for (let sweep = 0; sweep < sweepsMax; sweep++) {
    const running = workloadProcesses(dataDir);
    if (running.length === 0) return;
    for (const pid of running) signal(pid, "SIGKILL");
  }
}

/** Sends a signal to every workload process of a node. */
export function signalWorkloads(
  { dataDir }: { readonly dataDir: string },
  name: NodeJS.Signals,
): void {
  for (const pid of workloadProcesses(dataDir)) signal(pid, name);
}
