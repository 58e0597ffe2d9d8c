/** What a local cluster looks like from outside: each process, each member's word, each node's state. */
import { readFileSync } from "node:fs";
import type { ObjectClient } from "@flotilla/client";
import { nodes as nodeResource, type Pod, pods as podResource } from "@flotilla/objects";
import { type EndpointStatus, EtcdCaller } from "../etcd-caller.ts";
import { reasonOf } from "../exit.ts";
import type { ClusterFile, ClusterMember } from "./cluster-file.ts";
import { isRunning } from "./processes.ts";

/** A member that does not answer within this time is shown as such. */
const answerTimeoutMs = 1500;

export type ProcessState = "running" | "paused" | "stopped";

export interface MemberView {
  readonly name: string;
  readonly pid: number;
  readonly process: ProcessState;
  readonly role: "leader" | "follower" | "no leader" | "unreachable" | "stopped";
  readonly term: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly clientUrl: string;
  readonly apiUrl: string;
}

export interface NodeView {
  readonly name: string;
  readonly pid: number;
  readonly process: ProcessState;
  /** "Ready", "NotReady", "Unknown", or empty when the API could not be asked. */
  readonly condition: string;
  readonly pods: number;
  readonly readyPods: number;
}

export interface ClusterView {
  readonly members: readonly MemberView[];
  readonly nodes: readonly NodeView[];
  readonly kubeconfig: string;
  readonly entry: string;
  /** Why nodes and pods could not be asked for; empty when they were. */
  readonly apiProblem: string;
}

/** Asks everything once. */
export async function observe(cluster: ClusterFile, client: ObjectClient): Promise<ClusterView> {
  const [members, api] = await Promise.all([
    Promise.all(cluster.members.map(viewOfMember)),
    askApi(client),
  ]);
  const nodes = cluster.nodes.map((node) => {
    const here = api.pods.filter(({ spec }) => spec.nodeName === node.name);
    return {
      name: node.name,
      pid: node.pid,
      process: processState(node),
      condition: api.conditions.get(node.name) ?? "",
      pods: here.length,
      readyPods: here.filter(isReady).length,
    };
  });
  const { kubeconfig, entry } = cluster;
  return { members, nodes, kubeconfig, entry, apiProblem: api.problem };
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

async function viewOfMember(member: ClusterMember): Promise<MemberView> {
  const process = processState(member);
  const { name, pid, clientUrl, apiUrl } = member;
  const silent = { name, pid, process, term: 0, appliedIndex: 0, revision: 0, clientUrl, apiUrl };
  if (process === "stopped") return { ...silent, role: "stopped" };
  const status = await endpointStatus(clientUrl);
  if (status === undefined) return { ...silent, role: "unreachable" };
  return {
    ...silent,
    role:
      status.leaderId === 0n
        ? "no leader"
        : status.leaderId === status.memberId
          ? "leader"
          : "follower",
    term: status.term,
    appliedIndex: status.appliedIndex,
    revision: status.revision,
  };
}

/** A member's own word about itself; undefined when it does not answer. */
export async function endpointStatus(clientUrl: string): Promise<EndpointStatus | undefined> {
  const caller = await EtcdCaller.open(clientUrl);
  try {
    return await caller.status(answerTimeoutMs);
  } catch {
    return undefined; // What it did not say is what the caller shows.
  } finally {
    caller.close();
  }
}

async function askApi(client: ObjectClient): Promise<{
  readonly conditions: ReadonlyMap<string, string>;
  readonly pods: readonly Pod[];
  readonly problem: string;
}> {
  try {
    const [nodes, pods] = await Promise.all([client.list(nodeResource), client.list(podResource)]);
    const conditions = nodes.items.map(({ metadata, status }) => {
      const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
      const word = ready === "True" ? "Ready" : ready === "False" ? "NotReady" : "Unknown";
      return [metadata.name, word] as const;
    });
    return { conditions: new Map(conditions), pods: pods.items, problem: "" };
  } catch (error) {
    return { conditions: new Map(), pods: [], problem: reasonOf(error) };
  }
}

/** Whether a process runs, and whether it was stopped by a signal (`chaos pause`). */
export function processState(target: {
  readonly pid: number;
  readonly dataDir: string;
}): ProcessState {
  if (!isRunning(target.pid, target.dataDir)) return "stopped";
  try {
    const stopped = /^State:\s+T/m.test(readFileSync(`/proc/${target.pid}/status`, "utf8"));
    return stopped ? "paused" : "running";
  } catch {
    return "running"; // No /proc on this system: a pause cannot be told from outside.
  }
}
