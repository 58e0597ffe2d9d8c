/** Decides whether everything that was applied is Ready, and says what is not. Pure, but for the asking. */
import { connect } from "node:net";
import type { ObjectClient } from "@flotilla/client";
import {
  type Deployment,
  deployments,
  type KubeObject,
  nodes as nodeResource,
  type Pod,
  pods as podResource,
  type ReplicaSet,
  type Resource,
  replicaSets,
  type Service,
  services,
} from "@flotilla/objects";

/** A listener on this machine answers at once. */
const connectMs = 500;
const workloads: readonly Resource[] = [deployments, replicaSets, podResource];
/** Times in objects are in whole seconds. */
const secondMs = 1000;

/** A node, and when it was started: what it said before that is of an earlier life. */
export interface ExpectedNode {
  readonly name: string;
  /** Milliseconds since 1970; 0 when it was running already. */
  readonly startedAtMs: number;
}

/** One line for each thing that is not Ready; none when all is. */
export async function unready(
  client: ObjectClient,
  expected: readonly ExpectedNode[],
): Promise<string[]> {
  const nodes = await client.list(nodeResource);
  const problems = expected.flatMap(({ name, startedAtMs }) => {
    const node = nodes.items.find(({ metadata }) => metadata.name === name);
    const ready = node?.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready === undefined) return [`node ${name}: has not registered yet`];
    const saidAtMs = Date.parse(ready.lastHeartbeatTime ?? "");
    if (!(saidAtMs + secondMs > startedAtMs)) return [`node ${name}: has not reported yet`];
    return ready.status === "True" ? [] : [`node ${name}: ${ready.message}`];
  });
  return [...problems, ...(await workloadProblems(client)), ...(await entryProblems(client))];
}

/** Everything that was ever applied counts: a cluster that comes up again has to be what it was. */
async function workloadProblems(client: ObjectClient): Promise<string[]> {
  const problems = await Promise.all(
    workloads.map(async (resource) => {
      const { items } = await client.list(resource);
      return items.filter(isApplied).map((object) => {
        const problem = problemOf(resource.kind, object);
        return problem && `${resource.singular} ${object.metadata.name}: ${problem}`;
      });
    }),
  );
  return problems.flat().filter((problem) => problem !== undefined);
}

/** What has an owner was made by a controller, and its owner is asked instead. */
const isApplied = ({ metadata }: KubeObject) => (metadata.ownerReferences ?? []).length === 0;

/** An entry is there when somebody listens: its address alone may be an old one. */
async function entryProblems(client: ObjectClient): Promise<string[]> {
  const { items } = await client.list(services);
  const entries = items.filter(({ spec }) => spec.type === "LoadBalancer");
  const problems = await Promise.all(
    entries.map(async (service) => {
      const url = entryOf(service);
      if (url === undefined) return `service ${service.metadata.name}: has no address yet`;
      return (await answers(url))
        ? ""
        : `service ${service.metadata.name}: nobody listens at ${url}`;
    }),
  );
  return problems.filter((problem) => problem !== "");
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(connectMs, () => done(false));
    socket.on("error", () => done(false));
    socket.on("connect", () => done(true));
  });
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
    const phase = (object as Pod).status?.phase;
    return ready?.status === "True" || phase === "Succeeded" ? undefined : `not ready (${phase})`;
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
