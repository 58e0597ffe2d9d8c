/**
 * Where objects lie in the store. Kubernetes' own layout, so that `etcdctl get /registry --prefix`
 * shows what its users expect. Pure.
 *
 *     /registry/pods/default/web-1            /registry/deployments/default/web
 *     /registry/services/specs/default/web    /registry/minions/node-1
 */
import type { Resource } from "@flotilla/objects";

/** Kinds whose folder is not their plural (Kubernetes pkg/registry/core/rest/storage_core.go). */
const folders: Readonly<Record<string, string>> = { services: "services/specs", nodes: "minions" };

/** The prefix of all objects of a kind, or of those in one namespace. Ends with "/". */
export function prefixOf(resource: Resource, namespace?: string): string {
  const folder = `/registry/${folders[resource.plural] ?? resource.plural}/`;
  return namespace === undefined || !resource.namespaced ? folder : `${folder}${namespace}/`;
}

/** The key of one object; `namespace` is ignored for a cluster-scoped kind. */
export function keyOf(resource: Resource, namespace: string | undefined, name: string): string {
  return prefixOf(resource, namespace) + name;
}

/** Holds the owner of an allocated cluster IP: present = taken. */
export function clusterIpKey(address: string): string {
  return `/registry/ranges/clusterips/${address}`;
}

/** Holds the owner of an allocated node port: present = taken. */
export function nodePortKey(port: number): string {
  return `/registry/ranges/nodeports/${port}`;
}
