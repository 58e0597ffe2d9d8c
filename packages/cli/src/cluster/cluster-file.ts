/**
 * `cluster.json`: what `up` started and where, for `down`, `status`, `chaos` and other programs.
 * Its shape is a promise to users (ARCHITECTURE.md, "The contract").
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError, reasonOf } from "../exit.ts";
import { makeDirectories } from "../make-directories.ts";

export interface ClusterMember {
  name: string;
  /** 0 while it was never started, and after `down`. */
  pid: number;
  clientUrl: string;
  peerUrl: string;
  apiUrl: string;
  dataDir: string;
}

export interface ClusterNode {
  name: string;
  pid: number;
  dataDir: string;
  /** Where its workloads' relative commands begin. */
  cwd: string;
}

export interface ClusterFile {
  members: ClusterMember[];
  /** Members no more: removed, or left behind by a forced recovery. Not started; absent is none. */
  former?: ClusterMember[];
  /**
   * `--initial-cluster` of every start: who founded the cluster, for the cluster's id hangs on it. Absent
   * as long as that is `members`.
   */
  initialCluster?: string;
  nodes: ClusterNode[];
  /** The Kubernetes API's address that moves to a living member; each member has its own `apiUrl` too. */
  apiUrl: string;
  /** Path of a kubeconfig that any kubectl accepts. */
  kubeconfig: string;
  /** URL of the first LoadBalancer service; empty when there is none. */
  entry: string;
  /** URL of the dashboard; empty while there is none. */
  dashboard: string;
}

export const clusterFileName = "cluster.json";

/** Reads `<dataDir>/cluster.json`; undefined when there is none. */
export function findClusterFile(dataDir: string): ClusterFile | undefined {
  const path = join(dataDir, clusterFileName);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CommandError("localIo", `Cannot read ${path}: ${reasonOf(error)}`);
  }
  try {
    return JSON.parse(text) as ClusterFile;
  } catch (error) {
    throw new CommandError(
      "localIo",
      `Cannot read ${path}: it is not JSON (${reasonOf(error)})`,
      "If its processes are gone, delete the file and run `flotilla up` again: members and nodes keep their data.",
      error,
    );
  }
}

/** Who founded the cluster, whoever takes part by now. */
export function initialClusterOf({ initialCluster, members }: ClusterFile): string {
  return initialCluster ?? members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
}

/** True once `down` has ended everything; what only died is not down. */
export function isDown(cluster: ClusterFile | undefined): boolean {
  if (cluster === undefined) return true;
  return [...cluster.members, ...cluster.nodes].every(({ pid }) => pid === 0);
}

/** Reads `<dataDir>/cluster.json`, or ends the command and says how to get one. */
export function readClusterFile(dataDir: string): ClusterFile {
  const found = findClusterFile(dataDir);
  if (found !== undefined) return found;
  throw new CommandError(
    "localIo",
    `There is no cluster in ${resolve(dataDir)}: ${clusterFileName} is missing`,
    "Start one with `flotilla up`, or name another folder with --data-dir.",
  );
}

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeClusterFile(dataDir: string, cluster: ClusterFile): void {
  const path = join(dataDir, clusterFileName);
  makeDirectories(dataDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(cluster, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
