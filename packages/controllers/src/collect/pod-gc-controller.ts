/** The pod garbage collector: gathers what `decidePodGc` needs. */
import { nodes, type Pod, podIsFinished, pods } from "@flotilla/objects";
import { type Controller, type Seen, wakeOn } from "../controller.ts";
import { isBeingDeleted } from "../ownership.ts";
import { decidePodGc, type PodGcMemory, type PodGcOptions } from "./pod-gc.ts";

const cluster = ["cluster"];

/** Cheap, and never wrong about a pod that is to go: most changes of pods concern nobody here. */
function mayBeCollected(pod: Pod, seen: Seen): boolean {
  if (isBeingDeleted(pod) || podIsFinished(pod)) return true;
  return seen.get(nodes, pod.spec.nodeName ?? "") === undefined;
}

/** Pods that only the control plane can remove. */
export function podGcController(options: PodGcOptions): Controller {
  let memory: PodGcMemory = new Map();
  return {
    name: "pod-gc",
    wakes: [
      wakeOn(nodes, () => cluster),
      wakeOn(pods, ({ object }, seen) => (mayBeCollected(object, seen) ? cluster : [])),
    ],
    async reconcile({ client, clock }) {
      const [allNodes, allPods] = await Promise.all([client.list(nodes), client.list(pods)]);
      const world = { nodes: allNodes.items, pods: allPods.items, nowMs: clock.nowMs() };
      const decided = decidePodGc(world, memory, options);
      memory = decided.memory;
      return decided.decision;
    },
  };
}
