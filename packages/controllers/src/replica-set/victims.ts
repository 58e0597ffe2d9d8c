/**
 * Which pods go first when there are too many.
 *
 * Source: Kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks. Departure: among pods
 * that differ only in age the newer goes first; Kubernetes rounds ages to powers of two. Pure.
 */
import { conditionOf, type Pod, parseTime, podIsReady } from "@flotilla/objects";

const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

/** `pods` in the order in which they should go. `related` are all pods of the same rollout. */
export function orderVictims(pods: readonly Pod[], related: readonly Pod[]): Pod[] {
  const readyPerNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName;
    if (node === undefined || !podIsReady(pod)) continue;
    readyPerNode.set(node, (readyPerNode.get(node) ?? 0) + 1);
  }
  const ranks: readonly ((pod: Pod) => number)[] = [
    (pod) => (pod.spec.nodeName ? 1 : 0), // Not bound yet.
    (pod) => phaseRank(pod),
    (pod) => (podIsReady(pod) ? 1 : 0),
    deletionCost,
    (pod) => -(readyPerNode.get(pod.spec.nodeName ?? "") ?? 0), // Where most of them are.
    (pod) => -readySinceMs(pod), // Ready for the shortest time.
    (pod) => -restarts(pod),
    (pod) => -(parseTime(pod.metadata.creationTimestamp) ?? 0), // The newest.
  ];
  return pods.toSorted((left, right) => {
    for (const rank of ranks) {
      const difference = rank(left) - rank(right);
      if (difference !== 0) return difference;
    }
    return left.metadata.name < right.metadata.name ? -1 : 1;
  });
}

function phaseRank({ status }: Pod): number {
  if (status?.phase === "Running") return 2;
  return status?.phase === "Unknown" ? 1 : 0;
}

function deletionCost({ metadata }: Pod): number {
  const text = metadata.annotations?.[deletionCostAnnotation] ?? "0";
  return /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
}

function readySinceMs(pod: Pod): number {
  if (!podIsReady(pod)) return 0;
  return parseTime(conditionOf(pod, "Ready")?.lastTransitionTime) ?? 0;
}

function restarts({ status }: Pod): number {
  const counts = status?.containerStatuses?.map(({ restartCount }) => restartCount) ?? [];
  return Math.max(0, ...counts);
}
