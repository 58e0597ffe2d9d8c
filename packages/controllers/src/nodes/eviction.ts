/**
 * Eviction: pods leave nodes whose NoExecute taints they do not tolerate (any longer).
 *
 * Source: Kubernetes pkg/controller/tainteviction. A toleration's seconds count from when this leader
 * saw both the taint and the pod on the node, by its monotonic clock. See disruption.ts for when evictions stop. Pure: memory goes
 * in and comes out.
 */
import {
  conditionOf,
  matchingTolerations,
  type Node,
  type Pod,
  pods,
  type Taint,
} from "@flotilla/objects";
import { type Decision, decision, earliest, type Sequence } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { podIsActive } from "../pod-state.ts";
import { type Disruption, disruptionOf } from "./disruption.ts";
import { notReadyTaint, unreachableTaint } from "./node-taints.ts";

export interface EvictionOptions {
  /**
   * How long a pod that says nothing about it stays on an unreachable node. Default 0; Kubernetes'
   * admission gives it 300 s.
   */
  readonly defaultTolerationSeconds: number;
  /**
   * The same for a node that says itself that it is not ready: its pods may well be running, so
   * there is less of a hurry. Default 30; 300 s in Kubernetes.
   */
  readonly notReadyTolerationSeconds: number;
  /**
   * Evictions from unhealthy nodes wait so long after the taint: when all nodes vanish at once their
   * Leases end within one renewal interval (1 s), and the brake must see them all. Default 1,500.
   */
  readonly settleMs: number;
  /** After the brake is released, the nodes that are still missing have so long to come back. */
  readonly graceMs: number;
}

export interface EvictionWorld {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Monotonic. */
  readonly nowMs: number;
}

export interface EvictionMemory {
  /** When each NoExecute taint was first seen, by node and taint. */
  readonly sinceMs: ReadonlyMap<string, number>;
  /** When each pod was first seen on a node with such a taint, by uid. */
  readonly exposedMs: ReadonlyMap<string, number>;
  readonly disruption: Disruption;
  /** Nothing is evicted from unhealthy nodes before this moment. */
  readonly heldUntilMs: number;
}

/** Memory of a leader that starts now and waits `graceMs` first. */
export function freshEvictionMemory(nowMs: number, graceMs: number): EvictionMemory {
  return {
    sinceMs: new Map(),
    exposedMs: new Map(),
    disruption: "none",
    heldUntilMs: nowMs + graceMs,
  };
}

/** Decides which pods leave now, and when the next one would. */
export function decideEvictions(
  world: EvictionWorld,
  memory: EvictionMemory,
  options: EvictionOptions,
): { decision: Decision; memory: EvictionMemory } {
  const next = remember(world, memory, options);
  const sequences: Sequence[] = [...brakeAlert(world, memory.disruption, next.disruption)];
  let requeueAfterMs: number | undefined;
  const byName = new Map(world.nodes.map((node) => [node.metadata.name, node]));
  for (const pod of world.pods) {
    const node = byName.get(pod.spec.nodeName ?? "");
    if (node === undefined || !podIsActive(pod)) continue;
    const dueMs = evictionDueMs(node, pod, next, options);
    if (dueMs === undefined) continue;
    if (dueMs > world.nowMs) requeueAfterMs = earliest(requeueAfterMs, dueMs - world.nowMs);
    else sequences.push(eviction(pod));
  }
  return { decision: decision(sequences, requeueAfterMs), memory: next };
}

function remember(
  world: EvictionWorld,
  memory: EvictionMemory,
  { graceMs }: EvictionOptions,
): EvictionMemory {
  const sinceMs = new Map<string, number>();
  let unhealthy = 0;
  for (const node of world.nodes) {
    if (isUnhealthy(node)) unhealthy++;
    for (const taint of noExecuteTaints(node)) {
      const key = taintKey(node, taint);
      sinceMs.set(key, memory.sinceMs.get(key) ?? world.nowMs);
    }
  }
  const disruption = disruptionOf({ healthy: world.nodes.length - unhealthy, unhealthy });
  const isReleased = memory.disruption !== "none" && disruption === "none";
  const heldUntilMs = isReleased ? world.nowMs + graceMs : memory.heldUntilMs;
  return { sinceMs, exposedMs: exposuresOf(world, memory), disruption, heldUntilMs };
}

function exposuresOf({ nodes, pods, nowMs }: EvictionWorld, memory: EvictionMemory) {
  const tainted = nodes.filter((node) => noExecuteTaints(node).length > 0);
  const names = new Set(tainted.map(({ metadata }) => metadata.name));
  const exposed = pods.filter(({ spec }) => names.has(spec.nodeName ?? ""));
  return new Map(exposed.map((pod) => [uidOf(pod), memory.exposedMs.get(uidOf(pod)) ?? nowMs]));
}

/** When the pod must leave; undefined when it may stay. */
function evictionDueMs(
  node: Node,
  pod: Pod,
  memory: EvictionMemory,
  options: EvictionOptions,
): number | undefined {
  let dueMs: number | undefined;
  for (const taint of noExecuteTaints(node)) {
    const isHealth = isHealthTaint(taint);
    if (isHealth && memory.disruption !== "none") continue;
    const seconds = toleratedSeconds(pod, taint, options);
    if (seconds === undefined) continue;
    const sinceMs = Math.max(
      memory.sinceMs.get(taintKey(node, taint)) ?? 0,
      memory.exposedMs.get(uidOf(pod)) ?? 0,
    );
    const toleratedUntilMs = sinceMs + seconds * 1_000;
    dueMs = earliest(
      dueMs,
      isHealth
        ? Math.max(toleratedUntilMs, sinceMs + options.settleMs, memory.heldUntilMs)
        : toleratedUntilMs,
    );
  }
  return dueMs;
}

/** How long `pod` tolerates `taint`; undefined = for ever. The shortest matching toleration counts. */
function toleratedSeconds(
  pod: Pod,
  taint: Taint,
  { defaultTolerationSeconds, notReadyTolerationSeconds }: EvictionOptions,
): number | undefined {
  const matching = matchingTolerations(taint, pod.spec.tolerations);
  if (matching.length === 0) {
    if (taint.key === unreachableTaint) return defaultTolerationSeconds;
    return taint.key === notReadyTaint ? notReadyTolerationSeconds : 0;
  }
  const limited = matching
    .map(({ tolerationSeconds }) => tolerationSeconds)
    .filter((seconds) => seconds !== undefined);
  return limited.length === 0 ? undefined : Math.max(0, Math.min(...limited));
}

function eviction(pod: Pod): Sequence {
  const { namespace, name } = pod.metadata;
  return [
    { kind: "delete", resource: pods, object: pod },
    {
      kind: "event",
      about: pod,
      type: "Normal",
      reason: "TaintManagerEviction",
      message: `Marking for deletion Pod ${namespace}/${name}`,
    },
  ];
}

function brakeAlert(world: EvictionWorld, before: Disruption, after: Disruption): Sequence[] {
  if (before === after) return [];
  const unhealthy = world.nodes.filter(isUnhealthy).length;
  const fields = { disruption: after, unhealthy, nodes: world.nodes.length };
  const message =
    after === "none"
      ? "evictions resume after a grace period"
      : "evictions are held: too many nodes look dead at once";
  return [[{ kind: "alert", message, fields }]];
}

/** Its pods would be evicted: it is tainted, or says itself that it is not ready. */
function isUnhealthy(node: Node): boolean {
  if (isBeingDeleted(node)) return false;
  const isTainted = noExecuteTaints(node).some(isHealthTaint);
  return isTainted || conditionOf(node, "Ready")?.status === "False";
}

/** Set for the state of the node, not by a person. */
function isHealthTaint({ key }: Taint): boolean {
  return key === notReadyTaint || key === unreachableTaint;
}

function noExecuteTaints(node: Node): Taint[] {
  return (node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
}

function taintKey(node: Node, taint: Taint): string {
  return `${node.metadata.uid ?? node.metadata.name} ${taint.key}=${taint.value ?? ""}`;
}
