/**
 * Discovery documents: what is served, in the two forms that clients ask for. Pure.
 *
 * Sources: KEP-3352 (aggregated discovery), apimachinery metav1.APIResourceList (legacy). kubectl
 * before 1.30 knows aggregated discovery as v2beta1 only; `drain` and `auth can-i` read the legacy
 * form whatever their version.
 */
import { allResources, apiVersionOf, type Json, type Resource } from "@flotilla/objects";

type Document = { [key: string]: Json };
type DiscoveryVersion = "v2" | "v2beta1";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

interface Subresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: string[];
}

function subresourcesOf(resource: Resource): Subresource[] {
  const { group, version, kind } = resource;
  const served: Subresource[] = resource.subresources.map((name) => {
    if (name === "scale") {
      return { name, group: "autoscaling", version: "v1", kind: "Scale", verbs: verbsOf(name) };
    }
    return {
      name,
      group,
      version,
      kind: name === "binding" ? "Binding" : kind,
      verbs: verbsOf(name),
    };
  });
  // With another kind here `kubectl drain` would delete pods instead of evicting them.
  if (resource.plural === "pods") {
    served.push({
      name: "eviction",
      group: "policy",
      version: "v1",
      kind: "Eviction",
      verbs: ["create"],
    });
  }
  return served.sort((left, right) => (left.name < right.name ? -1 : 1));
}

function verbsOf(subresource: "status" | "scale" | "binding"): string[] {
  return subresource === "binding" ? ["create"] : ["get", "patch", "update"];
}

/** "/api" or "/apis" in the aggregated form. */
export function aggregatedDiscovery(root: "api" | "apis", version: DiscoveryVersion): Document {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(root).map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versionsOf(group).map((groupVersion) => ({
        version: groupVersion.slice(groupVersion.indexOf("/") + 1),
        freshness: "Current",
        resources: resourcesOf(groupVersion).map(aggregatedResource),
      })),
    })),
  };
}

/** Its content type; the exact parameters make a client read it as aggregated. */
export function discoveryContentType(version: DiscoveryVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

function aggregatedResource(resource: Resource): Document {
  const { group, version, kind, plural, singular, shortNames, categories } = resource;
  const subresources = subresourcesOf(resource);
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
    ...(subresources.length === 0
      ? {}
      : {
          subresources: subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
            verbs: sub.verbs,
          })),
        }),
  };
}

/** "/api": the versions of the core group. */
export function apiVersions(): Document {
  return { kind: "APIVersions", versions: versionsOf(""), serverAddressByClientCIDRs: [] };
}

/** "/apis": every other group. */
export function apiGroupList(): Document {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf("apis").map(groupBody) };
}

/** "/apis/<group>". */
export function apiGroup(group: string): Document {
  return { kind: "APIGroup", apiVersion: "v1", ...groupBody(group) };
}

function groupBody(group: string): Document {
  const versions = versionsOf(group).map((groupVersion) => ({
    groupVersion,
    version: groupVersion.slice(groupVersion.indexOf("/") + 1),
  }));
  return { name: group, versions, preferredVersion: versions[0] ?? null };
}

/** "/api/v1" or "/apis/<group>/<version>". */
export function apiResourceList(groupVersion: string): Document {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion,
    resources: resourcesOf(groupVersion).flatMap(legacyResources),
  };
}

function legacyResources(resource: Resource): Document[] {
  const { kind, plural, singular, namespaced, shortNames, categories } = resource;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
      ...(categories.length === 0 ? {} : { categories: [...categories] }),
    },
    ...subresourcesOf(resource).map((sub) => ({
      name: `${plural}/${sub.name}`,
      singularName: "",
      namespaced,
      ...(sub.group === resource.group ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ];
}

function groupsOf(root: "api" | "apis"): string[] {
  if (root === "api") return [""];
  return [...new Set(allResources.map((resource) => resource.group))].filter(
    (group) => group !== "",
  );
}

function versionsOf(group: string): string[] {
  const ofGroup = allResources.filter((resource) => resource.group === group);
  return [...new Set(ofGroup.map(apiVersionOf))];
}

function resourcesOf(groupVersion: string): Resource[] {
  return allResources.filter((resource) => apiVersionOf(resource) === groupVersion);
}

/** Every group-version that is served, core first. */
export function groupVersions(): string[] {
  return [...new Set(allResources.map(apiVersionOf))];
}

/** "/version". Minor and name follow the Kubernetes API that is implemented. */
export function versionDocument(platform: string): Document {
  return {
    major: "1",
    minor: "36",
    emulationMajor: "1",
    emulationMinor: "36",
    minCompatibilityMajor: "1",
    minCompatibilityMinor: "35",
    gitVersion: "v1.36.3+flotilla",
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "none",
    compiler: "none",
    platform,
  };
}
