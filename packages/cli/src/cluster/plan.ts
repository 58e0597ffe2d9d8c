/**
 * Which processes a local cluster consists of, on which ports, and with which flags.
 *
 * The plan of the first `up` is kept in cluster.json and used again by every later one: a member's
 * identity hangs on its peer URL.
 */
import { basename, join } from "node:path";
import { chaosSocketName } from "../chaos-socket.ts";
import { CommandError } from "../exit.ts";
import {
  type ClusterFile,
  type ClusterMember,
  type ClusterNode,
  initialClusterOf,
} from "./cluster-file.ts";
import { isFree, PortFinder } from "./ports.ts";
import { isRunning } from "./processes.ts";

export const host = "127.0.0.1";
/** Where the search for free ports starts (etcd's and Kubernetes' own defaults). */
export const firstPorts = { client: 2379, peer: 2380, api: 6443 } as const;

/** Half of etcd's defaults: members of a local cluster answer each other in well under 10 ms. */
const heartbeatMs = 100;
const electionMs = 500;

/** The pace of a local cluster; every member of it should have the same. */
export const localPace: readonly string[] = [
  ...["--heartbeat-interval", String(heartbeatMs)],
  ...["--election-timeout", String(electionMs)],
];

export interface PlanOptions {
  readonly dataDir: string;
  readonly members: number;
  readonly nodes: number;
  /** Where workloads' relative commands begin. */
  readonly cwd: string;
}

/** A plan for a data directory that never held a cluster. */
export async function newPlan({ dataDir, members, nodes, cwd }: PlanOptions): Promise<ClusterFile> {
  const ports = new PortFinder(host);
  const apiUrl = `https://${host}:${await ports.next(firstPorts.api)}`;
  const planned: ClusterMember[] = [];
  for (let at = 0; at < members; at++) {
    // Client and peer ports alternate, as in 2379/2380 of a single etcd.
    const clientPort = await ports.next(firstPorts.client + 2 * at);
    const peerPort = await ports.next(Math.max(firstPorts.peer + 2 * at, clientPort + 1));
    const apiPort = await ports.next(firstPorts.api + 1 + at);
    const name = `m${at + 1}`;
    planned.push({
      name,
      pid: 0,
      clientUrl: `http://${host}:${clientPort}`,
      peerUrl: `http://${host}:${peerPort}`,
      apiUrl: `https://${host}:${apiPort}`,
      dataDir: join(dataDir, name),
    });
  }
  const workers: ClusterNode[] = Array.from({ length: nodes }, (_, at) => ({
    name: `n${at + 1}`,
    pid: 0,
    dataDir: join(dataDir, `n${at + 1}`),
    cwd,
  }));
  return {
    members: planned,
    nodes: workers,
    apiUrl,
    kubeconfig: join(dataDir, "kubeconfig"),
    entry: "",
    dashboard: "",
  };
}

/**
 * The plan for a directory that held a cluster: the same processes. Client and API ports that
 * others took meanwhile are stepped over; a taken peer port ends the command.
 */
export async function renewedPlan(cluster: ClusterFile): Promise<ClusterFile> {
  const ports = new PortFinder(host);
  for (const member of cluster.members) {
    if (isRunning(member.pid, member.dataDir)) continue;
    if (!(await isFree(host, portOf(member.peerUrl)))) {
      throw new CommandError(
        "localIo",
        `Cannot start member ${member.name}: its peer address ${member.peerUrl} is taken by another process`,
        `Free that port (\`ss -ltnp | grep ${portOf(member.peerUrl)}\` shows who holds it) and run \`flotilla up\` again. The address is part of the member's identity.`,
      );
    }
    member.clientUrl = `http://${host}:${await ports.next(portOf(member.clientUrl))}`;
    member.apiUrl = `https://${host}:${await ports.next(portOf(member.apiUrl))}`;
  }
  const anyRunning = cluster.members.some(({ pid, dataDir }) => isRunning(pid, dataDir));
  if (!anyRunning) cluster.apiUrl = `https://${host}:${await ports.next(portOf(cluster.apiUrl))}`;
  return cluster;
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** The command line of one member. */
export function memberArguments(
  cluster: ClusterFile,
  member: ClusterMember,
  pki: { readonly cert: string; readonly key: string; readonly ca: string },
): string[] {
  return [
    ...["member", "--name", member.name, "--data-dir", member.dataDir],
    ...["--listen-client-urls", member.clientUrl, "--advertise-client-urls", member.clientUrl],
    ...["--listen-peer-urls", member.peerUrl, "--initial-advertise-peer-urls", member.peerUrl],
    ...["--initial-cluster", initialClusterOf(cluster), "--initial-cluster-token", "flotilla"],
    ...localPace,
    ...["--api-listen-url", member.apiUrl, "--api-shared-url", cluster.apiUrl],
    // Processes are started where the cluster's folder is: names of sockets must be short.
    ...["--chaos-socket", join(basename(member.dataDir), chaosSocketName)],
    ...["--api-cert-file", pki.cert, "--api-key-file", pki.key, "--api-client-ca-file", pki.ca],
  ];
}

/** The command line of one node. */
export function nodeArguments(cluster: ClusterFile, node: ClusterNode, dataDir: string): string[] {
  return [
    ...["node", "--name", node.name, "--data-dir", node.dataDir],
    ...["--server", cluster.members.map(({ apiUrl }) => apiUrl).join(",")],
    ...["--kubeconfig", nodeKubeconfig(dataDir, node.name)],
    ...["--volume-root", join(dataDir, "volumes")],
  ];
}

export function nodeKubeconfig(dataDir: string, name: string): string {
  return join(dataDir, "pki", `${name}.kubeconfig`);
}
