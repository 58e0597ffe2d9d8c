/** Members of a local cluster that do not belong to it any more: they are not started, and their data stays. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { listed } from "../membership/description.ts";
import {
  type ClusterFile,
  type ClusterMember,
  findClusterFile,
  initialClusterOf,
  writeClusterFile,
} from "./cluster-file.ts";
import { isRunning } from "./processes.ts";

/** From now on `up` starts only the others. */
export function retire(cluster: ClusterFile, retired: readonly ClusterMember[]): void {
  leaveOut(cluster, retired);
  cluster.former = [...(cluster.former ?? []), ...retired];
}

/** Takes members out, and nothing else of them: those that stay keep the cluster that they were made with. */
export function leaveOut(cluster: ClusterFile, gone: readonly ClusterMember[]): void {
  cluster.initialCluster = initialClusterOf(cluster);
  cluster.members = cluster.members.filter((one) => !gone.includes(one));
}

/** Forgets those whose data is gone: under that name somebody new may come. */
export function forgetWiped(cluster: ClusterFile): void {
  const kept = (cluster.former ?? []).filter(
    ({ pid, dataDir }) => existsSync(dataDir) || isRunning(pid, dataDir),
  );
  if (kept.length > 0) cluster.former = kept;
  else delete cluster.former;
}

/** Who is not started, and how to get one back; empty when there is nobody. */
export function formerText({ former = [] }: ClusterFile, home: string): string {
  const [first] = former;
  if (first === undefined) return "";
  const names = listed(former.map(({ name }) => name));
  const running = former.filter(({ pid, dataDir }) => isRunning(pid, dataDir));
  const end = running.map(({ name, pid }) => `end ${name} (pid ${pid}), which still runs, `);
  return [
    `\`flotilla up\` does not start ${names}: the cluster goes on without ${former.length === 1 ? "it" : "them"}, after a removal or a recovery by force.`,
    `To get one back: ${end.join("")}delete its data (${former.map(({ dataDir }) => dataDir).join(", ")}), and add it anew: \`flotilla member add ${first.name} --peer-urls ${first.peerUrl}${flagFor(home)}\`.`,
  ].join("\n");
}

function flagFor(home: string): string {
  return home === resolve(".flotilla") ? "" : ` --data-dir ${home}`;
}

/**
 * After a forced recovery of the member in `dataDir`: if `up` knows it, it is the only one that `up`
 * starts. Returns what to do next, or undefined when `up` does not know it.
 */
export function recoverLocally(dataDir: string): string | undefined {
  const home = dirname(dataDir);
  const cluster = findClusterFile(home);
  const known = [...(cluster?.members ?? []), ...(cluster?.former ?? [])];
  const survivor = known.find((one) => one.dataDir === dataDir);
  if (cluster === undefined || survivor === undefined) return undefined;
  cluster.initialCluster = initialClusterOf(cluster);
  cluster.members = [survivor];
  cluster.former = known.filter((one) => one !== survivor);
  forgetWiped(cluster);
  writeClusterFile(home, cluster);
  return [
    `Recovered: \`flotilla up${flagFor(home)}\` starts ${survivor.name}, and it leads alone.`,
    formerText(cluster, home),
  ]
    .filter((line) => line !== "")
    .join("\n");
}
