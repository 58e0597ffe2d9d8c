/** Where an object lives in the Kubernetes REST API. Pure. */
import type { Resource } from "@flotilla/objects";

export interface PathParts {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** "/apis/apps/v1/namespaces/default/deployments/web/status"; parts that are left out shorten it. */
export function pathOf(resource: Resource, parts: PathParts = {}): string {
  const { group, version, plural, namespaced } = resource;
  let path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  if (namespaced && parts.namespace !== undefined) {
    path += `/namespaces/${encodeURIComponent(parts.namespace)}`;
  }
  path += `/${plural}`;
  if (parts.name !== undefined) path += `/${encodeURIComponent(parts.name)}`;
  if (parts.subresource !== undefined) path += `/${parts.subresource}`;
  return path;
}

/** "?a=b&c=d" of the values that are given; empty when there is none. */
export function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) query.set(name, value);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Names an object within its resource: "default/web", or "node-1" for a cluster-scoped kind. */
export function objectKey(object: {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
