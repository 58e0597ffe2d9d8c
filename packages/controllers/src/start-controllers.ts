/** All controllers together, with the defaults of a small cluster. */
import { ownerGcController } from "./collect/owner-gc.ts";
import { podGcController } from "./collect/pod-gc-controller.ts";
import { deploymentController } from "./deployment/controller.ts";
import { endpointSliceController } from "./endpoints/controller.ts";
import { loadBalancerController } from "./endpoints/load-balancer.ts";
import { type RunningControllers, runControllers } from "./loop.ts";
import { type NodeOptions, nodeController } from "./nodes/controller.ts";
import type { ControllerDeps } from "./ports.ts";
import { replicaSetController } from "./replica-set/controller.ts";

/** Heartbeats end 4 s after the last one; see the fields for what follows. */
export const defaultNodeOptions: NodeOptions = {
  graceMs: 4_000,
  startupGraceMs: 20_000,
  settleMs: 1_500,
  defaultTolerationSeconds: 0,
  notReadyTolerationSeconds: 30,
};

/**
 * Starts every controller. Call it when this member has become leader, with a client whose writes are
 * fenced by its term; a fresh leader's graces start with this call. See {@link RunningControllers}.
 */
export function startControllers(
  deps: ControllerDeps,
  options: Partial<NodeOptions> = {},
): RunningControllers {
  const nodeOptions = { ...defaultNodeOptions, ...options };
  return runControllers(deps, [
    deploymentController,
    replicaSetController,
    endpointSliceController,
    loadBalancerController,
    nodeController(deps, nodeOptions),
    podGcController(nodeOptions),
    ownerGcController,
  ]);
}
