import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Deployment, formatTime, type Pod, type ReplicaSet } from "@flotilla/objects";
import type { Action } from "../../src/decision.ts";
import { decideDeployment } from "../../src/deployment/decide.ts";
import { type DeploymentWorld, limitsOf } from "../../src/deployment/view.ts";
import { deploymentOf, templateOf } from "../fixtures.ts";

const nowMs = Date.UTC(2030, 0, 1, 12);
const uid = "d-1";

function deployed(
  spec: Partial<Deployment["spec"]> = {},
  status?: Deployment["status"],
): Deployment {
  const deployment = deploymentOf("web", spec);
  return {
    ...deployment,
    metadata: { ...deployment.metadata, uid, generation: 1, resourceVersion: "5" },
    ...(status === undefined ? {} : { status }),
  };
}

function setOf(
  image: string,
  replicas: number,
  annotations: Record<string, string> = {},
): ReplicaSet {
  const template = templateOf("web", image);
  const labels = { app: "web", "pod-template-hash": image };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { namespace: "default", name: `web-${image}`, uid: `rs-${image}`, annotations },
    spec: {
      replicas,
      minReadySeconds: 0,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    },
  };
}

function podsOf(set: ReplicaSet, count: number, readySince = nowMs): Pod[] {
  return Array.from({ length: count }, (_, at) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "default",
      name: `${set.metadata.name}-${at}`,
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: "",
          uid: set.metadata.uid ?? "",
          controller: true,
        },
      ],
    },
    spec: set.spec.template.spec,
    status: {
      phase: "Running" as const,
      conditions: [
        { type: "Ready", status: "True" as const, lastTransitionTime: formatTime(readySince) },
      ],
    },
  }));
}

function decide(deployment: Deployment, more: Partial<DeploymentWorld> = {}) {
  const replicaSets = more.replicaSets ?? [];
  const takenNames = new Set(replicaSets.map(({ metadata }) => metadata.name));
  const world = { deployment, replicaSets, pods: [], takenNames, nowMs, refusal: undefined };
  return decideDeployment({ ...world, ...more });
}

function actionsOf(deployment: Deployment, more: Partial<DeploymentWorld> = {}): Action[] {
  return decide(deployment, more).sequences.flat();
}

/** "create replicasets 3", "event ScalingReplicaSet: ...", ... */
function describeAction(action: Action): string {
  if (action.kind === "event") return `event ${action.reason}: ${action.message}`;
  if (action.kind === "patch") return `patch ${JSON.stringify(action.patch)}`;
  if (action.kind === "alert") return "alert";
  const { spec } = action.object as { spec?: { replicas?: number } };
  const size = action.resource.plural === "replicasets" ? ` ${spec?.replicas}` : "";
  return `${action.kind} ${action.resource.plural}${size}`;
}

function statusOf(actions: readonly Action[]): NonNullable<Deployment["status"]> {
  const write = actions.find(({ kind }) => kind === "updateStatus");
  return write?.kind === "updateStatus" ? ((write.object as Deployment).status ?? {}) : {};
}

function conditionOf(actions: readonly Action[], type: string): string {
  const found = statusOf(actions).conditions?.find((condition) => condition.type === type);
  return `${found?.status} ${found?.reason}: ${found?.message}`;
}

const complete: Deployment["status"] = {
  observedGeneration: 1,
  replicas: 3,
  updatedReplicas: 3,
  readyReplicas: 3,
  availableReplicas: 3,
  unavailableReplicas: 0,
  terminatingReplicas: 0,
};

describe("decideDeployment()", () => {
  it("creates the ReplicaSet of the template, tells so, and takes revision 1", () => {
    const actions = actionsOf(deployed());
    const [create] = actions;
    const set = (create?.kind === "create" ? create.object : undefined) as ReplicaSet;
    const hash = set.metadata.labels?.["pod-template-hash"] ?? "";
    equal(set.metadata.name, `web-${hash}`);
    equal(set.spec.template.metadata?.labels?.["pod-template-hash"], hash);
    equal(set.spec.selector.matchLabels?.["pod-template-hash"], hash);
    equal(set.metadata.annotations?.["deployment.kubernetes.io/desired-replicas"], "3");
    equal(set.metadata.annotations?.["deployment.kubernetes.io/max-replicas"], "4");
    deepEqual(actions.map(describeAction), [
      "create replicasets 3",
      `event ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`,
      "updateStatus deployments",
      'patch {"metadata":{"annotations":{"deployment.kubernetes.io/revision":"1"}}}',
    ]);
    equal(
      conditionOf(actions, "Progressing"),
      `True NewReplicaSetCreated: Created new replica set "web-${hash}"`,
    );
    equal(
      conditionOf(actions, "Available"),
      "False MinimumReplicasUnavailable: Deployment does not have minimum availability.",
    );
  });

  it("takes another name when the hash collides", () => {
    const [create] = actionsOf(deployed());
    const name = create?.kind === "create" ? create.object.metadata.name : "";
    const actions = actionsOf(deployed(), { takenNames: new Set([name]) });
    deepEqual(actions.map(describeAction), ["updateStatus deployments"]);
    equal(statusOf(actions).collisionCount, 1);
    const [second] = actionsOf(deployed({}, { collisionCount: 1 }), {
      takenNames: new Set([name]),
    });
    equal(second?.kind, "create");
  });

  it("counts pods as they are, and reports the end of a rollout", () => {
    const set = setOf("v1", 3, { "deployment.kubernetes.io/revision": "1" });
    const before = { ...complete, availableReplicas: 2, updatedReplicas: 3 };
    const actions = actionsOf(deployed({}, before), { replicaSets: [set], pods: podsOf(set, 3) });
    const { conditions: _, ...counts } = statusOf(actions);
    deepEqual(counts, complete);
    equal(
      conditionOf(actions, "Progressing"),
      'True NewReplicaSetAvailable: ReplicaSet "web-v1" has successfully progressed.',
    );
    equal(
      conditionOf(actions, "Available"),
      "True MinimumReplicasAvailable: Deployment has minimum availability.",
    );
  });

  it("does not count a pod as available before minReadySeconds", () => {
    const set = setOf("v1", 3);
    const deployment = deployed({ minReadySeconds: 10 });
    const pods = podsOf(set, 3, nowMs - 9_000);
    equal(statusOf(actionsOf(deployment, { replicaSets: [set], pods })).availableReplicas, 0);
    const older = podsOf(set, 3, nowMs - 10_000);
    equal(
      statusOf(actionsOf(deployment, { replicaSets: [set], pods: older })).availableReplicas,
      3,
    );
  });

  it("leaves the pods of an old set available when minReadySeconds is raised with the template", () => {
    const sets = [setOf("v0", 3), setOf("v1", 1)] as const;
    const pods = [...podsOf(sets[0], 3, nowMs - 9_000), ...podsOf(sets[1], 1, nowMs - 9_000)];
    const actions = actionsOf(deployed({ minReadySeconds: 10 }), { replicaSets: sets, pods });
    equal(statusOf(actions).availableReplicas, 3);
    equal(conditionOf(actions, "Available").split(" ")[0], "True");
  });

  it("neither rolls out nor creates while paused, but scales", () => {
    const old = setOf("v0", 3, { "deployment.kubernetes.io/desired-replicas": "3" });
    const deployment = deployed({ paused: true, replicas: 5 });
    const actions = actionsOf(deployment, { replicaSets: [old], pods: podsOf(old, 3) });
    deepEqual(actions.map(describeAction).slice(0, 2), [
      "update replicasets 5",
      "event ScalingReplicaSet: Scaled up replica set web-v0 from 3 to 5",
    ]);
    equal(conditionOf(actions, "Progressing"), "Unknown DeploymentPaused: Deployment is paused");
  });

  it("gives a rolled-back set the next revision and keeps its old number", () => {
    const olds = [setOf("v2", 3, { "deployment.kubernetes.io/revision": "2" })];
    const back = setOf("v1", 0, { "deployment.kubernetes.io/revision": "1" });
    const actions = actionsOf(deployed(), {
      replicaSets: [back, ...olds],
      pods: podsOf(olds[0]!, 3),
    });
    const [update] = actions;
    const annotations = update?.kind === "update" ? update.object.metadata.annotations : {};
    equal(annotations?.["deployment.kubernetes.io/revision"], "3");
    equal(annotations?.["deployment.kubernetes.io/revision-history"], "1");
    equal(actions.map(describeAction).at(-1)?.includes('"3"'), true);
  });

  it("copies annotations to the set, but not kubectl's", () => {
    const deployment = deployed();
    deployment.metadata.annotations = {
      "kubernetes.io/change-cause": "why",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    };
    const [create] = actionsOf(deployment);
    const annotations = create?.kind === "create" ? create.object.metadata.annotations : {};
    equal(annotations?.["kubernetes.io/change-cause"], "why");
    equal("kubectl.kubernetes.io/last-applied-configuration" in (annotations ?? {}), false);
  });

  it("cleans up old sets beyond the limit, oldest revision first, never one with pods", () => {
    const revision = (number: number) => ({ "deployment.kubernetes.io/revision": String(number) });
    const olds = [3, 1, 2].map((number) => setOf(`v0${number}`, 0, revision(number)));
    const current = setOf("v1", 3, revision(4));
    const deployment = deployed({ revisionHistoryLimit: 1 }, complete);
    const lingering = podsOf(olds[1]!, 1).map((pod) => ({ ...pod, status: {} }));
    const deleted = (pods: Pod[]) =>
      actionsOf(deployment, { replicaSets: [...olds, current], pods })
        .filter(({ kind }) => kind === "delete")
        .map((action) => action.kind === "delete" && action.object.metadata.name);
    deepEqual(deleted(podsOf(current, 3)), ["web-v01", "web-v02"]);
    deepEqual(deleted([...podsOf(current, 3), ...lingering]), [], "not complete: a pod too many");
  });

  it("judges the lack of progress at the deadline, and asks to be woken for it", () => {
    const set = setOf("v1", 3, { "deployment.kubernetes.io/revision": "1" });
    const at = (secondsAgo: number): Deployment => {
      const time = formatTime(nowMs - secondsAgo * 1_000);
      const reason = "ReplicaSetUpdated";
      const condition = {
        type: "Progressing",
        status: "True" as const,
        reason,
        lastUpdateTime: time,
      };
      return deployed(
        {},
        { ...complete, readyReplicas: 0, availableReplicas: 0, conditions: [condition] },
      );
    };
    const pods = podsOf(set, 3).map((pod) => ({ ...pod, status: {} }));
    const waiting = decide(at(590), { replicaSets: [set], pods });
    equal(waiting.requeueAfterMs, 11_000);
    equal(conditionOf(waiting.sequences.flat(), "Progressing").startsWith("True"), true);
    equal(
      conditionOf(actionsOf(at(601), { replicaSets: [set], pods }), "Progressing"),
      'False ProgressDeadlineExceeded: ReplicaSet "web-v1" has timed out progressing.',
    );
  });

  it("only reports while it is being deleted", () => {
    const deployment = deployed();
    deployment.metadata.deletionTimestamp = formatTime(nowMs);
    deepEqual(actionsOf(deployment).map(describeAction), ["updateStatus deployments"]);
  });

  it("has nothing to do when all is well", () => {
    const revision = { "deployment.kubernetes.io/revision": "1" };
    const set = setOf("v1", 3, { ...revision, "deployment.kubernetes.io/desired-replicas": "3" });
    const world = { replicaSets: [set], pods: podsOf(set, 3) };
    const status = statusOf(actionsOf(deployed({}, complete), world));
    const settled = deployed({}, status);
    settled.metadata.annotations = revision;
    deepEqual(decide(settled, world), { sequences: [] });
  });
});

describe("limitsOf()", () => {
  // biome-ignore format: a table
  const cases = [
    [10, "25%", "25%", "10 3 2"],
    [1,  "25%", "25%", "1 1 0"],
    [3,  0,     "25%", "3 0 1"],
    [4,  "0%",  0,     "4 0 1"],
    [2,  5,     9,     "2 5 2"],
  ] as const;
  for (const [replicas, maxSurge, maxUnavailable, want] of cases) {
    it(`resolves ${maxSurge}/${maxUnavailable} of ${replicas} to ${want}`, () => {
      const strategy = {
        type: "RollingUpdate",
        rollingUpdate: { maxSurge, maxUnavailable },
      } as const;
      const limits = limitsOf(deployed({ replicas, strategy }));
      equal(`${limits.replicas} ${limits.maxSurge} ${limits.maxUnavailable}`, want);
    });
  }
});
