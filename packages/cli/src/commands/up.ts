/** `flotilla up`: a whole cluster on this machine, new or as it was left. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ObjectClient } from "@flotilla/client";
import { services } from "@flotilla/objects";
import { type ClusterFile, findClusterFile, writeClusterFile } from "../cluster/cluster-file.ts";
import { connect } from "../cluster/connect.ts";
import { prepareKeys, startMembers, startNodes, waitForLeader } from "../cluster/launch.ts";
import { applyManifest, type Manifest, readManifests } from "../cluster/manifests.ts";
import { newPlan, type PlanOptions, renewedPlan } from "../cluster/plan.ts";
import { isRunning } from "../cluster/processes.ts";
import { entryOf, unready } from "../cluster/readiness.ts";
import { CommandError, reasonOf } from "../exit.ts";
import { table } from "../table.ts";
import { down } from "./down.ts";
import { followEvents } from "./events.ts";

export interface UpOptions {
  readonly members: number;
  readonly nodes: number;
  readonly dataDir: string;
  readonly detach: boolean;
  readonly apply: readonly string[];
  readonly example: boolean;
  /** Seconds until everything has to be Ready. */
  readonly timeout: number;
}

/** The repository that this program runs from; its example is what `up` brings along. */
const home = fileURLToPath(new URL("../../../../../", import.meta.url));
const exampleFile = join("examples", "shop", "shop.yaml");
const pollMs = 100;
const membersMax = 9;
const nodesMax = 50;

export async function up(options: UpOptions): Promise<void> {
  checkCounts(options);
  const dataDir = resolve(options.dataDir);
  const deadlineMs = performance.now() + options.timeout * 1000;
  const withExample = options.example && existsSync(join(home, exampleFile));
  const files = [...(withExample ? [join(home, exampleFile)] : []), ...options.apply];
  const manifests = files.flatMap(readManifests); // Before anything starts: a typo costs nothing.

  // The example's commands are relative to the repository, everything else to where the user is.
  const cwd = withExample ? home : process.cwd();
  const cluster = await planFor(dataDir, { ...options, dataDir, cwd });
  const pki = await prepareKeys(cluster, dataDir);
  startMembers(cluster, dataDir, pki);
  await waitForLeader(cluster, deadlineMs);
  startNodes(cluster, dataDir);

  const servers = [cluster.apiUrl, ...cluster.members.map(({ apiUrl }) => apiUrl)];
  const client = connect(servers, cluster.kubeconfig);
  try {
    await settle(client, cluster, manifests, { ...options, dataDir, deadlineMs });
    if (!options.detach) await stayInForeground(client, dataDir);
  } finally {
    client.close();
  }
}

/** Applies everything, waits until it is Ready, and says what there is. */
async function settle(
  client: ObjectClient,
  cluster: ClusterFile,
  manifests: readonly Manifest[],
  options: UpOptions & { readonly deadlineMs: number },
): Promise<void> {
  const { dataDir, deadlineMs } = options;
  await applyAll(client, manifests, deadlineMs);
  const problems = await waitUntilReady(client, cluster, manifests, deadlineMs);
  cluster.entry = await findEntry(client).catch(() => ""); // The problems say why.
  writeClusterFile(dataDir, cluster);
  print(summary(cluster, dataDir));
  if (problems.length > 0) {
    throw new CommandError(
      "timeout",
      `Not everything is ready after ${options.timeout} s:\n  ${problems.join("\n  ")}`,
      `What runs goes on. \`flotilla status\` shows it, \`kubectl --kubeconfig ${cluster.kubeconfig} describe pods\` says more.`,
    );
  }
}

const print = (text: string) => process.stdout.write(`${text}\n`);

function checkCounts({ members, nodes }: UpOptions): void {
  const fits = (count: number, low: number, high: number) =>
    Number.isInteger(count) && count >= low && count <= high;
  if (!fits(members, 1, membersMax)) {
    throw new CommandError(
      "wrongArguments",
      `--members must be 1 to ${membersMax}, got ${members}`,
    );
  }
  if (!fits(nodes, 0, nodesMax)) {
    throw new CommandError("wrongArguments", `--nodes must be 0 to ${nodesMax}, got ${nodes}`);
  }
}

async function planFor(dataDir: string, options: PlanOptions): Promise<ClusterFile> {
  const found = findClusterFile(dataDir);
  if (found === undefined) return newPlan(options);
  const running = (target: { pid: number; dataDir: string }) =>
    isRunning(target.pid, target.dataDir);
  if (found.members.every(running) && found.nodes.every(running)) {
    print(`The cluster in ${dataDir} is up already; applying what was asked for.`);
  }
  return renewedPlan(found);
}

async function applyAll(
  client: ObjectClient,
  manifests: readonly Manifest[],
  deadlineMs: number,
): Promise<void> {
  for (const manifest of manifests) {
    const what = await retried(() => applyManifest(client, manifest), deadlineMs);
    print(`${manifest.resource.kind.toLowerCase()}/${manifest.object.metadata.name} ${what}`);
  }
}

/** The API of a member that has just started may refuse for a moment: try until the deadline. */
async function retried<T>(attempt: () => Promise<T>, deadlineMs: number): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof CommandError || performance.now() > deadlineMs) throw error;
      await sleep(pollMs);
    }
  }
}

async function waitUntilReady(
  client: ObjectClient,
  cluster: ClusterFile,
  manifests: readonly Manifest[],
  deadlineMs: number,
): Promise<string[]> {
  const names = cluster.nodes.map(({ name }) => name);
  for (;;) {
    const problems = await unready(client, names, manifests).catch((error: unknown) => [
      `the Kubernetes API does not answer: ${reasonOf(error)}`,
    ]);
    if (problems.length === 0 || performance.now() > deadlineMs) return problems;
    await sleep(pollMs);
  }
}

async function findEntry(client: ObjectClient): Promise<string> {
  const { items } = await client.list(services);
  return items.map(entryOf).find((url) => url !== undefined) ?? "";
}

function summary(cluster: ClusterFile, dataDir: string): string {
  const members = table(
    ["MEMBER", "PID", "ETCD CLIENTS", "KUBERNETES API"],
    cluster.members.map((m) => [m.name, String(m.pid), m.clientUrl, m.apiUrl]),
  );
  const nodes = table(
    ["NODE", "PID", "DATA"],
    cluster.nodes.map((n) => [n.name, String(n.pid), n.dataDir]),
  );
  const endpoints = cluster.members.map(({ clientUrl }) => new URL(clientUrl).host).join(",");
  const where = dataDir === resolve(".flotilla") ? "" : ` --data-dir ${dataDir}`;
  return [
    "",
    members,
    "",
    nodes,
    "",
    ...(cluster.entry === ""
      ? []
      : [`Entry        ${cluster.entry}    try: curl ${cluster.entry}`]),
    `kubectl      export KUBECONFIG=${cluster.kubeconfig}`,
    `etcdctl      export ETCDCTL_ENDPOINTS=${endpoints}`,
    `Try next     flotilla status${where}    flotilla chaos power-off n1${where}    flotilla down${where}`,
  ].join("\n");
}

/** Prints what happens until Ctrl-C, then stops the cluster and keeps its data. */
async function stayInForeground(client: ObjectClient, dataDir: string): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  print(`\nRunning in the foreground; Ctrl-C stops everything and keeps the data in ${dataDir}.\n`);
  await followEvents(client, stop.signal);
  await down({ dataDir, purge: false });
}
