/**
 * What a pod asks for and a node offers: cpu in cores, memory in bytes, anything else in its own unit.
 *
 * Source: Kubernetes component-helpers resource. Pure.
 */
import {
  type Container,
  type Node,
  type Pod,
  parseQuantity,
  type Quantity,
} from "@flotilla/objects";

/** Amounts by resource name; a name that is missing is 0. */
export type Amounts = ReadonlyMap<string, number>;

/** Of a pod that asks for nothing, when nodes are compared: it uses something all the same. */
const assumedRequests: Amounts = new Map([
  ["cpu", 0.1],
  ["memory", 200 * 1024 * 1024],
]);

/** Cpu and memory that a pod is taken to use. */
export function assumedOf(requests: Amounts): Amounts {
  return new Map([...assumedRequests].map(([name, least]) => [name, requests.get(name) || least]));
}

/** A pod's requests: the sum of its containers, or its largest init container where that is more. */
export function requestsOf({ spec }: Pod): Amounts {
  const total = new Map<string, number>();
  for (const container of spec.containers) {
    for (const [name, amount] of requestsOfContainer(container)) {
      total.set(name, (total.get(name) ?? 0) + amount);
    }
  }
  for (const container of spec.initContainers ?? []) {
    for (const [name, amount] of requestsOfContainer(container)) {
      total.set(name, Math.max(total.get(name) ?? 0, amount));
    }
  }
  return total;
}

function requestsOfContainer({ resources }: Container): Amounts {
  // A limit without a request is a request, too.
  return amountsOf({ ...resources?.limits, ...resources?.requests });
}

/** What pods may use of a node. */
export function allocatableOf({ status }: Node): Amounts {
  return amountsOf(status?.allocatable ?? status?.capacity ?? {});
}

function amountsOf(quantities: Readonly<Record<string, Quantity>>): Amounts {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(quantities)) {
    amounts.set(name, parseQuantity(String(quantity)) ?? 0);
  }
  return amounts;
}
