/** Starts what a plan names and does not run yet: keys, members, nodes. */
import { CommandError } from "../exit.ts";
import { makeDirectories } from "../make-directories.ts";
import { describe } from "../membership/look.ts";
import type { Patience } from "../patience.ts";
import { Pki } from "./certificates.ts";
import { type ClusterFile, type ClusterMember, writeClusterFile } from "./cluster-file.ts";
import { formerText, retire } from "./former-members.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { endpointStatus } from "./observe.ts";
import { host, memberArguments, nodeArguments, nodeKubeconfig } from "./plan.ts";
import { isRunning, logFileName, startDetached } from "./processes.ts";
import type { ExpectedNode } from "./readiness.ts";

/** How often a leader is looked for once a member has ended: some seconds, which are several elections. */
const leaderLooksMax = 100;

/** Certificates and kubeconfigs; those that are there stay. */
export async function prepareKeys(cluster: ClusterFile, dataDir: string): Promise<Pki> {
  makeDirectories(dataDir);
  const pki = await Pki.open(dataDir);
  const names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  await Promise.all(
    cluster.members.map(({ name }) => pki.server(name, [...names, host, "10.96.0.1"])),
  );
  const servers = [
    { name: "flotilla", url: cluster.apiUrl },
    ...cluster.members.map(({ name, apiUrl }) => ({ name: `flotilla-${name}`, url: apiUrl })),
  ];
  const caCert = pki.caCert;
  const admin = await pki.client("admin", { commonName: "admin", organization: "system:masters" });
  writeKubeconfig(cluster.kubeconfig, { servers, user: "admin", caCert, client: admin });
  for (const { name } of cluster.nodes) {
    const user = `system:node:${name}`;
    const subject = { commonName: user, organization: "system:nodes" };
    const client = await pki.client(`node-${name}`, subject);
    writeKubeconfig(nodeKubeconfig(dataDir, name), { servers, user, caCert, client });
  }
  return pki;
}

/** Starts the members that do not run, and notes their pids in cluster.json. */
export function startMembers(cluster: ClusterFile, dataDir: string, pki: Pki): void {
  for (const member of cluster.members) startMember(cluster, member, dataDir, pki);
  writeClusterFile(dataDir, cluster);
}

/** Starts the nodes that do not run, notes their pids in cluster.json, and says what to expect of all. */
export function startNodes(cluster: ClusterFile, dataDir: string): ExpectedNode[] {
  const expected = cluster.nodes.map((node) => {
    const startedAtMs = isRunning(node.pid, node.dataDir) ? 0 : Date.now();
    startNode(cluster, node, dataDir);
    return { name: node.name, startedAtMs };
  });
  writeClusterFile(dataDir, cluster);
  return expected;
}

/** Starts one member or node by name, unless it runs; false when nothing has that name. */
export async function startOne(
  cluster: ClusterFile,
  dataDir: string,
  name: string,
): Promise<"member" | "node" | undefined> {
  const member = cluster.members.find((one) => one.name === name);
  const node = cluster.nodes.find((one) => one.name === name);
  if (member !== undefined) startMember(cluster, member, dataDir, await Pki.open(dataDir));
  else if (node !== undefined) startNode(cluster, node, dataDir);
  else return undefined;
  writeClusterFile(dataDir, cluster);
  return member === undefined ? "node" : "member";
}

function startMember(
  cluster: ClusterFile,
  member: ClusterFile["members"][number],
  dataDir: string,
  pki: Pki,
): void {
  if (isRunning(member.pid, member.dataDir)) return;
  const paths = pki.paths(member.name);
  member.pid = startDetached(memberArguments(cluster, member, paths), member.dataDir, dataDir);
}

function startNode(
  cluster: ClusterFile,
  node: ClusterFile["nodes"][number],
  dataDir: string,
): void {
  if (isRunning(node.pid, node.dataDir)) return;
  node.pid = startDetached(nodeArguments(cluster, node, dataDir), node.dataDir, node.cwd);
}

/**
 * Members that ended while they should start: where the others are a cluster without them, they were
 * removed and are not started again. Otherwise that ends the command.
 */
async function goOnWithout(
  ended: readonly ClusterMember[],
  {
    cluster,
    dataDir,
    patience,
  }: { readonly cluster: ClusterFile; readonly dataDir: string; readonly patience: Patience },
): Promise<void> {
  const removed = await outsiders(ended, cluster, patience);
  const [dead] = ended.filter((one) => !removed.includes(one));
  if (dead !== undefined) {
    throw new CommandError(
      "refused",
      `Member ${dead.name} ended while the cluster started`,
      `Its log says why: ${dead.dataDir}/${logFileName}`,
    );
  }
  retire(cluster, removed);
  writeClusterFile(dataDir, cluster);
  process.stdout.write(`${formerText(cluster, dataDir)}\n`);
}

/** Those whom the leader of the others does not know; none when there is no leader in time. */
async function outsiders(
  ended: readonly ClusterMember[],
  cluster: ClusterFile,
  patience: Patience,
): Promise<readonly ClusterMember[]> {
  const running = cluster.members.filter((one) => !ended.includes(one));
  if (running.length === 0) return [];
  const endpoints = running.map(({ clientUrl }) => clientUrl).join(",");
  for (let looks = 0; looks < leaderLooksMax && !patience.isOver; looks++) {
    const seen = await describe({ dataDir: ".", endpoints }).catch(() => undefined);
    if (seen !== undefined && seen.description.leaderId !== 0n) {
      const inside = new Set(seen.description.members.flatMap(({ peerUrls }) => peerUrls));
      return ended.filter(({ peerUrl }) => !inside.has(peerUrl));
    }
    await patience.pause();
  }
  return [];
}

/** Resolves once a leader is known to a majority; ends the command when a member dies or time is up. */
export async function waitForLeader(
  cluster: ClusterFile,
  dataDir: string,
  patience: Patience,
): Promise<void> {
  for (;;) {
    const ended = cluster.members.filter(({ pid, dataDir }) => !isRunning(pid, dataDir));
    if (ended.length > 0) await goOnWithout(ended, { cluster, dataDir, patience });
    const answers = await Promise.all(cluster.members.map((m) => endpointStatus(m.clientUrl)));
    const led = answers.filter((status) => status !== undefined && status.leaderId !== 0n).length;
    if (led * 2 > cluster.members.length) return;
    if (patience.isOver) {
      throw new CommandError(
        "timeout",
        `The members did not elect a leader in time: ${led} of ${cluster.members.length} know one`,
        `Their logs: ${cluster.members.map((m) => `${m.dataDir}/${logFileName}`).join(", ")}`,
      );
    }
    await patience.pause();
  }
}
