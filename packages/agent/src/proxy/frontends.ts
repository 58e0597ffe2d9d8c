/**
 * What the proxy has to offer: services and their endpoints as frontends with backends.
 *
 * Source: kube-proxy's view of Service and EndpointSlice. Ready endpoints take connections; where none
 * is ready, those that terminate but still serve do (KEP-1669). Pure.
 */
import type { EndpointSlice, Service, ServicePort } from "@flotilla/objects";

/** One place to connect to. */
export interface Backend {
  readonly address: string;
  readonly port: number;
}

/** One port of one service. */
export interface Frontend {
  /** `<namespace>/<service>/<port>`: the same for as long as the service has that port. */
  readonly key: string;
  /** Port on the entry address: type LoadBalancer. */
  readonly entryPort: number | undefined;
  /** Port on the node's address: types NodePort and LoadBalancer. */
  readonly nodePort: number | undefined;
  readonly backends: readonly Backend[];
}

/** Label of a slice that names its service. */
export const serviceNameLabel = "kubernetes.io/service-name";

/** Key of a service: `<namespace>/<name>`. */
export function serviceKeyOf({ metadata }: Service): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}

/** Key of the frontend for one port of a service. */
export function frontendKeyOf(service: Service, port: ServicePort): string {
  return `${serviceKeyOf(service)}/${port.port}`;
}

/** TCP ports of services that have an address: neither headless nor a mere name. */
export function proxiedPortsOf({ spec }: Service): readonly ServicePort[] {
  if (spec.type === "ExternalName" || spec.clusterIP === "None") return [];
  return (spec.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
}

/** Every frontend there should be. */
export function frontendsOf(
  services: Iterable<Service>,
  slices: Iterable<EndpointSlice>,
): Frontend[] {
  const slicesByService = groupByService(slices);
  return [...services].flatMap((service) => {
    const own = slicesByService.get(serviceKeyOf(service)) ?? [];
    const { type } = service.spec;
    return proxiedPortsOf(service).map((port) => ({
      key: frontendKeyOf(service, port),
      entryPort: type === "LoadBalancer" ? port.port : undefined,
      nodePort: type === "LoadBalancer" || type === "NodePort" ? port.nodePort : undefined,
      backends: backendsOf(port, own),
    }));
  });
}

function groupByService(slices: Iterable<EndpointSlice>): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const { namespace = "default", labels } = slice.metadata;
    const name = labels?.[serviceNameLabel];
    if (name === undefined) continue;
    const key = `${namespace}/${name}`;
    groups.set(key, [...(groups.get(key) ?? []), slice]);
  }
  return groups;
}

function backendsOf(port: ServicePort, slices: readonly EndpointSlice[]): Backend[] {
  const ready = new Map<string, Backend>();
  const serving = new Map<string, Backend>();
  for (const slice of slices) {
    const number = slice.ports?.find(({ name }) => (name ?? "") === (port.name ?? ""))?.port;
    if (number === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const [address] = addresses; // The others are the same endpoint, by the API's definition.
      if (address === undefined) continue;
      const backend = { address, port: number };
      if (conditions?.ready !== false) ready.set(backendKeyOf(backend), backend);
      else if (conditions.serving === true) serving.set(backendKeyOf(backend), backend);
    }
  }
  return [...(ready.size > 0 ? ready : serving).values()];
}

/** `<address>:<port>`. */
export function backendKeyOf({ address, port }: Backend): string {
  return `${address}:${port}`;
}
