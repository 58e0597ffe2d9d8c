/**
 * The taints that a node should carry for its state.
 *
 * Source: Kubernetes pkg/controller/nodelifecycle, taint table. Pure.
 */
import { conditionOf, type Node, type Taint } from "@flotilla/objects";

export const notReadyTaint = "node.kubernetes.io/not-ready";
export const unreachableTaint = "node.kubernetes.io/unreachable";
const unschedulableTaint = "node.kubernetes.io/unschedulable";

const pressureTaints: readonly (readonly [condition: string, taint: string])[] = [
  ["MemoryPressure", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "node.kubernetes.io/disk-pressure"],
  ["PIDPressure", "node.kubernetes.io/pid-pressure"],
  ["NetworkUnavailable", "node.kubernetes.io/network-unavailable"],
];

/** Taints that this controller sets and removes; all others belong to people. */
const managed: ReadonlySet<string> = new Set([
  notReadyTaint,
  unreachableTaint,
  unschedulableTaint,
  ...pressureTaints.map(([, taint]) => taint),
]);

/** Does the node's heartbeat arrive? */
export type Reachability = "reachable" | "unreachable";

/** All taints of `node` as they should be; `now` is the time of the new ones. */
export function taintsOf(node: Node, reachability: Reachability, now: string): Taint[] {
  const before = node.spec?.taints ?? [];
  const wanted = [...healthTaints(node, reachability), ...stateTaints(node)];
  const others = before.filter(({ key }) => !managed.has(key));
  const stamped = wanted.map((taint) => {
    const present = before.find(({ key, effect }) => key === taint.key && effect === taint.effect);
    return present ?? { ...taint, timeAdded: now };
  });
  return [...others, ...stamped];
}

function healthTaints(node: Node, reachability: Reachability): Taint[] {
  if (reachability === "unreachable") {
    return [
      { key: unreachableTaint, effect: "NoSchedule" },
      { key: unreachableTaint, effect: "NoExecute" },
    ];
  }
  const ready = conditionOf(node, "Ready")?.status;
  if (ready === "True") return [];
  const noSchedule: Taint = { key: notReadyTaint, effect: "NoSchedule" };
  // Unknown: it is back, or new, and has not said yet how it is. Its pods stay.
  if (ready !== "False") return [noSchedule];
  return [noSchedule, { key: notReadyTaint, effect: "NoExecute" }];
}

function stateTaints(node: Node): Taint[] {
  const taints: Taint[] = [];
  if (node.spec?.unschedulable === true) {
    taints.push({ key: unschedulableTaint, effect: "NoSchedule" });
  }
  for (const [condition, key] of pressureTaints) {
    if (conditionOf(node, condition)?.status === "True") taints.push({ key, effect: "NoSchedule" });
  }
  return taints;
}
