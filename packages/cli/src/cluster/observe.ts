/** What a local cluster looks like from outside: each process, each member's word, each node's state. */
import { readFileSync } from "node:fs";
import type { MemberStatus, ObjectClient } from "@flotilla/client";
import type { MemberDescription, MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { nodes as nodeResource, type Pod, pods as podResource } from "@flotilla/objects";
import { atEndpoint } from "../endpoints.ts";
import { reasonOf } from "../exit.ts";
import { callOf } from "../membership/description.ts";
import { isolationText, remarks } from "../membership/listing.ts";
import type { ClusterFile, ClusterMember } from "./cluster-file.ts";
import { isRunning } from "./processes.ts";
import { plainQuorum, type QuorumView, quorumOf } from "./quorum-view.ts";

/** A member that does not answer within this time is shown as such. */
const answerTimeoutMs = 1500;

export type ProcessState = "running" | "paused" | "stopped";

export interface MemberView {
  readonly name: string;
  readonly pid: number;
  readonly process: ProcessState;
  readonly role:
    | "leader"
    | "follower"
    | "learner"
    | "witness"
    | "no leader"
    | "unreachable"
    | "stopped";
  /** Weight of its vote; 1 as long as nobody tells otherwise. */
  readonly votes: number;
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
  readonly quorum: QuorumView;
  /** False when no member knows one. */
  readonly hasLeader: boolean;
  /** What is not the plain case: members that `up` did not start, a change under way, and the like. */
  readonly remarks: readonly string[];
  readonly kubeconfig: string;
  readonly entry: string;
  /** Why nodes and pods could not be asked for; empty when they were. */
  readonly apiProblem: string;
}

/** Asks everything once. */
export async function observe(cluster: ClusterFile, client: ObjectClient): Promise<ClusterView> {
  const [words, api] = await Promise.all([
    Promise.all(cluster.members.map(wordOf)),
    askApi(client),
  ]);
  const membership = membershipOf(words);
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
  return {
    members: words.map((word) => viewOfMember(word, membership)),
    nodes,
    ...viewOfQuorum(words, membership),
    kubeconfig,
    entry,
    apiProblem: api.problem,
  };
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

/** What one member says of itself and of the others, if it answers. */
interface Word {
  readonly member: ClusterMember;
  readonly process: ProcessState;
  readonly status: MemberStatus | undefined;
  readonly membership: MembershipDescription | undefined;
}

async function wordOf(member: ClusterMember): Promise<Word> {
  const process = processState(member);
  if (process === "stopped") return { member, process, status: undefined, membership: undefined };
  const [status, membership] = await Promise.all([
    endpointStatus(member.clientUrl),
    atEndpoint(member.clientUrl, (caller) => caller.describeMembership(answerTimeoutMs), {}).catch(
      () => undefined, // Others may say more.
    ),
  ]);
  return { member, process, status, membership };
}

/** Who takes part, by the word of a leader, else of anybody; undefined when nobody answers. */
function membershipOf(words: readonly Word[]): MembershipDescription | undefined {
  const given = words.map(({ membership }) => membership).filter((one) => one !== undefined);
  return given.find(({ leaderId }) => leaderId !== 0n) ?? given[0];
}

function viewOfMember(word: Word, membership: MembershipDescription | undefined): MemberView {
  const { process, status } = word;
  const { name, pid, clientUrl, apiUrl } = word.member;
  const described = membership && descriptionOf(word, membership);
  const { raftTerm: term = 0, raftAppliedIndex: appliedIndex = 0, header } = status ?? {};
  const revision = header?.revision ?? 0;
  const role = roleOf(word, described);
  const votes = described?.votes ?? 1;
  return { name, pid, process, role, votes, term, appliedIndex, revision, clientUrl, apiUrl };
}

/** By its id, or while it does not answer by its address. */
function descriptionOf(
  { member, status }: Word,
  { members }: MembershipDescription,
): MemberDescription | undefined {
  return members.find(({ id, peerUrls }) =>
    status === undefined ? peerUrls.includes(member.peerUrl) : id === status.header.memberId,
  );
}

function roleOf(
  { process, status }: Word,
  described: MemberDescription | undefined,
): MemberView["role"] {
  if (process === "stopped") return "stopped";
  if (status === undefined) return "unreachable";
  if (status.leaderId === 0n) return "no leader";
  if (status.leaderId === status.header.memberId) return "leader";
  if (described?.isLearner) return "learner";
  return described?.isWitness ? "witness" : "follower";
}

function viewOfQuorum(
  words: readonly Word[],
  membership: MembershipDescription | undefined,
): Pick<ClusterView, "quorum" | "hasLeader" | "remarks"> {
  const answering = words.filter(({ status }) => status !== undefined);
  if (membership === undefined) {
    const quorum = plainQuorum(words.length, answering.length);
    return { quorum, hasLeader: false, remarks: [] };
  }
  const local = new Set(words.map((word) => descriptionOf(word, membership)?.id));
  const heard = new Set(answering.map(({ status }) => status?.header.memberId));
  const strangers = membership.members.filter(({ id }) => !local.has(id));
  const quorum = quorumOf(
    membership,
    (id) => heard.has(id) || strangers.some((stranger) => stranger.id === id && stranger.isActive),
  );
  const also = strangers.map(
    (stranger) =>
      `Also a member: ${callOf(membership, nodeIdOf(stranger.id))} (${stranger.peerUrls.join(", ")}), ${stranger.isActive ? "which answers" : "which does not answer"}. \`flotilla member list\` says more.`,
  );
  const isolated = words.flatMap(({ member, membership: own }) =>
    own?.isolation === undefined
      ? []
      : [`${member.name} takes no part: ${isolationText(own.isolation)}.`],
  );
  return {
    quorum,
    hasLeader: membership.leaderId !== 0n,
    // Whose word it is does not matter here: each member's own isolation is told above.
    remarks: [...also, ...isolated, ...remarks({ ...membership, isolation: undefined }).slice(1)],
  };
}

/** A member's own word about itself; undefined when it does not answer. */
export async function endpointStatus(clientUrl: string): Promise<MemberStatus | undefined> {
  return atEndpoint(clientUrl, (caller) => caller.status(answerTimeoutMs), {}).catch(
    () => undefined, // What it did not say is what the caller shows.
  );
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
