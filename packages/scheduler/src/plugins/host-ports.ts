/** Host ports: each can be taken once per address of a node. Pure. */
import type { ContainerPort, Pod } from "@flotilla/objects";
import type { NodeView } from "../node-view.ts";

const anyAddress = "0.0.0.0";

/** A reason when a host port of the pod is taken on the node. */
export function filterHostPorts(pod: Pod, view: NodeView): string[] {
  const wanted = hostPortsOf(pod);
  if (wanted.length === 0) return [];
  const taken = view.pods.flatMap(hostPortsOf);
  const isTaken = wanted.some((port) => taken.some((other) => collide(port, other)));
  return isTaken ? ["node(s) didn't have free ports for the requested pod ports"] : [];
}

function hostPortsOf({ spec }: Pod): ContainerPort[] {
  return spec.containers.flatMap(({ ports = [] }) => ports.filter(({ hostPort }) => hostPort));
}

function collide(left: ContainerPort, right: ContainerPort): boolean {
  if (left.hostPort !== right.hostPort) return false;
  if ((left.protocol ?? "TCP") !== (right.protocol ?? "TCP")) return false;
  const [mine, other] = [left.hostIP || anyAddress, right.hostIP || anyAddress];
  return mine === anyAddress || other === anyAddress || mine === other;
}
