/**
 * The backends of a Service: which pods, at which addresses and real ports.
 *
 * With the process runtime several pods share the address of their node, so each pod has a real port
 * per container port, published by its agent as annotation `flotilla.dev/ports`. Pods whose real ports
 * differ cannot share an EndpointSlice. Source: Kubernetes staging/src/k8s.io/endpointslice. Pure.
 */
import {
  type Endpoint,
  type EndpointSlice,
  type Pod,
  podIsFinished,
  podIsReady,
  type Service,
  type ServicePort,
} from "@flotilla/objects";
import { isBeingDeleted } from "../ownership.ts";

/** JSON object on a pod, `{"<container port>": <real port>}`. */
export const portsAnnotation = "flotilla.dev/ports";

export type SlicePorts = NonNullable<EndpointSlice["ports"]>;

/** One pod behind a service. */
export interface Backend {
  readonly addressType: "IPv4" | "IPv6";
  readonly ports: SlicePorts;
  readonly endpoint: Endpoint;
}

/** The backend that `pod` is; undefined while it has no address, and when it is finished. */
export function backendOf(service: Service, pod: Pod): Backend | undefined {
  const address = pod.status?.podIP;
  if (address === undefined || address === "" || podIsFinished(pod)) return undefined;
  return {
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    ports: portsOf(service, pod),
    endpoint: endpointOf(service, pod, address),
  };
}

function endpointOf(service: Service, pod: Pod, address: string): Endpoint {
  const { namespace, name, uid } = pod.metadata;
  const serving = podIsReady(pod);
  const terminating = isBeingDeleted(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: "Pod",
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
  };
}

function portsOf(service: Service, pod: Pod): SlicePorts {
  const published = publishedPorts(pod);
  return (service.spec.ports ?? []).flatMap((servicePort) => {
    const containerPort = containerPortOf(servicePort, pod);
    // A name that this pod does not have: it does not serve this port.
    if (containerPort === undefined) return [];
    const { name, protocol = "TCP", appProtocol } = servicePort;
    return [
      {
        name: name ?? "",
        protocol,
        port: published.get(containerPort) ?? containerPort,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

function containerPortOf(servicePort: ServicePort, pod: Pod): number | undefined {
  const target = servicePort.targetPort ?? servicePort.port;
  if (typeof target === "number") return target;
  const protocol = servicePort.protocol ?? "TCP";
  for (const container of pod.spec.containers) {
    for (const port of container.ports ?? []) {
      if (port.name === target && (port.protocol ?? "TCP") === protocol) return port.containerPort;
    }
  }
  return undefined;
}

/** Real ports by container port. What is not a port number is ignored: anybody can write annotations. */
function publishedPorts(pod: Pod): ReadonlyMap<number, number> {
  const ports = new Map<number, number>();
  const published = parseObject(pod.metadata.annotations?.[portsAnnotation]);
  for (const [containerPort, port] of Object.entries(published)) {
    if (isPort(Number(containerPort)) && isPort(port)) ports.set(Number(containerPort), port);
  }
  return ports;
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // Not JSON: as good as not there.
  }
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}
