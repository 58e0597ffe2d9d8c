import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  endpointSlices,
  events,
  leases,
  nodes,
  type OwnerReference,
  replicaSets,
} from "@flotilla/objects";
import { limitsOf } from "../src/deployment/view.ts";
import {
  activePods,
  deploymentOf,
  deployments,
  edit,
  isReady,
  isRolledOut,
  makeWorld,
  pods,
  serviceOf,
  services,
  templateOf,
  type World,
} from "./fixtures.ts";

async function startedWorld(seed: number, nodeCount = 3): Promise<World> {
  const world = makeWorld({ seed });
  for (let at = 1; at <= nodeCount; at++) await world.agents.addNode(`n${at}`);
  return world;
}

function nodesOf(world: World, app: string): string {
  return activePods(world, app)
    .filter(isReady)
    .map(({ spec }) => spec.nodeName)
    .toSorted()
    .join(" ");
}

describe("a cluster by virtual time", () => {
  it("turns a Deployment into one ready pod per node, with endpoints at their real ports", async () => {
    const world = await startedWorld(1);
    const leader = world.lead();
    await world.cluster.create(services, serviceOf("web", { type: "LoadBalancer" }));
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(10_000);
    equal(nodesOf(world, "web"), "n1 n2 n3");
    const ports = world.cluster
      .all(endpointSlices)
      .flatMap((slice) => slice.endpoints.map(() => slice.ports?.[0]?.port ?? 0));
    deepEqual(ports.toSorted(), [40_000, 40_001, 40_002]);
    const service = world.cluster.peek(services, "default/web");
    deepEqual(service?.status?.loadBalancer, { ingress: [{ ip: "127.0.0.1" }] });
    ok(isRolledOut(world, "web"));
    leader.stop();
  });

  it("comes to rest: nothing is written once the world is as it should be", async () => {
    const world = await startedWorld(2);
    const leader = world.lead();
    await world.cluster.create(services, serviceOf("web"));
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(30_000);
    const { writes } = world.cluster;
    await world.time.advance(3_600_000);
    equal(world.cluster.writes, writes);
    leader.stop();
  });

  it("writes nothing when it looks again at what the API stored without its zeros", async () => {
    const world = await startedWorld(2);
    const first = world.lead();
    await world.cluster.create(services, serviceOf("web"));
    await world.cluster.create(deployments, deploymentOf("web", { revisionHistoryLimit: 1 }));
    for (const image of ["v2", "v3", "v4"]) {
      await world.time.advance(30_000);
      await edit(world, "web", () => ({ template: templateOf("web", image) }));
    }
    await world.time.advance(30_000);
    equal(world.cluster.all(replicaSets).length, 2, "the present one and one old one");
    first.stop();
    const { writes, idleWrites } = world.cluster;
    const second = world.lead();
    await world.time.advance(60_000);
    equal(world.cluster.writes, writes);
    equal(world.cluster.idleWrites, idleWrites);
    second.stop();
  });

  it("removes ReplicaSets, pods and slices of what is deleted", async () => {
    const world = await startedWorld(3);
    const leader = world.lead();
    await world.cluster.create(services, serviceOf("web"));
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(10_000);
    await world.cluster.delete(deployments, { namespace: "default", name: "web" });
    await world.cluster.delete(services, { namespace: "default", name: "web" });
    await world.time.advance(10_000);
    const left = [replicaSets, pods, endpointSlices].map(
      (each) => world.cluster.all(each as never).length,
    );
    deepEqual(left, [0, 0, 0]);
    leader.stop();
  });

  it("collects what is given an owner that is gone, but nothing of the whole cluster for one in a namespace", async () => {
    const world = await startedWorld(3);
    const leader = world.lead();
    const gone = { apiVersion: "apps/v1", kind: "Deployment", name: "gone", uid: "gone" };
    const service = await world.cluster.create(services, serviceOf("web"));
    ok(service.kind === "ok");
    const owner = {
      apiVersion: "v1",
      kind: "Service",
      name: "web",
      uid: service.object.metadata.uid,
    };
    const ownedBy = (reference: object) => ({ ownerReferences: [reference as OwnerReference] });
    const slice = { addressType: "IPv4" as const, endpoints: [], ...{ apiVersion: "", kind: "" } };
    const metadata = { namespace: "default", name: "mine", ...ownedBy(owner) };
    const created = await world.cluster.create(endpointSlices, { ...slice, metadata });
    await world.time.advance(1_000);
    ok(created.kind === "ok" && world.cluster.peek(endpointSlices, "default/mine"));
    const changed = { ...created.object.metadata, ...ownedBy(gone) };
    await world.cluster.update(endpointSlices, { ...created.object, metadata: changed });
    await world.cluster.patch(nodes, { name: "n1" }, { metadata: ownedBy(gone) } as never);
    await world.time.advance(1_000);
    equal(world.cluster.peek(endpointSlices, "default/mine"), undefined);
    ok(world.cluster.peek(nodes, "n1"), "a node stays");
    leader.stop();
  });

  it("replaces the pods of a dead node within 10 s of the power cut", async () => {
    const world = await startedWorld(4);
    const leader = world.lead();
    await world.cluster.create(services, serviceOf("web"));
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(20_000);
    world.agents.powerOff("n2");
    await world.time.advance(4_100);
    const endpoints = world.cluster.all(endpointSlices).flatMap((slice) => slice.endpoints);
    const served = endpoints
      .filter(({ conditions }) => conditions?.ready)
      .map((each) => each.nodeName);
    deepEqual(served.toSorted(), ["n1", "n3"], "withdrawn at once");
    await world.time.advance(5_900);
    equal(activePods(world, "web").filter(isReady).length, 3);
    ok(!nodesOf(world, "web").includes("n2"));
    ok(world.alerts.includes("node is unreachable n2"));
    const warnings = world.cluster.all(events).filter(({ reason }) => reason === "NodeNotReady");
    ok(warnings.some(({ involvedObject }) => involvedObject.kind === "Node"));
    leader.stop();
  });

  it("heals when two of three nodes die one after the other within a minute", async () => {
    const world = await startedWorld(5);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(20_000);
    world.agents.powerOff("n1");
    await world.time.advance(20_000);
    world.agents.powerOff("n2");
    await world.time.advance(10_000);
    equal(nodesOf(world, "web"), "n3 n3 n3");
    leader.stop();
  });

  it("evicts nothing when all nodes vanish at once, and not before a grace after they return", async () => {
    const world = await startedWorld(6);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(20_000);
    const before = activePods(world, "web").map(({ metadata }) => metadata.uid);
    world.agents.powerOff("n1", 4_000);
    world.agents.powerOff("n2", 4_500);
    world.agents.powerOff("n3", 5_000);
    await world.time.advance(60_000);
    deepEqual(
      activePods(world, "web").map(({ metadata }) => metadata.uid),
      before,
    );
    await world.agents.powerOn("n1");
    await world.time.advance(2_000);
    await world.agents.powerOn("n2");
    await world.agents.powerOn("n3");
    await world.time.advance(20_000);
    deepEqual(
      activePods(world, "web").map(({ metadata }) => metadata.uid),
      before,
    );
    equal(nodesOf(world, "web"), "n1 n2 n3");
    equal(world.alerts.filter((alert) => alert.startsWith("evictions are held")).length, 1);
    leader.stop();
  });

  it("removes the pods of a node that stays unreachable, and lets a returning node start afresh", async () => {
    const world = await startedWorld(7);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(20_000);
    world.agents.powerOff("n1");
    await world.time.advance(20_000);
    equal(world.cluster.all(pods).length, 3, "the marked pod is gone, too");
    await world.agents.powerOn("n1");
    await world.time.advance(10_000);
    deepEqual(world.cluster.peek(nodes, "n1")?.spec?.taints, []);
    leader.stop();
  });

  it("waits a grace period as a fresh leader before it judges", async () => {
    const world = await startedWorld(8);
    const first = world.lead();
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(20_000);
    first.stop();
    await world.cluster.delete(leases, { namespace: "kube-node-lease", name: "n1" });
    const second = world.lead({ graceMs: 5_000 });
    await world.time.advance(4_900);
    equal(world.cluster.peek(nodes, "n1")?.spec?.taints?.length ?? 0, 0);
    await world.time.advance(200);
    equal(world.cluster.peek(nodes, "n1")?.spec?.taints?.length, 2);
    second.stop();
  });

  it("stops at once, timers and all, when a write is fenced", async () => {
    const world = await startedWorld(9);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web", { minReadySeconds: 30 }));
    await world.time.advance(5_000);
    await world.cluster.create(deployments, deploymentOf("api"));
    const { spec } = templateOf("lone", "v1");
    const metadata = { namespace: "default", name: "lone" };
    await world.cluster.create(pods, { apiVersion: "v1", kind: "Pod", metadata, spec });
    world.cluster.fenced = true;
    const { writes } = world.cluster;
    await world.time.advance(60_000);
    equal(leader.stopped, true);
    equal(world.cluster.writes, writes);
  });

  it("leaves no timer behind after stop()", async () => {
    const world = await startedWorld(10);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web", { minReadySeconds: 30 }));
    await world.time.advance(5_000);
    ok(world.time.pendingCount > 0);
    leader.stop();
    await world.time.advance(0);
    equal(world.time.pendingCount, 0);
  });

  it("says why pods cannot be created, tries one at a time, and recovers", async () => {
    const world = await startedWorld(11);
    const leader = world.lead();
    world.cluster.refuseCreation = { plural: "pods", message: "pods are forbidden today" };
    await world.cluster.create(deployments, deploymentOf("web", { replicas: 10 }));
    await world.time.advance(10_000);
    const status = world.cluster.peek(deployments, "default/web")?.status;
    const failure = status?.conditions?.find(({ type }) => type === "ReplicaFailure");
    deepEqual([failure?.reason, failure?.message], ["FailedCreate", "pods are forbidden today"]);
    world.cluster.refuseCreation = undefined;
    await world.time.advance(20_000);
    ok(isRolledOut(world, "web"));
    const after = world.cluster.peek(deployments, "default/web")?.status?.conditions;
    equal(
      after?.some(({ type }) => type === "ReplicaFailure"),
      false,
    );
    leader.stop();
  });

  it("says why a ReplicaSet cannot be created, and recovers", async () => {
    const world = await startedWorld(11);
    const leader = world.lead();
    world.cluster.refuseCreation = { plural: "replicasets", message: "the name is too long" };
    await world.cluster.create(deployments, deploymentOf("web"));
    await world.time.advance(60_000);
    const told = world.cluster.all(events).map(({ reason, message }) => `${reason}: ${message}`);
    deepEqual(told, [
      "ReplicaSetCreateError: Failed to create new replica set: the name is too long",
    ]);
    const conditions = () => {
      const { status } = world.cluster.peek(deployments, "default/web") ?? deploymentOf("web");
      return status?.conditions?.map(({ type, status: is }) => `${type}=${is}`).join(" ");
    };
    equal(conditions(), "Available=False ReplicaFailure=True");
    const { status: refused } = world.cluster.peek(deployments, "default/web") ?? {};
    ok(refused?.conditions?.every(({ lastTransitionTime }) => lastTransitionTime !== undefined));
    world.cluster.refuseCreation = undefined;
    await world.time.advance(60_000);
    ok(isRolledOut(world, "web"));
    equal(conditions(), "Available=True Progressing=True");
    leader.stop();
  });

  it("never runs old and new together with strategy Recreate", async () => {
    const world = makeWorld({ seed: 12, stopMsMax: 3_000 });
    for (const name of ["n1", "n2"]) await world.agents.addNode(name);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("db", { strategy: { type: "Recreate" } }));
    await world.time.advance(10_000);
    const { onChange } = world.cluster;
    world.cluster.onChange = () => {
      onChange?.();
      const images = world.cluster.all(pods).map(({ spec }) => spec.containers[0]?.image);
      ok(new Set(images).size <= 1, `together: ${images}`);
    };
    await edit(world, "db", () => ({ template: templateOf("db", "v2") }));
    await world.time.advance(20_000);
    ok(isRolledOut(world, "db"));
    equal(activePods(world, "db")[0]?.spec.containers[0]?.image, "v2");
    leader.stop();
  });

  it("rolls back to an old ReplicaSet under a new revision, and keeps the history", async () => {
    const world = await startedWorld(13);
    const leader = world.lead();
    await world.cluster.create(deployments, deploymentOf("web"));
    for (const image of ["v2", "v1"]) {
      await world.time.advance(20_000);
      await edit(world, "web", () => ({ template: templateOf("web", image) }));
    }
    await world.time.advance(20_000);
    const sets = world.cluster.all(replicaSets).map(({ metadata, spec }) => ({
      image: spec.template.spec.containers[0]?.image,
      revision: metadata.annotations?.["deployment.kubernetes.io/revision"],
      history: metadata.annotations?.["deployment.kubernetes.io/revision-history"],
      replicas: spec.replicas,
    }));
    deepEqual(sets, [
      { image: "v1", revision: "3", history: "1", replicas: 3 },
      { image: "v2", revision: "2", history: undefined, replicas: 0 },
    ]);
    const { annotations } = world.cluster.peek(deployments, "default/web")?.metadata ?? {};
    equal(annotations?.["deployment.kubernetes.io/revision"], "3");
    leader.stop();
  });

  it("reports a rollout that makes no progress within its deadline", async () => {
    const world = makeWorld({ seed: 14 });
    const leader = world.lead(); // No nodes: nothing can ever run.
    await world.cluster.create(deployments, deploymentOf("web", { progressDeadlineSeconds: 60 }));
    await world.time.advance(59_000);
    equal(progressing(world)?.reason, "ReplicaSetUpdated");
    await world.time.advance(5_000);
    deepEqual(
      [progressing(world)?.status, progressing(world)?.reason],
      ["False", "ProgressDeadlineExceeded"],
    );
    leader.stop();
  });
});

function progressing({ cluster }: World) {
  const { conditions } = cluster.peek(deployments, "default/web")?.status ?? {};
  return conditions?.find(({ type }) => type === "Progressing");
}

const seeds = 200;

describe(`rollouts under conflicts, latency and lost history (${seeds} seeds)`, () => {
  it("keep within maxSurge and maxUnavailable at every write, and end", async () => {
    for (let seed = 0; seed < seeds; seed++) await checkRollout(seed);
  });
});

async function checkRollout(seed: number): Promise<void> {
  const prng = new Prng(seed);
  const replicas = prng.between(1, 7);
  const amount = () => prng.pick([0, 1, 2, "25%", "50%", "100%"] as const);
  const strategy = {
    type: "RollingUpdate",
    rollingUpdate: { maxSurge: amount(), maxUnavailable: amount() },
  } as const;
  const minReadySeconds = prng.pick([0, 0, 2]);
  const faults = { conflicts: 0.1, expiries: 0.02, latencyMsMax: 40 };
  const world = makeWorld({ seed, faults, startMsMax: 3_000, stopMsMax: 2_000 });
  for (const name of ["n1", "n2", "n3"]) await settleWhile(world, world.agents.addNode(name));
  const leader = world.lead();
  const deployment = deploymentOf("web", { replicas, strategy, minReadySeconds });
  const label = `seed=${seed} replicas=${replicas} ${JSON.stringify(strategy.rollingUpdate)}`;
  await settleWhile(world, world.cluster.create(deployments, deployment));
  await world.time.advance(60_000, () => isRolledOut(world, "web"));
  ok(isRolledOut(world, "web"), `${label}: first rollout`);

  const limits = limitsOf(deployment);
  const { onChange } = world.cluster;
  const broken: string[] = [];
  world.cluster.onChange = () => {
    onChange?.();
    const active = activePods(world, "web");
    const ready = active.filter(isReady).length;
    if (active.length > replicas + limits.maxSurge) broken.push(`${active.length} active`);
    // Available implies ready; pods that were ready once stay so in this world.
    if (ready < replicas - limits.maxUnavailable) broken.push(`${ready} ready`);
  };
  for (const image of ["v2", "v3", "v1"]) {
    const edited = edit(world, "web", () => ({ template: templateOf("web", image) }));
    await settleWhile(world, edited);
    await world.time.advance(prng.below(6_000)); // The next template may come in the middle.
  }
  await world.time.advance(300_000, () => isRolledOut(world, "web"));
  deepEqual(broken, [], label);
  ok(isRolledOut(world, "web"), `${label}: last rollout`);
  const images = activePods(world, "web").map(({ spec }) => spec.containers[0]?.image);
  deepEqual(new Set(images), new Set(["v1"]), label);
  leader.stop();
}

/** Lets time pass until `promise` has settled: answers take virtual time. */
async function settleWhile<T>(world: World, promise: Promise<T>): Promise<T> {
  let settled = false;
  const ended = promise.finally(() => {
    settled = true;
  });
  await world.time.advance(60_000, () => settled);
  return ended;
}
