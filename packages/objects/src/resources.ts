/** The resources that are served: how each kind is named in a path, and its TypeScript type. */
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  Event,
  KubeObject,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from "./types.ts";

/** `T` is carried in the type only. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: readonly ("status" | "scale" | "binding")[];
  readonly __type?: T;
}

function resource<T extends KubeObject>(
  groupVersion: string,
  names: { kind: string; plural: string; shortNames?: string[]; categories?: string[] },
  shape: { namespaced?: boolean; subresources?: ("status" | "scale" | "binding")[] } = {},
): Resource<T> {
  const slash = groupVersion.indexOf("/");
  return {
    group: slash < 0 ? "" : groupVersion.slice(0, slash),
    version: groupVersion.slice(slash + 1),
    kind: names.kind,
    plural: names.plural,
    singular: names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: shape.namespaced ?? true,
    subresources: shape.subresources ?? [],
  };
}

const all = ["all"];
export const namespaces: Resource<Namespace> = resource(
  "v1",
  { kind: "Namespace", plural: "namespaces", shortNames: ["ns"] },
  { namespaced: false, subresources: ["status"] },
);
export const nodes: Resource<Node> = resource(
  "v1",
  { kind: "Node", plural: "nodes", shortNames: ["no"] },
  { namespaced: false, subresources: ["status"] },
);
export const pods: Resource<Pod> = resource(
  "v1",
  { kind: "Pod", plural: "pods", shortNames: ["po"], categories: all },
  { subresources: ["status", "binding"] },
);
export const services: Resource<Service> = resource(
  "v1",
  { kind: "Service", plural: "services", shortNames: ["svc"], categories: all },
  { subresources: ["status"] },
);
export const events: Resource<Event> = resource("v1", {
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
});
export const configMaps: Resource<ConfigMap> = resource("v1", {
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
});
export const deployments: Resource<Deployment> = resource(
  "apps/v1",
  { kind: "Deployment", plural: "deployments", shortNames: ["deploy"], categories: all },
  { subresources: ["status", "scale"] },
);
export const replicaSets: Resource<ReplicaSet> = resource(
  "apps/v1",
  { kind: "ReplicaSet", plural: "replicasets", shortNames: ["rs"], categories: all },
  { subresources: ["status", "scale"] },
);
export const endpointSlices: Resource<EndpointSlice> = resource("discovery.k8s.io/v1", {
  kind: "EndpointSlice",
  plural: "endpointslices",
});
export const leases: Resource<Lease> = resource("coordination.k8s.io/v1", {
  kind: "Lease",
  plural: "leases",
});

/** Every resource, in the order that discovery lists them. */
export const allResources: readonly Resource[] = [
  namespaces,
  nodes,
  pods,
  services,
  events,
  configMaps,
  deployments,
  replicaSets,
  endpointSlices,
  leases,
];

/** "v1" or "apps/v1". */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}
