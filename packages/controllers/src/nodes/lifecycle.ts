/**
 * The life of nodes: who is unreachable, what that means for its pods, and who is told.
 *
 * The signal is the node's Lease object, which the store removes when the node stops renewing it; so
 * a missing Lease is a death, not a suspicion. Source: Kubernetes pkg/controller/nodelifecycle, and
 * Splunk's quiet period: a fresh leader judges nobody for one grace period. Pure: memory goes in and
 * comes out; all spans are measured by the leader's monotonic clock.
 */
import {
  type Condition,
  conditionOf,
  formatTime,
  type Node,
  nodes,
  type Pod,
  pods,
} from "@flotilla/objects";
import { findCondition } from "../conditions.ts";
import { type Action, type Decision, decision, earliest, type Sequence } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { podIsActive } from "../pod-state.ts";
import { sameJson } from "../same-json.ts";
import { type Reachability, taintsOf } from "./node-taints.ts";

export interface LifecycleOptions {
  /** Nobody is judged for so long after the start. Default 4,000. */
  readonly graceMs: number;
  /** A node that never had a Lease has so long to get one. Default 20,000. */
  readonly startupGraceMs: number;
}

export interface LifecycleWorld {
  readonly nodes: readonly Node[];
  /** Names of the nodes whose Lease is there. */
  readonly leased: ReadonlySet<string>;
  readonly pods: readonly Pod[];
  /** Monotonic. */
  readonly nowMs: number;
  /** Unix milliseconds, for time stamps. */
  readonly wallNowMs: number;
}

export interface LifecycleMemory {
  /** When this leader started to look. */
  readonly startedMs: number;
  /** When it first saw each node, by uid. */
  readonly firstSeenMs: ReadonlyMap<string, number>;
}

/** Conditions that only the agent can know; Unknown while it is silent. */
const agentConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** Decides about all nodes at once. */
export function decideLifecycle(
  world: LifecycleWorld,
  memory: LifecycleMemory,
  options: LifecycleOptions,
): { decision: Decision; memory: LifecycleMemory } {
  const firstSeenMs = new Map<string, number>();
  const sequences: Sequence[] = [];
  let requeueAfterMs: number | undefined;
  for (const node of world.nodes) {
    const uid = node.metadata.uid ?? node.metadata.name;
    const seenMs = memory.firstSeenMs.get(uid) ?? world.nowMs;
    firstSeenMs.set(uid, seenMs);
    const dueMs = world.leased.has(node.metadata.name)
      ? undefined
      : deathDueMs(node, seenMs, memory, options);
    if (dueMs !== undefined && dueMs > world.nowMs) {
      requeueAfterMs = earliest(requeueAfterMs, dueMs - world.nowMs);
      continue; // Not judged yet: nothing about it changes.
    }
    const reachability = dueMs === undefined ? "reachable" : "unreachable";
    sequences.push(...nodeSequences(world, node, reachability));
  }
  return {
    decision: decision(sequences, requeueAfterMs),
    memory: { ...memory, firstSeenMs },
  };
}

/** From when on a node without a Lease counts as unreachable. */
function deathDueMs(
  node: Node,
  seenMs: number,
  { startedMs }: LifecycleMemory,
  { graceMs, startupGraceMs }: LifecycleOptions,
): number {
  const judgedFromMs = startedMs + graceMs;
  // It never reported: perhaps it is just starting.
  const isNew = conditionOf(node, "Ready") === undefined;
  return isNew ? Math.max(judgedFromMs, seenMs + startupGraceMs) : judgedFromMs;
}

function nodeSequences(world: LifecycleWorld, node: Node, reachability: Reachability): Sequence[] {
  const sequences: Sequence[] = [];
  // One write per node and look: the second would be refused, since the first changes the version.
  const write = nodeWrite(world, node, reachability);
  if (write.length > 0) sequences.push(write);
  // A node that can speak speaks for its pods itself: contradicting its agent would never end.
  if (reachability === "reachable") return sequences;
  for (const pod of world.pods) {
    if (pod.spec.nodeName !== node.metadata.name || !podIsActive(pod)) continue;
    sequences.push(...withdraw(pod, formatTime(world.wallNowMs)));
  }
  return sequences;
}

function nodeWrite(world: LifecycleWorld, node: Node, reachability: Reachability): Sequence {
  const now = formatTime(world.wallNowMs);
  if (isBeingDeleted(node)) return [];
  if (reachability === "unreachable") {
    const silenced = withUnknown(node, now);
    if (silenced !== undefined) return silenced;
  }
  const taints = taintsOf(node, reachability, now);
  if (sameJson(taints, node.spec?.taints)) return [];
  const object: Node = { ...node, spec: { ...node.spec, taints } };
  return [{ kind: "update", resource: nodes, object }];
}

/** Turns what the agent reported into Unknown, and tells the admins; undefined when it is so already. */
function withUnknown(node: Node, now: string): Sequence | undefined {
  const before = node.status?.conditions ?? [];
  const others = before.filter(({ type }) => !agentConditions.includes(type));
  const silent = agentConditions.map((type) =>
    silentCondition(findCondition(before, type), type, now),
  );
  const conditions = [...others, ...silent];
  const isSilent = agentConditions.every(
    (type) => findCondition(before, type)?.status === "Unknown",
  );
  if (isSilent) return undefined;
  const { name } = node.metadata;
  const object: Node = { ...node, status: { ...node.status, conditions } };
  const tell: Action[] = [
    { kind: "alert", message: "node is unreachable", fields: { node: name } },
    {
      kind: "event",
      about: node,
      type: "Warning",
      reason: "NodeNotReady",
      message: `Node ${name} status is now: NodeNotReady`,
    },
  ];
  return [{ kind: "updateStatus", resource: nodes, object }, ...tell];
}

function silentCondition(before: Condition | undefined, type: string, now: string): Condition {
  if (before?.status === "Unknown") return before;
  return {
    ...before,
    type,
    status: "Unknown",
    reason: before === undefined ? "NodeStatusNeverUpdated" : "NodeStatusUnknown",
    message:
      before === undefined
        ? "Kubelet never posted node status."
        : "Kubelet stopped posting node status.",
    lastTransitionTime: now,
  };
}

/** A pod that nobody vouches for is not ready: its endpoint goes. Its agent says when it is again. */
function withdraw(pod: Pod, now: string): Sequence[] {
  const before = pod.status?.conditions ?? [];
  const ready = findCondition(before, "Ready");
  if (ready === undefined || ready.status === "False") return [];
  const conditions = before.map((condition) =>
    condition.type === "Ready"
      ? {
          ...condition,
          status: "False" as const,
          reason: "NodeNotReady",
          message: `Node ${pod.spec.nodeName} is not ready`,
          lastTransitionTime: now,
        }
      : condition,
  );
  const object: Pod = { ...pod, status: { ...pod.status, conditions } };
  const message = "Node is not ready";
  return [
    [
      { kind: "updateStatus", resource: pods, object },
      { kind: "event", about: pod, type: "Warning", reason: "NodeNotReady", message },
    ],
  ];
}
