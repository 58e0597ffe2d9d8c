/**
 * From a path to what it names. Pure.
 *
 * Source: Kubernetes' URL layout, https://kubernetes.io/docs/reference/using-api/api-concepts/.
 */
import { allResources, apiVersionOf, namespaces, type Resource } from "@flotilla/objects";

export interface ObjectRoute {
  readonly kind: "objects";
  readonly resource: Resource;
  /** Undefined: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | undefined;
  /** Undefined: the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type Route =
  | ObjectRoute
  /** "/api" and "/apis". */
  | { readonly kind: "groups"; readonly root: "api" | "apis" }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "groupVersion"; readonly groupVersion: string }
  | { readonly kind: "version" }
  | { readonly kind: "health"; readonly check: "healthz" | "livez" | "readyz" }
  | { readonly kind: "openApiV2" }
  /** Empty: the index. */
  | { readonly kind: "openApiV3"; readonly groupVersion: string }
  | { readonly kind: "unknown" };

const unknown: Route = { kind: "unknown" };

/** What `path` (without query, percent-encoded) names; `unknown` when it is nothing that is served. */
export function routeOf(path: string): Route {
  const parts = decodeParts(path);
  if (parts === undefined) return unknown;
  const [root, ...rest] = parts;
  switch (root) {
    case "api":
      return rest.length === 0 ? { kind: "groups", root } : inGroup("", rest);
    case "apis":
      if (rest.length === 0) return { kind: "groups", root };
      if (rest.length === 1) return knownGroup(rest[0] as string);
      return inGroup(rest[0] as string, rest.slice(1));
    case "version":
      return rest.length === 0 ? { kind: "version" } : unknown;
    case "healthz":
    case "livez":
    case "readyz":
      return { kind: "health", check: root };
    case "openapi":
      if (rest[0] === "v2" && rest.length === 1) return { kind: "openApiV2" };
      return rest[0] === "v3"
        ? { kind: "openApiV3", groupVersion: rest.slice(1).join("/") }
        : unknown;
    default:
      return unknown;
  }
}

function decodeParts(path: string): string[] | undefined {
  try {
    const parts = path.split("/").slice(1).map(decodeURIComponent);
    if (parts.at(-1) === "") parts.pop(); // A slash at the end means nothing.
    // A name with a slash in it would reach into another object's key.
    return parts.some((part) => part === "" || part.includes("/")) ? undefined : parts;
  } catch {
    return undefined; // Malformed percent-encoding.
  }
}

function knownGroup(group: string): Route {
  return allResources.some((resource) => resource.group === group)
    ? { kind: "group", group }
    : unknown;
}

function inGroup(group: string, parts: readonly string[]): Route {
  const [version, ...rest] = parts;
  const groupVersion = group === "" ? `${version}` : `${group}/${version}`;
  const served = allResources.filter((resource) => apiVersionOf(resource) === groupVersion);
  if (served.length === 0) return unknown;
  if (rest.length === 0) return { kind: "groupVersion", groupVersion };
  const find = (plural: string | undefined): Resource | undefined =>
    served.find((resource) => resource.plural === plural);
  if (rest[0] === "namespaces" && rest.length >= 3) {
    const resource = find(rest[2]);
    if (resource?.namespaced) return objectRoute(resource, rest[1], rest.slice(3));
    return group === "" ? objectRoute(namespaces, undefined, rest.slice(1)) : unknown;
  }
  const resource = find(rest[0]);
  if (resource === undefined) return unknown;
  // A namespaced object cannot be named without its namespace.
  if (resource.namespaced && rest.length > 1) return unknown;
  return objectRoute(resource, undefined, rest.slice(1));
}

function objectRoute(
  resource: Resource,
  namespace: string | undefined,
  rest: readonly string[],
): Route {
  if (rest.length > 2) return unknown;
  return { kind: "objects", resource, namespace, name: rest[0], subresource: rest[1] };
}
