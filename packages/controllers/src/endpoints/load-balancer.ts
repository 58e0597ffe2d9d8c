/**
 * Where a Service of type LoadBalancer is reached: at every ready node, since each node's proxy
 * listens for it. Pure decision and thin controller.
 */
import { objectKey } from "@flotilla/client";
import { conditionOf, type Node, nodes, type Service, services } from "@flotilla/objects";
import { type Controller, parseKey, wakeOn } from "../controller.ts";
import { type Decision, settled } from "../decision.ts";
import { isBeingDeleted } from "../ownership.ts";
import { sameJson } from "../same-json.ts";

/** Decides the status of one service. */
export function decideLoadBalancer(service: Service, allNodes: readonly Node[]): Decision {
  if (isBeingDeleted(service)) return settled;
  const isBalanced = service.spec.type === "LoadBalancer";
  const wanted = isBalanced ? readyAddresses(allNodes) : [];
  const present = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
  if (sameJson(present, wanted)) return settled;
  const loadBalancer = wanted.length === 0 ? {} : { ingress: wanted.map((ip) => ({ ip })) };
  const object: Service = { ...service, status: { ...service.status, loadBalancer } };
  return { sequences: [[{ kind: "updateStatus", resource: services, object }]] };
}

/** Internal addresses of ready nodes, each once, sorted: several nodes may share a machine. */
function readyAddresses(allNodes: readonly Node[]): string[] {
  const addresses = new Set<string>();
  for (const node of allNodes) {
    if (conditionOf(node, "Ready")?.status !== "True") continue;
    for (const { type, address } of node.status?.addresses ?? []) {
      if (type === "InternalIP") addresses.add(address);
    }
  }
  return [...addresses].toSorted();
}

/** Keeps `status.loadBalancer` of services. */
export const loadBalancerController: Controller = {
  name: "load-balancer",
  wakes: [
    wakeOn(services, ({ object }) => [objectKey(object)]),
    wakeOn(nodes, ({ kind, object, previous }, seen) => {
      const isSame =
        kind === "modified" &&
        sameJson(
          readyAddresses([object]),
          readyAddresses(previous === undefined ? [] : [previous]),
        );
      if (isSame) return [];
      return [...seen.all(services)]
        .filter(({ spec }) => spec.type === "LoadBalancer")
        .map((service) => objectKey(service));
    }),
  ],
  async reconcile({ client }, key) {
    const service = await client.get(services, parseKey(key));
    if (service === undefined) return settled;
    return decideLoadBalancer(service, (await client.list(nodes)).items);
  },
};
