/** Decides whether everything that was applied is Ready, and says what is not. Pure, but for the asking. */
import type { ObjectClient } from "@flotilla/client";
import {
  type Deployment,
  deployments,
  type KubeObject,
  nodes as nodeResource,
  type Pod,
  pods as podResource,
  type ReplicaSet,
  replicaSets,
  type Service,
  services,
} from "@flotilla/objects";
import type { Manifest } from "./manifests.ts";

/** One line for each thing that is not Ready; none when all is. */
export async function unready(
  client: ObjectClient,
  nodeNames: readonly string[],
  manifests: readonly Manifest[],
): Promise<string[]> {
  const nodes = await client.list(nodeResource);
  const problems = nodeNames.flatMap((name) => {
    const node = nodes.items.find(({ metadata }) => metadata.name === name);
    const ready = node?.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status === "True") return [];
    return [`node ${name}: ${ready === undefined ? "has not registered yet" : ready.message}`];
  });
  for (const { resource, object } of manifests) {
    const { name, namespace } = object.metadata;
    const present = await client.get(
      resource,
      namespace === undefined ? { name } : { namespace, name },
    );
    const problem = present === undefined ? "is gone" : problemOf(resource.kind, present);
    if (problem !== undefined) problems.push(`${resource.kind.toLowerCase()} ${name}: ${problem}`);
  }
  return problems;
}

/** Why this object is not Ready; undefined when it is, or when its kind has no such thing. */
export function problemOf(kind: string, object: KubeObject): string | undefined {
  if (kind === deployments.kind) {
    const { spec, status } = object as Deployment;
    const observed = (status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
    return shortfall(
      spec.replicas,
      observed ? Math.min(status?.updatedReplicas ?? 0, status?.readyReplicas ?? 0) : 0,
    );
  }
  if (kind === replicaSets.kind) {
    const { spec, status } = object as ReplicaSet;
    return shortfall(spec.replicas, status?.readyReplicas ?? 0);
  }
  if (kind === podResource.kind) {
    const ready = (object as Pod).status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === "True" ? undefined : `not ready (${(object as Pod).status?.phase})`;
  }
  if (kind === services.kind && (object as Service).spec.type === "LoadBalancer") {
    return entryOf(object as Service) === undefined ? "has no address yet" : undefined;
  }
  return undefined;
}

function shortfall(wanted = 1, ready: number): string | undefined {
  return ready >= wanted ? undefined : `${ready} of ${wanted} replicas are ready`;
}

/** The URL of a LoadBalancer's first port; undefined until a node carries it. */
export function entryOf({ spec, status }: Service): string | undefined {
  const address = status?.loadBalancer?.ingress?.[0]?.ip;
  const port = spec.ports?.[0]?.port;
  return address === undefined || port === undefined ? undefined : `http://${address}:${port}`;
}
