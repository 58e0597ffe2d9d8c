/**
 * Removes pods that nobody else can: on nodes that are gone, and those that an unreachable node should
 * have stopped.
 *
 * Source: Kubernetes pkg/controller/podgc. Departure: pods of an unreachable node are removed as soon as
 * their own grace has passed, where Kubernetes waits for an administrator; a node that comes back
 * stops what the API does not know any more. Pure: memory goes in and comes out.
 */
import { type Node, type Pod, podIsFinished, pods } from "@flotilla/objects";
import { type Decision, decision, earliest, type Sequence } from "../decision.ts";
import { unreachableTaint } from "../nodes/node-taints.ts";
import { isBeingDeleted } from "../ownership.ts";

/** Finished pods that are kept for people to look at; the oldest go first. */
export const finishedPodsMax = 100;

export interface PodGcOptions {
  /** A node must be gone for so long: it may be registering anew. Default 4,000. */
  readonly graceMs: number;
}

export interface PodGcWorld {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Monotonic. */
  readonly nowMs: number;
}

/** Since when each pod has been waiting to be removed, by uid. */
export type PodGcMemory = ReadonlyMap<string, number>;

/** Decides which pods are removed now. */
export function decidePodGc(
  world: PodGcWorld,
  memory: PodGcMemory,
  options: PodGcOptions,
): { decision: Decision; memory: PodGcMemory } {
  const next = new Map<string, number>();
  const sequences: Sequence[] = excessOf(world.pods).map(remove);
  let requeueAfterMs: number | undefined;
  const byName = new Map(world.nodes.map((node) => [node.metadata.name, node]));
  for (const pod of world.pods) {
    const waitMs = waitBeforeRemovalMs(pod, byName, options);
    if (waitMs === undefined) continue;
    const uid = pod.metadata.uid ?? pod.metadata.name;
    const sinceMs = memory.get(uid) ?? world.nowMs;
    next.set(uid, sinceMs);
    const leftMs = sinceMs + waitMs - world.nowMs;
    if (leftMs > 0) requeueAfterMs = earliest(requeueAfterMs, leftMs);
    else sequences.push(remove(pod));
  }
  return { decision: decision(sequences, requeueAfterMs), memory: next };
}

/** How long the pod's present state must last before it is removed; undefined = it is somebody's. */
function waitBeforeRemovalMs(
  pod: Pod,
  byName: ReadonlyMap<string, Node>,
  { graceMs }: PodGcOptions,
): number | undefined {
  const { nodeName } = pod.spec;
  if (nodeName === undefined || nodeName === "") return isBeingDeleted(pod) ? 0 : undefined;
  const node = byName.get(nodeName);
  if (node === undefined) return graceMs;
  if (!isBeingDeleted(pod) || !isUnreachable(node)) return undefined;
  return (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
}

function isUnreachable({ spec }: Node): boolean {
  return spec?.taints?.some(({ key }) => key === unreachableTaint) ?? false;
}

function excessOf(all: readonly Pod[]): Pod[] {
  const finished = all.filter((pod) => podIsFinished(pod) && !isBeingDeleted(pod));
  if (finished.length <= finishedPodsMax) return [];
  const created = (pod: Pod) => `${pod.metadata.creationTimestamp ?? ""} ${pod.metadata.name}`;
  return finished
    .toSorted((left, right) => (created(left) < created(right) ? -1 : 1))
    .slice(0, finished.length - finishedPodsMax);
}

function remove(object: Pod): Sequence {
  return [{ kind: "delete", resource: pods, object, gracePeriodSeconds: 0 }];
}
