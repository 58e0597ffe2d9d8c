/**
 * Cluster IPs and node ports: which ones a service takes, and which it gives back.
 *
 * Every address that is in use has a key of its own, created in the same transaction as the service.
 * Two services can therefore never hold the same one, whatever members they were created on; the
 * loser's transaction conflicts and it chooses again. Source of rules and texts: kubernetes
 * pkg/registry/core/service/storage/alloc.go, pkg/registry/core/service/ipallocator.
 */
import type { Random } from "@flotilla/base";
import type { FieldCause, Service, ServicePort } from "@flotilla/objects";
import type { Transaction } from "../storage.ts";
import { clusterIpKey, nodePortKey } from "./keys.ts";

/** 10.96.0.0/16. Kubernetes' default range; the first address belongs to default/kubernetes. */
const networkPrefix = "10.96.";
const addressCount = 65_536;
/** Addresses below it are chosen last, so that people can ask for them. */
const dynamicOffset = 256;
const nodePortMin = 30_000;
const nodePortMax = 32_767;
/** Random tries before the range is searched from one end to the other. */
const randomTries = 32;

/** What the choice depends on. `taken` looks at the store as it is here and now. */
export interface AllocationView {
  readonly random: Random;
  taken(key: string): boolean;
}

export type AllocationOutcome =
  | {
      readonly kind: "ok";
      readonly service: Service;
      /** To go into the service's own transaction. */
      readonly transaction: Transaction;
    }
  /** Answer 422. */
  | { readonly kind: "invalid"; readonly causes: readonly FieldCause[] };

/** Completes `service` with its addresses; `old` is its present state, undefined for a new one. */
export function allocate(
  view: AllocationView,
  service: Service,
  old: Service | undefined,
): AllocationOutcome {
  const held = new Set(old === undefined ? [] : keysOf(old));
  const allocator = new Allocator(view, held);
  const completed = allocator.nodePorts(allocator.clusterIp(carryOver(service, old)), old);
  if (allocator.causes.length > 0) return { kind: "invalid", causes: allocator.causes };
  const wanted = new Set(keysOf(completed));
  const added = [...wanted].filter((key) => !held.has(key));
  const removed = [...held].filter((key) => !wanted.has(key));
  return { kind: "ok", service: completed, transaction: transactionOf(service, added, removed) };
}

/** Gives back everything that `service` holds. */
export function release(service: Service): Transaction {
  return transactionOf(service, [], keysOf(service));
}

function transactionOf(service: Service, added: string[], removed: string[]): Transaction {
  const { namespace, name } = service.metadata;
  const owner = Buffer.from(JSON.stringify({ service: `${namespace}/${name}` }), "utf8");
  return {
    expect: added.map((key) => ({ key, modRevision: 0 })),
    puts: added.map((key) => ({ key, value: owner })),
    deletes: removed,
  };
}

function keysOf(service: Service): string[] {
  const { clusterIP, ports = [] } = service.spec;
  const keys = new Set<string>();
  if (isAddress(clusterIP)) keys.add(clusterIpKey(clusterIP));
  for (const { nodePort } of ports) if (nodePort) keys.add(nodePortKey(nodePort));
  return [...keys];
}

function isAddress(clusterIp: string | undefined): clusterIp is string {
  return clusterIp !== undefined && clusterIp !== "" && clusterIp !== "None";
}

function hasClusterIp(service: Service): boolean {
  return service.spec.type !== "ExternalName" && service.spec.clusterIP !== "None";
}

function familiesOf({ spec }: Service): Pick<Service["spec"], "ipFamilies" | "ipFamilyPolicy"> {
  const { ipFamilies = ["IPv4"], ipFamilyPolicy = "SingleStack" } = spec;
  return { ipFamilies, ipFamilyPolicy };
}

function hasNodePorts(service: Service): boolean {
  const { type, allocateLoadBalancerNodePorts } = service.spec;
  return (
    type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false)
  );
}

/** A manifest that is applied again does not name what was allocated: that stays. */
function carryOver(service: Service, old: Service | undefined): Service {
  if (old === undefined) return service;
  const spec = { ...service.spec };
  const wasExternal = old.spec.type === "ExternalName";
  if (spec.type === "ExternalName") {
    // What the old type needed goes away, unless the client asks for something of its own.
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const) {
      if (JSON.stringify(spec[field]) === JSON.stringify(old.spec[field])) delete spec[field];
    }
  } else if (!wasExternal && !spec.clusterIP && !spec.clusterIPs?.[0]) {
    if (old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (old.spec.clusterIPs) spec.clusterIPs = old.spec.clusterIPs;
  }
  return { ...service, spec };
}

class Allocator {
  readonly causes: FieldCause[] = [];
  readonly #view: AllocationView;
  /** Keys that are this service's already. */
  readonly #held: ReadonlySet<string>;

  constructor(view: AllocationView, held: ReadonlySet<string>) {
    this.#view = view;
    this.#held = held;
  }

  clusterIp(service: Service): Service {
    const { spec } = service;
    if (!hasClusterIp(service)) {
      if (spec.clusterIP !== "None") return service;
      return { ...service, spec: { ...spec, clusterIPs: ["None"], ...familiesOf(service) } };
    }
    const asked = spec.clusterIP || spec.clusterIPs?.[0];
    const clusterIP = isAddress(asked) ? this.#askedAddress(asked) : this.#freeAddress();
    if (clusterIP === undefined) return service;
    return {
      ...service,
      spec: {
        ...spec,
        clusterIP,
        clusterIPs: [clusterIP],
        ...familiesOf(service),
      },
    };
  }

  nodePorts(service: Service, old: Service | undefined): Service {
    const { ports } = service.spec;
    if (ports === undefined) return service;
    if (!hasNodePorts(service)) {
      // Leaving the type that needs them; a port that the client sets itself is validation's business.
      if (old === undefined || !hasNodePorts(old)) return service;
      return { ...service, spec: { ...service.spec, ports: ports.map(withoutNodePort) } };
    }
    const chosen = new Set<number>();
    const completed = ports.map((port, index) => this.#port(port, index, old, chosen));
    return { ...service, spec: { ...service.spec, ports: completed } };
  }

  #port(
    port: ServicePort,
    index: number,
    old: Service | undefined,
    chosen: Set<number>,
  ): ServicePort {
    const asked = port.nodePort || portOf(old, port)?.nodePort;
    const nodePort = asked ? this.#askedPort(asked, index, chosen) : this.#freePort(chosen);
    if (nodePort === undefined) {
      if (!asked)
        this.#refuse(
          `spec.ports[${index}].nodePort`,
          "0",
          "failed to allocate a nodePort: range is full",
        );
      return port;
    }
    chosen.add(nodePort);
    return { ...port, nodePort };
  }

  #askedAddress(address: string): string | undefined {
    const offset = offsetOf(address);
    if (offset === undefined || offset === 0 || offset === addressCount - 1) {
      return this.#refuseAddress(address, "the provided network does not match the current range");
    }
    const key = clusterIpKey(address);
    if (this.#held.has(key) || !this.#view.taken(key)) return address;
    return this.#refuseAddress(address, "provided IP is already allocated");
  }

  #freeAddress(): string | undefined {
    const free = (offset: number): boolean => !this.#view.taken(clusterIpKey(addressAt(offset)));
    const offset =
      this.#choose(dynamicOffset, addressCount - 2, free) ??
      this.#choose(2, dynamicOffset - 1, free);
    if (offset !== undefined) return addressAt(offset);
    this.#refuse("spec.clusterIPs", "[]", "failed to allocate a serviceIP: range is full");
    return undefined;
  }

  #askedPort(port: number, index: number, chosen: ReadonlySet<number>): number | undefined {
    const field = `spec.ports[${index}].nodePort`;
    if (port < nodePortMin || port > nodePortMax) {
      const range = `The range of valid ports is ${nodePortMin}-${nodePortMax}`;
      return this.#refuse(field, `${port}`, `provided port is not in the valid range. ${range}`);
    }
    const key = nodePortKey(port);
    // One number may serve several protocols of the same service.
    if (chosen.has(port) || this.#held.has(key) || !this.#view.taken(key)) return port;
    return this.#refuse(field, `${port}`, "provided port is already allocated");
  }

  #freePort(chosen: ReadonlySet<number>): number | undefined {
    return this.#choose(
      nodePortMin,
      nodePortMax,
      (port) =>
        !chosen.has(port) &&
        !this.#held.has(nodePortKey(port)) &&
        !this.#view.taken(nodePortKey(port)),
    );
  }

  /** A free number in [low, high], at random; undefined when there is none. */
  #choose(low: number, high: number, free: (candidate: number) => boolean): number | undefined {
    const size = high - low + 1;
    for (let tries = 0; tries < randomTries; tries++) {
      const candidate = low + this.#view.random.below(size);
      if (free(candidate)) return candidate;
    }
    for (let candidate = low; candidate <= high; candidate++) if (free(candidate)) return candidate;
    return undefined;
  }

  #refuseAddress(address: string, why: string): undefined {
    this.#refuse(
      "spec.clusterIPs",
      JSON.stringify([address]),
      `failed to allocate IP ${address}: ${why}`,
    );
  }

  #refuse(field: string, value: string, why: string): undefined {
    const message = `Invalid value: ${value}: ${why}`;
    this.causes.push({ field, reason: "FieldValueInvalid", message });
  }
}

/** The old port that `port` continues: same protocol and number. */
function portOf(old: Service | undefined, port: ServicePort): ServicePort | undefined {
  if (old === undefined || !hasNodePorts(old)) return undefined;
  return old.spec.ports?.find(
    (candidate) =>
      candidate.port === port.port && (candidate.protocol ?? "TCP") === (port.protocol ?? "TCP"),
  );
}

function withoutNodePort(port: ServicePort): ServicePort {
  const { nodePort: _, ...rest } = port;
  return rest;
}

function addressAt(offset: number): string {
  return `${networkPrefix}${offset >> 8}.${offset & 0xff}`;
}

function offsetOf(address: string): number | undefined {
  const match = /^10\.96\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 255 || low > 255 ? undefined : high * 256 + low;
}
