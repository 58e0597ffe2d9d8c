/** The node controller: life cycle and evictions, one look at all nodes at a time. */
import { leases, nodes, pods } from "@flotilla/objects";
import { type Controller, wakeOn } from "../controller.ts";
import { decision, earliest } from "../decision.ts";
import type { ControllerDeps } from "../ports.ts";
import {
  decideEvictions,
  type EvictionMemory,
  type EvictionOptions,
  freshEvictionMemory,
} from "./eviction.ts";
import { decideLifecycle, type LifecycleMemory, type LifecycleOptions } from "./lifecycle.ts";

/** Namespace of the heartbeats. */
export const heartbeatNamespace = "kube-node-lease";

export type NodeOptions = LifecycleOptions & EvictionOptions;

const cluster = ["cluster"];

/** A controller whose graces start now. */
export function nodeController(deps: ControllerDeps, options: NodeOptions): Controller {
  const startedMs = deps.clock.nowMs();
  let lifecycle: LifecycleMemory = { startedMs, firstSeenMs: new Map() };
  let eviction: EvictionMemory = freshEvictionMemory(startedMs, options.graceMs);
  return {
    name: "node",
    wakes: [
      wakeOn(nodes, () => cluster),
      wakeOn(leases, ({ object }) =>
        object.metadata.namespace === heartbeatNamespace ? cluster : [],
      ),
      // A pod that comes to a tainted node must be judged, too.
      wakeOn(pods, ({ object }, seen) => {
        const node = seen.get(nodes, object.spec.nodeName ?? "");
        return node?.spec?.taints === undefined ? [] : cluster;
      }),
    ],
    async reconcile({ client, clock, wallNowMs }) {
      const [allNodes, heartbeats, allPods] = await Promise.all([
        client.list(nodes),
        client.list(leases, { namespace: heartbeatNamespace }),
        client.list(pods),
      ]);
      const world = { nodes: allNodes.items, pods: allPods.items, nowMs: clock.nowMs() };
      const leased = new Set(heartbeats.items.map(({ metadata }) => metadata.name));
      const life = decideLifecycle(
        { ...world, leased, wallNowMs: wallNowMs() },
        lifecycle,
        options,
      );
      const evictions = decideEvictions(world, eviction, options);
      lifecycle = life.memory;
      eviction = evictions.memory;
      return decision(
        [...life.decision.sequences, ...evictions.decision.sequences],
        earliest(life.decision.requeueAfterMs, evictions.decision.requeueAfterMs),
      );
    },
  };
}
