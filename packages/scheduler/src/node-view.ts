/** A node as the scheduler sees it: what it offers, and which pods have taken what. */
import { type Node, type Pod, podIsFinished } from "@flotilla/objects";
import { type Amounts, allocatableOf, assumedOf, requestsOf } from "./resources.ts";

export interface NodeView {
  readonly node: Node;
  readonly allocatable: Amounts;
  /** Pods on the node, those that are being deleted included: they still use what they use. */
  readonly pods: Pod[];
  readonly requested: Map<string, number>;
  /** Cpu and memory in use, with an assumption for pods that ask for nothing. */
  readonly assumed: Map<string, number>;
}

/** Views of all nodes, in order of name. */
export function viewNodes(nodes: readonly Node[], pods: readonly Pod[]): NodeView[] {
  const views = new Map<string, NodeView>();
  const byName = nodes.toSorted((left, right) =>
    left.metadata.name < right.metadata.name ? -1 : 1,
  );
  for (const node of byName) {
    const view = { node, allocatable: allocatableOf(node), pods: [] };
    views.set(node.metadata.name, { ...view, requested: new Map(), assumed: new Map() });
  }
  for (const pod of pods) {
    const view = views.get(pod.spec.nodeName ?? "");
    if (view !== undefined && !podIsFinished(pod)) addPod(view, pod);
  }
  return [...views.values()];
}

/** Puts `pod` on the node; also used for one that was bound just now. */
export function addPod(view: NodeView, pod: Pod): void {
  const requests = requestsOf(pod);
  view.pods.push(pod);
  for (const [name, amount] of requests) add(view.requested, name, amount);
  for (const [name, amount] of assumedOf(requests)) add(view.assumed, name, amount);
}

function add(amounts: Map<string, number>, name: string, amount: number): void {
  amounts.set(name, (amounts.get(name) ?? 0) + amount);
}
