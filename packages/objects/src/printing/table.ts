/**
 * Tables as `kubectl get` shows them: columns and cells for every kind.
 *
 * Source: kubernetes pkg/printers/internalversion (columns and cells). Pure.
 */
import { present } from "@flotilla/base";
import type { Resource } from "../resources.ts";
import { formatLabelSelector, requirementsOf } from "../selectors/label-selector.ts";
import { ageOf } from "../time.ts";
import type {
  ConfigMap,
  Container,
  Deployment,
  EndpointSlice,
  Event,
  Json,
  KubeObject,
  LabelSelector,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from "../types.ts";
import { restartsText, summarizePod } from "./pod-status.ts";

/** One entry of a Table's `columnDefinitions`. */
export interface TableColumn {
  readonly name: string;
  readonly type: "string" | "integer";
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: number;
}

/** The columns of a kind. */
export function tableColumns(resource: Resource): readonly TableColumn[] {
  return printerOf(resource).columns;
}

/** The cells of one object, in the order of {@link tableColumns}. */
export function tableRow<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  nowMs: number,
): Json[] {
  return printerOf(resource).cells(object, nowMs);
}

interface Printer {
  readonly columns: readonly TableColumn[];
  readonly cells: (object: KubeObject, nowMs: number) => Json[];
}

function printerOf(resource: Resource): Printer {
  return present(printers[resource.kind], `printer for ${resource.kind}`);
}

/** "Name, Ready, *IP": a star is for `-o wide`, a hash for a number; then what the columns say. */
function printer<T extends KubeObject>(
  names: string,
  descriptions: Readonly<Record<string, string>>,
  cells: (object: T, nowMs: number) => Json[],
): Printer {
  const columns = names.split(", ").map((mark): TableColumn => {
    const name = mark.replace(/^[*#]/, "");
    return {
      name,
      type: mark.startsWith("#") ? "integer" : "string",
      format: name === "Name" ? "name" : "",
      description: descriptions[name] ?? commonDescriptions[name] ?? "",
      priority: mark.startsWith("*") ? 1 : 0,
    };
  });
  return { columns, cells: cells as Printer["cells"] };
}

const commonDescriptions: Readonly<Record<string, string>> = {
  Name: "Name of the object, unique in its namespace.",
  Age: "Time since the object was created.",
  Containers: "Names of the containers in the template.",
  Images: "Images of the containers in the template.",
  Selector: "Labels of the pods that belong to it.",
};

const none = "<none>";

const printers: Readonly<Record<string, Printer>> = {
  Pod: printer<Pod>(
    "Name, Ready, Status, Restarts, Age, *IP, *Node, *Nominated Node, *Readiness Gates",
    {
      Ready: "Containers that are ready, of all that should be.",
      Status: "What the containers are doing, in one word.",
      Restarts: "How often containers were restarted, and when last.",
    },
    podCells,
  ),
  Deployment: printer<Deployment>(
    "Name, Ready, Up-to-date, Available, Age, *Containers, *Images, *Selector",
    {
      Ready: "Pods that are ready, of all that are wanted.",
      "Up-to-date": "Pods made from the present template.",
      Available: "Pods that have been ready for long enough.",
    },
    ({ metadata, spec, status }, nowMs) => [
      metadata.name,
      `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      ageOf(metadata.creationTimestamp, nowMs),
      ...templateCells(spec.template.spec.containers, spec.selector),
    ],
  ),
  ReplicaSet: printer<ReplicaSet>(
    "Name, #Desired, #Current, #Ready, Age, *Containers, *Images, *Selector",
    { Desired: "Pods wanted.", Current: "Pods there.", Ready: "Pods that are ready." },
    ({ metadata, spec, status }, nowMs) => [
      metadata.name,
      spec.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      ageOf(metadata.creationTimestamp, nowMs),
      ...templateCells(spec.template.spec.containers, spec.selector),
    ],
  ),
  Service: printer<Service>(
    "Name, Type, Cluster-IP, External-IP, Port(s), Age, *Selector",
    { "Port(s)": "Ports of the service, and of every node where it has some." },
    serviceCells,
  ),
  EndpointSlice: printer<EndpointSlice>(
    "Name, AddressType, Ports, Endpoints, Age",
    { Endpoints: "Addresses behind the service." },
    ({ metadata, addressType, ports, endpoints }, nowMs) => [
      metadata.name,
      addressType,
      firstThree((ports ?? []).map(({ port, name }) => String(port ?? name ?? "*"))),
      firstThree((endpoints ?? []).flatMap(({ addresses }) => addresses)),
      ageOf(metadata.creationTimestamp, nowMs),
    ],
  ),
  Namespace: printer<Namespace>(
    "Name, Status, Age",
    { Status: "Active, or Terminating while its objects go." },
    ({ metadata, status }, nowMs) => [
      metadata.name,
      status?.phase ?? "",
      ageOf(metadata.creationTimestamp, nowMs),
    ],
  ),
  Node: printer<Node>(
    "Name, Status, Roles, Age, Version, *Internal-IP, *External-IP, *OS-Image, *Kernel-Version, *Container-Runtime",
    {
      Status: "Whether the node is ready, and open for new pods.",
      Version: "Version of its agent.",
    },
    nodeCells,
  ),
  Event: printer<Event>(
    "Last Seen, Type, Reason, Object, *Subobject, *Source, Message, *First Seen, *Count, *Name",
    { "Last Seen": "Time since it happened last.", Object: "What it is about." },
    eventCells,
  ),
  ConfigMap: printer<ConfigMap>(
    "Name, Data, Age",
    { Data: "How many keys it has." },
    ({ metadata, data, binaryData }, nowMs) => [
      metadata.name,
      Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
      ageOf(metadata.creationTimestamp, nowMs),
    ],
  ),
  Lease: printer<Lease>(
    "Name, Holder, Age",
    { Holder: "Who holds it." },
    ({ metadata, spec }, nowMs) => [
      metadata.name,
      spec?.holderIdentity ?? "",
      ageOf(metadata.creationTimestamp, nowMs),
    ],
  ),
};

function podCells(pod: Pod, nowMs: number): Json[] {
  const { metadata, spec, status } = pod;
  const summary = summarizePod(pod);
  const gates = spec.readinessGates ?? [];
  const open = gates.filter(({ conditionType }) =>
    status?.conditions?.some(({ type, status: is }) => type === conditionType && is === "True"),
  );
  return [
    metadata.name,
    `${summary.readyContainers}/${summary.totalContainers}`,
    summary.status,
    restartsText(summary, nowMs),
    ageOf(metadata.creationTimestamp, nowMs),
    status?.podIPs?.[0]?.ip || none,
    spec.nodeName || none,
    status?.nominatedNodeName || none,
    gates.length === 0 ? none : `${open.length}/${gates.length}`,
  ];
}

function templateCells(
  containers: readonly Container[] | undefined,
  selector: LabelSelector | undefined,
): Json[] {
  return [
    (containers ?? []).map(({ name }) => name).join(","),
    (containers ?? []).map(({ image }) => image).join(","),
    formatLabelSelector(requirementsOf(selector ?? {})),
  ];
}

function serviceCells(service: Service, nowMs: number): Json[] {
  const { metadata, spec } = service;
  const ports = (spec.ports ?? []).map(({ port, nodePort = 0, protocol = "TCP" }) =>
    nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  const labels = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    metadata.name,
    spec.type ?? "",
    spec.clusterIPs?.[0] ?? none,
    externalAddress(service),
    ports.join(",") || none,
    ageOf(metadata.creationTimestamp, nowMs),
    labels.sort().join(",") || none,
  ];
}

function externalAddress({ spec, status }: Service): string {
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  const given = spec.externalIPs ?? [];
  if (spec.type !== "LoadBalancer") return given.join(",") || none;
  const ingress = (status?.loadBalancer?.ingress ?? [])
    .map(({ ip, hostname }) => ip || hostname || "")
    .filter((address) => address !== "");
  return [...new Set(ingress.sort()), ...given].join(",") || "<pending>";
}

const listedMax = 3;

/** "80,81,82 + 2 more..." */
function firstThree(items: readonly string[]): string {
  if (items.length === 0) return "<unset>";
  const list = items.slice(0, listedMax).join(",");
  return items.length > listedMax ? `${list} + ${items.length - listedMax} more...` : list;
}

const rolePrefix = "node-role.kubernetes.io/";

function nodeCells({ metadata, spec, status }: Node, nowMs: number): Json[] {
  const info = status?.nodeInfo ?? {};
  const address = (type: string): string =>
    status?.addresses?.find((entry) => entry.type === type)?.address ?? none;
  const kernel = info["kernelVersion"] || "<unknown>";
  const architecture = info["architecture"];
  return [
    metadata.name,
    nodeStatus({ spec, status } as Node),
    rolesOf(metadata.labels ?? {}),
    ageOf(metadata.creationTimestamp, nowMs),
    info["kubeletVersion"] ?? "",
    address("InternalIP"),
    address("ExternalIP"),
    info["osImage"] || "<unknown>",
    architecture ? `${kernel} (${architecture})` : kernel,
    info["containerRuntimeVersion"] || "<unknown>",
  ];
}

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

function rolesOf(labels: Readonly<Record<string, string>>): string {
  const roles = Object.entries(labels).map(([key, value]) =>
    key.startsWith(rolePrefix)
      ? key.slice(rolePrefix.length)
      : key === "kubernetes.io/role"
        ? value
        : "",
  );
  const named = new Set(roles.filter((role) => role !== ""));
  return [...named].sort().join(",") || none;
}

function eventCells(event: Event, nowMs: number): Json[] {
  const { involvedObject: about, source } = event;
  const first = ageOf(event.firstTimestamp ?? event.eventTime, nowMs);
  const last = event.lastTimestamp ? ageOf(event.lastTimestamp, nowMs) : first;
  const kind = (about.kind ?? "").toLowerCase();
  const component = source?.component || event.reportingComponent || "";
  const host = source?.host || event.reportingInstance || "";
  return [
    event.series === undefined ? last : ageOf(event.series.lastObservedTime, nowMs),
    event.type ?? "",
    event.reason ?? "",
    about.name ? `${kind}/${about.name}` : kind,
    about.fieldPath ?? "",
    host === "" ? component : `${component}, ${host}`,
    (event.message ?? "").trim(),
    first,
    event.series?.count ?? (event.count || 1),
    event.metadata.name,
  ];
}
