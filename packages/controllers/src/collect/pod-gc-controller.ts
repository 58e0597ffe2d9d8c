/** The pod garbage collector: gathers what `decidePodGc` needs. */
import { nodes, pods } from "@flotilla/objects";
import { type Controller, wakeOn } from "../controller.ts";
import { decidePodGc, type PodGcMemory, type PodGcOptions } from "./pod-gc.ts";

const cluster = ["cluster"];

/** Pods that only the control plane can remove. */
export function podGcController(options: PodGcOptions): Controller {
  let memory: PodGcMemory = new Map();
  return {
    name: "pod-gc",
    wakes: [wakeOn(nodes, () => cluster), wakeOn(pods, () => cluster)],
    async reconcile({ client, clock }) {
      const [allNodes, allPods] = await Promise.all([client.list(nodes), client.list(pods)]);
      const world = { nodes: allNodes.items, pods: allPods.items, nowMs: clock.nowMs() };
      const decided = decidePodGc(world, memory, options);
      memory = decided.memory;
      return decided.decision;
    },
  };
}
