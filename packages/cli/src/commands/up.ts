/** `flotilla up`: a whole cluster on this machine, new or as it was left. */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectClient } from "@flotilla/client";
import { services } from "@flotilla/objects";
import {
  type ClusterFile,
  findClusterFile,
  isDown,
  writeClusterFile,
} from "../cluster/cluster-file.ts";
import { connect } from "../cluster/connect.ts";
import { exampleManifests, home, withFreeEntries } from "../cluster/example.ts";
import { forgetWiped, formerText } from "../cluster/former-members.ts";
import { prepareKeys, startMembers, startNodes, waitForLeader } from "../cluster/launch.ts";
import { applyManifest, type Manifest, readManifests } from "../cluster/manifests.ts";
import { newPlan, type PlanOptions, renewedPlan } from "../cluster/plan.ts";
import { isRunning } from "../cluster/processes.ts";
import { type ExpectedNode, entryOf, unready } from "../cluster/readiness.ts";
import { CommandError, reasonOf } from "../exit.ts";
import { Patience } from "../patience.ts";
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

const membersMax = 9;
const nodesMax = 50;
/** How often a cluster in the foreground is looked at, to see whether it was taken down. */
const downLookMs = 200;

export async function up(options: UpOptions): Promise<void> {
  checkCounts(options);
  const given = options.apply.flatMap(readManifests); // Before anything starts: a typo costs nothing.
  const interrupt = new AbortController();
  // Heard more than once: npm hands a terminal's Ctrl-C on to a process that got it already.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupt.abort());
  try {
    await bringUp(options, given, interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted && !options.detach) await down({ ...options, purge: false });
    throw error;
  }
}

async function bringUp(
  options: UpOptions,
  given: readonly Manifest[],
  interrupt: AbortSignal,
): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const patience = new Patience(options.timeout * 1000, interrupt);
  const example = options.example ? exampleManifests() : [];
  // The example's commands are relative to the repository, everything else to where the user is.
  const cwd = example.length > 0 ? home : process.cwd();
  const cluster = await planFor(dataDir, { ...options, dataDir, cwd });
  const pki = await prepareKeys(cluster, dataDir);
  startMembers(cluster, dataDir, pki);
  await waitForLeader(cluster, dataDir, patience);
  const nodes = startNodes(cluster, dataDir);

  const servers = [cluster.apiUrl, ...cluster.members.map(({ apiUrl }) => apiUrl)];
  const client = connect(servers, cluster.kubeconfig);
  try {
    const placed = await patience.until(() => withFreeEntries(client, example));
    await applyAll(client, [...placed, ...given], patience);
    const problems = await waitUntilReady(client, nodes, patience);
    cluster.entry = await findEntry(client).catch(() => ""); // The problems say why.
    writeClusterFile(dataDir, cluster);
    print(summary(cluster, dataDir));
    const verdict = problems.length === 0 ? undefined : notReady(cluster, problems, options);
    if (options.detach && verdict !== undefined) throw verdict;
    if (verdict !== undefined) print(`\n${verdict.message}\n${verdict.hint}`);
    if (!options.detach) await stayInForeground(client, dataDir, interrupt);
  } finally {
    client.close();
  }
}

async function applyAll(
  client: ObjectClient,
  manifests: readonly Manifest[],
  patience: Patience,
): Promise<void> {
  for (const manifest of manifests) {
    const what = await patience.until(() => applyManifest(client, manifest));
    print(`${manifest.resource.kind.toLowerCase()}/${manifest.object.metadata.name} ${what}`);
  }
}

function notReady(
  cluster: ClusterFile,
  problems: readonly string[],
  { timeout }: UpOptions,
): CommandError {
  return new CommandError(
    "timeout",
    `Not everything is ready after ${timeout} s:\n  ${problems.join("\n  ")}`,
    `What runs goes on. \`flotilla status\` shows it, \`kubectl --kubeconfig ${cluster.kubeconfig} describe pods\` says more.`,
  );
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
  forgetWiped(found);
  if (found.former !== undefined) print(formerText(found, dataDir));
  const running = (target: { pid: number; dataDir: string }) =>
    isRunning(target.pid, target.dataDir);
  if (found.members.every(running) && found.nodes.every(running)) {
    print(`The cluster in ${dataDir} is up already; applying what was asked for.`);
  }
  return renewedPlan(found);
}

/** Returns what is not Ready when time is up. */
async function waitUntilReady(
  client: ObjectClient,
  nodes: readonly ExpectedNode[],
  patience: Patience,
): Promise<string[]> {
  for (;;) {
    const problems = await unready(client, nodes).catch((error: unknown) => [
      `the Kubernetes API does not answer: ${reasonOf(error)}`,
    ]);
    if (problems.length === 0 || patience.isOver) return problems;
    await patience.pause();
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
    `Try next     npx flotilla status${where}    npx flotilla chaos power-off n1${where}    npx flotilla down${where}`,
  ].join("\n");
}

/** Prints what happens until Ctrl-C, then stops the cluster and keeps its data; or until others stopped it. */
async function stayInForeground(
  client: ObjectClient,
  dataDir: string,
  interrupt: AbortSignal,
): Promise<void> {
  print(`\nRunning in the foreground. Ctrl-C stops everything and keeps the data in ${dataDir}.\n`);
  const ended = new AbortController();
  const either = AbortSignal.any([interrupt, ended.signal]);
  void untilDown(dataDir, either).then(() => ended.abort());
  await followEvents(client, either);
  if (!interrupt.aborted) {
    print("The cluster was taken down by another command.");
    return;
  }
  print("Stopping: workloads first, then the members.");
  await down({ dataDir, purge: false });
}

/** Resolves once `down` has ended the cluster, or the signal aborts. */
async function untilDown(dataDir: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !isDown(findClusterFile(dataDir))) {
    await sleep(downLookMs, undefined, { signal }).catch(() => {}); // The loop's condition tells.
  }
}
