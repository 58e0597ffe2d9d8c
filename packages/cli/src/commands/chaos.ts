/** `flotilla chaos`: does to a local cluster what a bad day does to a real one. */
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chaosSocketName, tellChaos } from "../chaos-socket.ts";
import { type ClusterFile, readClusterFile } from "../cluster/cluster-file.ts";
import { startOne } from "../cluster/launch.ts";
import { processState } from "../cluster/observe.ts";
import { cutOffs, parseGroups } from "../cluster/partition.ts";
import { signal, waitForExit } from "../cluster/processes.ts";
import { killWorkloads, signalWorkloads } from "../cluster/workloads.ts";
import { CommandError } from "../exit.ts";

interface Target {
  readonly name: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly kind: "member" | "node";
}

const killMs = 5000;
const print = (text: string) => process.stdout.write(`${text}\n`);

/** SIGKILL, workloads included: nothing gets a chance to say goodbye. */
export async function powerOff(name: string, dataDir: string): Promise<void> {
  const target = runningTarget(name, dataDir);
  signal(target.pid, "SIGKILL");
  if (target.kind === "node") killWorkloads(target);
  await waitForExit([target], killMs);
  if (target.kind === "node") killWorkloads(target); // What it started in its last moment.
  print(
    `${target.kind} ${name} is powered off. \`flotilla chaos power-on ${name}\` starts it again.`,
  );
}

/** Starts what was powered off, with the data it had. */
export async function powerOn(name: string, dataDir: string): Promise<void> {
  const home = resolve(dataDir);
  const cluster = readClusterFile(home);
  const kind = await startOne(cluster, home, name);
  if (kind === undefined) throw unknownName(cluster, name);
  print(`${kind} ${name} is powered on.`);
}

/** SIGSTOP: the process lives and does nothing, and its connections stay open. */
export async function pause(
  name: string,
  dataDir: string,
  seconds: number | undefined,
): Promise<void> {
  const target = runningTarget(name, dataDir);
  if (target.kind === "node") signalWorkloads(target, "SIGSTOP");
  signal(target.pid, "SIGSTOP");
  if (seconds === undefined) {
    print(`${target.kind} ${name} is paused. \`flotilla chaos resume ${name}\` lets it go on.`);
    return;
  }
  print(`${target.kind} ${name} is paused for ${seconds} s.`);
  await sleep(seconds * 1000);
  resumeTarget(target);
  print(`${target.kind} ${name} goes on.`);
}

export function resume(name: string, dataDir: string): void {
  const target = runningTarget(name, dataDir);
  resumeTarget(target);
  print(`${target.kind} ${name} goes on.`);
}

/** Members of different groups cannot reach each other; clients reach all of them. */
export async function partition(
  text: string,
  dataDir: string,
  seconds: number | undefined,
): Promise<void> {
  const { members, nodes } = readClusterFile(resolve(dataDir));
  const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
  const groups = parseGroups(text, names(members), names(nodes));
  const cuts = [...cutOffs(groups)].map(([name, others]) => {
    return { target: runningTarget(name, dataDir), others };
  });
  await Promise.all(cuts.map(({ target, others }) => tellChaos(socketOf(target), others)));
  const shown = groups.map((group) => group.join(", ")).join(" | ");
  if (seconds === undefined) {
    print(`Members are parted: ${shown}. \`flotilla chaos heal\` joins them again.`);
    return;
  }
  print(`Members are parted for ${seconds} s: ${shown}.`);
  await sleep(seconds * 1000);
  await heal(dataDir);
}

/** All members that run reach each other again. */
export async function heal(dataDir: string): Promise<void> {
  const { members } = readClusterFile(resolve(dataDir));
  const running = members.filter((one) => processState(one) !== "stopped");
  await Promise.all(running.map((member) => tellChaos(socketOf(member), [])));
  print("Members reach each other again.");
}

/** As short as can be: names of sockets may have about a hundred characters. */
function socketOf({ dataDir }: Pick<Target, "dataDir">): string {
  return relative(process.cwd(), join(dataDir, chaosSocketName));
}

function resumeTarget(target: Target): void {
  signal(target.pid, "SIGCONT");
  if (target.kind === "node") signalWorkloads(target, "SIGCONT");
}

function runningTarget(name: string, dataDir: string): Target {
  const target = findTarget(readClusterFile(resolve(dataDir)), name);
  if (processState(target) !== "stopped") return target;
  throw new CommandError(
    "badInput",
    `${target.kind} ${name} (pid ${target.pid}) does not run`,
    `\`flotilla chaos power-on ${name}\` starts it.`,
  );
}

function findTarget(cluster: ClusterFile, name: string): Target {
  const member = cluster.members.find((one) => one.name === name);
  if (member !== undefined) return { ...member, kind: "member" };
  const node = cluster.nodes.find((one) => one.name === name);
  if (node !== undefined) return { ...node, kind: "node" };
  throw unknownName(cluster, name);
}

function unknownName(cluster: ClusterFile, name: string): CommandError {
  const names = [...cluster.members, ...cluster.nodes].map((one) => one.name);
  return new CommandError(
    "badInput",
    `There is no member or node ${JSON.stringify(name)}`,
    `There are: ${names.join(", ")}.`,
  );
}
