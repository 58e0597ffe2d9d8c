/** A whole cluster by virtual time: controllers, scheduler, agents. */
import { Prng, silentLogger } from "@flotilla/base";
import {
  type Deployment,
  deployments,
  type Pod,
  pods,
  type Service,
  services,
} from "@flotilla/objects";
// biome-ignore lint/correctness/noUndeclaredDependencies: only this test runs the two together; the packages stay apart.
import { startScheduler } from "@flotilla/scheduler";
import { type NodeOptions, startControllers } from "../src/index.ts";
import type { ControllerDeps } from "../src/ports.ts";
import { FakeAgents } from "./fake-agent.ts";
import { type Faults, MemoryCluster, noFaults } from "./memory-cluster.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface World {
  readonly time: VirtualTime;
  readonly cluster: MemoryCluster;
  readonly agents: FakeAgents;
  readonly alerts: string[];
  /** A new leader over the same objects. */
  lead(options?: Partial<NodeOptions>): { stop(): void; readonly stopped: boolean };
}

export interface WorldOptions {
  readonly seed: number;
  readonly faults?: Faults;
  readonly startMsMax?: number;
  readonly stopMsMax?: number;
}

/** A world without nodes and without a leader. */
export function makeWorld({ seed, faults = noFaults, ...times }: WorldOptions): World {
  const prng = new Prng(seed);
  const time = new VirtualTime();
  const cluster = new MemoryCluster(time, prng.split(), faults);
  const { startMsMax = 1_000, stopMsMax = 500 } = times;
  const agents = new FakeAgents(cluster, time, prng.split(), { startMsMax, stopMsMax });
  cluster.onChange = () => agents.look();
  const alerts: string[] = [];
  const warn = (message: string, fields: object = {}) => {
    alerts.push(`${message} ${Object.values(fields).join(" ")}`);
  };
  const deps: ControllerDeps = {
    client: cluster,
    clock: time,
    wallNowMs: () => time.wallNowMs(),
    random: prng.split(),
    logger: { ...silentLogger, warn },
    timers: time.timers,
  };
  const lead = (options: Partial<NodeOptions> = {}) => {
    const controllers = startControllers(deps, options);
    const scheduler = startScheduler(deps);
    return {
      stop() {
        controllers.stop();
        scheduler.stop();
      },
      get stopped() {
        return controllers.stopped && scheduler.stopped;
      },
    };
  };
  return { time, cluster, agents, alerts, lead };
}

/** A Deployment with defaults filled in, as the API stores it. */
export function deploymentOf(
  name: string,
  spec: Partial<Deployment["spec"]> = {},
  image = "v1",
): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name, labels: { app: name } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" },
      },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      template: templateOf(name, image),
      ...spec,
    },
  };
}

export function templateOf(name: string, image: string): Deployment["spec"]["template"] {
  const ports = [{ containerPort: 80, name: "http" }];
  return {
    metadata: { labels: { app: name } },
    spec: { containers: [{ name: "main", image, ports }], terminationGracePeriodSeconds: 2 },
  };
}

export function serviceOf(name: string, spec: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name, uid: `svc-${name}` },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: "http" }], ...spec },
  };
}

/** Changes a Deployment until nobody was faster. */
export async function edit(
  { cluster }: World,
  name: string,
  change: (spec: Deployment["spec"]) => Partial<Deployment["spec"]>,
): Promise<void> {
  for (;;) {
    const before = cluster.peek(deployments, `default/${name}`);
    if (before === undefined) throw new Error(`no deployment ${name}`);
    const spec = { ...before.spec, ...change(before.spec) };
    if ((await cluster.update(deployments, { ...before, spec })).kind === "ok") return;
  }
}

export function isActive({ metadata, status }: Pod): boolean {
  const isOver = status?.phase === "Failed" || status?.phase === "Succeeded";
  return metadata.deletionTimestamp === undefined && !isOver;
}

export function isReady({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false
  );
}

/** Active pods of an app. */
export function activePods({ cluster }: World, app: string): Pod[] {
  return cluster.all(pods).filter((pod) => pod.metadata.labels?.["app"] === app && isActive(pod));
}

/** The deployment's rollout is complete, by its own status. */
export function isRolledOut({ cluster }: World, name: string): boolean {
  const deployment = cluster.peek(deployments, `default/${name}`);
  const { status, spec, metadata } = deployment ?? deploymentOf(name);
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === spec.replicas &&
    status?.replicas === spec.replicas &&
    status?.availableReplicas === spec.replicas
  );
}

export { deployments, pods, services };
