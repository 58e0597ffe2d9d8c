/**
 * The EndpointSlices of one Service.
 *
 * An endpoint stays in the slice it is in while it fits, so that a change of one pod rewrites one
 * slice. Source: Kubernetes staging/src/k8s.io/endpointslice/reconciler.go. Pure, but for the names.
 */
import type { Random } from "@flotilla/base";
import {
  canonicalJson,
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  type Pod,
  randomSuffix,
  type Service,
  services,
} from "@flotilla/objects";
import type { Decision, Sequence } from "../decision.ts";
import { controllerReference, isBeingDeleted } from "../ownership.ts";
import { sameJson } from "../same-json.ts";
import { type Backend, backendOf, type SlicePorts } from "./backends.ts";

/** Endpoints of one slice. */
export const endpointsPerSliceMax = 100;
export const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const managedBy = "endpointslice-controller.k8s.io";
const headlessLabel = "service.kubernetes.io/headless";
const namePrefixLengthMax = 58;

export interface SlicesWorld {
  readonly service: Service;
  /** Pods that the service selects. */
  readonly pods: readonly Pod[];
  /** Slices with the service's name as label. */
  readonly slices: readonly EndpointSlice[];
  readonly random: Random;
}

/** Backends with the same address type and ports. */
interface Group {
  readonly addressType: "IPv4" | "IPv6";
  readonly ports: SlicePorts;
  readonly endpoints: Map<string, Endpoint>;
}

/** Decides the slices of one service. Slices that somebody else manages are left alone. */
export function decideSlices(world: SlicesWorld): Decision {
  const { service } = world;
  if (isBeingDeleted(service)) return { sequences: [] };
  const mine = world.slices.filter(
    ({ metadata }) => metadata.labels?.[managedByLabel] === managedBy,
  );
  const groups = service.spec.type === "ExternalName" ? [] : groupsOf(world);
  const sequences: Sequence[] = [];
  const kept = new Set<EndpointSlice>();
  for (const group of groups) {
    const same = mine.filter((slice) => !isBeingDeleted(slice) && isOf(group, slice));
    sequences.push(...fill(world, group, same, kept));
  }
  for (const object of mine) {
    if (kept.has(object) || isBeingDeleted(object)) continue;
    sequences.push([{ kind: "delete", resource: endpointSlices, object }]);
  }
  return { sequences };
}

function groupsOf({ service, pods }: SlicesWorld): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const backend = backendOf(service, pod);
    if (backend === undefined) continue;
    const key = groupKey(backend);
    const group = groups.get(key) ?? { ...backend, endpoints: new Map() };
    groups.set(key, group);
    group.endpoints.set(pod.metadata.uid ?? pod.metadata.name, backend.endpoint);
  }
  // A service without backends has one empty slice, which says so.
  if (groups.size === 0) return [{ addressType: "IPv4", ports: [], endpoints: new Map() }];
  return [...groups.values()];
}

function groupKey({ addressType, ports }: Pick<Backend, "addressType" | "ports">): string {
  return canonicalJson([addressType, ports]);
}

function isOf(group: Group, slice: EndpointSlice): boolean {
  // As the API would default them.
  const ports = (slice.ports ?? []).map((port) => ({ name: "", protocol: "TCP", ...port }));
  return slice.addressType === group.addressType && sameJson(ports, group.ports);
}

/** Writes that make `slices` hold exactly the group's endpoints; notes in `kept` which ones stay. */
function fill(
  world: SlicesWorld,
  group: Group,
  slices: readonly EndpointSlice[],
  kept: Set<EndpointSlice>,
): Sequence[] {
  const rest = new Map(group.endpoints);
  const bins = slices.map((slice) => ({ slice, endpoints: takeKnown(slice, rest) }));
  for (const bin of bins) {
    // Only slices that hold something are topped up: the others can go.
    if (bin.endpoints.length > 0) takeSome(rest, bin.endpoints);
  }
  const [first] = bins;
  if (first !== undefined && rest.size > 0) takeSome(rest, first.endpoints);
  const used = bins.filter(({ endpoints }, at) => {
    return endpoints.length > 0 || (group.endpoints.size === 0 && at === 0);
  });
  for (const { slice } of used) kept.add(slice);

  const sequences: Sequence[] = [];
  for (const { slice, endpoints } of used) {
    const object: EndpointSlice = { ...withLabels(world.service, slice), endpoints };
    if (sameJson(slice, object)) continue;
    sequences.push([{ kind: "update", resource: endpointSlices, object }]);
  }
  while (rest.size > 0 || (used.length === 0 && sequences.length === 0)) {
    const endpoints: Endpoint[] = [];
    takeSome(rest, endpoints);
    const object = newSlice(world, group, endpoints);
    sequences.push([{ kind: "create", resource: endpointSlices, object }]);
  }
  return sequences;
}

/** The slice's endpoints that are still wanted, in their present state; takes them out of `rest`. */
function takeKnown(slice: EndpointSlice, rest: Map<string, Endpoint>): Endpoint[] {
  const known: Endpoint[] = [];
  for (const { targetRef } of slice.endpoints) {
    const key = targetRef?.uid ?? targetRef?.name ?? "";
    const endpoint = rest.get(key);
    if (endpoint === undefined) continue;
    known.push(endpoint);
    rest.delete(key);
  }
  return known;
}

/** Moves endpoints out of `rest` into `endpoints` until that is full. */
function takeSome(rest: Map<string, Endpoint>, endpoints: Endpoint[]): void {
  for (const [key, endpoint] of rest) {
    if (endpoints.length >= endpointsPerSliceMax) return;
    endpoints.push(endpoint);
    rest.delete(key);
  }
}

function newSlice(world: SlicesWorld, group: Group, endpoints: Endpoint[]): EndpointSlice {
  const { service, random } = world;
  const { namespace, name } = service.metadata;
  const prefix = `${name}-`.slice(0, namePrefixLengthMax);
  return withLabels(service, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: prefix + randomSuffix(random, 5),
      generateName: prefix,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [controllerReference(services, service)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  });
}

function withLabels(service: Service, slice: EndpointSlice): EndpointSlice {
  const { [headlessLabel]: _, ...others } = slice.metadata.labels ?? {};
  const labels = {
    ...others,
    ...service.metadata.labels,
    ...(service.spec.clusterIP === "None" ? { [headlessLabel]: "" } : {}),
    [managedByLabel]: managedBy,
    [serviceNameLabel]: service.metadata.name,
  };
  return { ...slice, metadata: { ...slice.metadata, labels } };
}
