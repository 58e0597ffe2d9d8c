import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { formatTime, type Pod, type ReplicaSet } from "@flotilla/objects";
import {
  decideReplicaSet,
  podBurstMax,
  type ReplicaSetWorld,
} from "../../src/replica-set/decide.ts";
import { orderVictims } from "../../src/replica-set/victims.ts";
import { templateOf } from "../fixtures.ts";

const nowMs = Date.UTC(2030, 0, 1);

function setOf(replicas: number, spec: Partial<ReplicaSet["spec"]> = {}): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { namespace: "default", name: "web-abc", uid: "rs-1", generation: 2 },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: templateOf("web", "v1"),
      ...spec,
    },
  };
}

/** "a n1 Running ready+5 r2 c3 $1": name, node, phase, ready for 5 s, 2 restarts, 3 s old, cost 1. */
function podFrom(text: string): Pod {
  const [name = "", ...words] = text.split(" ");
  const word = (pattern: RegExp) => words.map((each) => pattern.exec(each)?.[1]).find(Boolean);
  const readyFor = word(/^ready\+(\d+)/);
  const nodeName = word(/^(n\d)/);
  const phase = (word(/^(Running|Pending|Failed|Unknown)/) ?? "Running") as "Running";
  const isLeaving = words.includes("leaving");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "default",
      name,
      labels: { app: "web" },
      creationTimestamp: formatTime(nowMs - Number(word(/^c(\d+)/) ?? 100) * 1_000),
      annotations: { "controller.kubernetes.io/pod-deletion-cost": word(/^\$(-?\d+)/) ?? "0" },
      ...(isLeaving ? { deletionTimestamp: formatTime(nowMs) } : {}),
    },
    spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
    status: {
      phase,
      containerStatuses: [
        {
          name: "",
          ready: true,
          restartCount: Number(word(/^r(\d+)/) ?? 0),
          image: "",
          imageID: "",
        },
      ],
      conditions: [
        {
          type: "Ready",
          status: readyFor === undefined ? "False" : "True",
          lastTransitionTime: formatTime(nowMs - Number(readyFor ?? 0) * 1_000),
        },
      ],
    },
  };
}

function decide(
  replicaSet: ReplicaSet,
  pods: readonly string[],
  more: Partial<ReplicaSetWorld> = {},
) {
  const made = pods.map(podFrom);
  const world = { replicaSet, pods: made, related: made, nowMs, random: new Prng(1) };
  return decideReplicaSet({ ...world, refusal: undefined, ...more });
}

function writes(decision: ReturnType<typeof decide>): string[] {
  return decision.sequences.map(([first]) => {
    if (first?.kind === "delete") return `delete ${first.object.metadata.name}`;
    return first?.kind ?? "";
  });
}

describe("decideReplicaSet()", () => {
  // biome-ignore format: a table
  const cases = [
    ["creates what is missing",                   2, [],                                      "create create"],
    ["replaces a pod that is leaving",            1, ["a n1 ready+9 leaving"],                "create"],
    ["replaces a pod that has failed",            1, ["a n1 Failed"],                         "create"],
    ["keeps what is enough",                      1, ["a n1 ready+9"],                        ""],
    ["deletes what is too many, unready first",   1, ["a n1 ready+9", "b n2"],                "delete b"],
    ["does not delete a second time",             1, ["a n1 ready+9", "b n2 leaving"],        ""],
    ["scales to nothing",                         0, ["a n1 ready+9"],                        "delete a"],
  ] as const;
  for (const [name, replicas, pods, want] of cases) {
    it(name, () => {
      equal(
        writes(decide(setOf(replicas), pods))
          .filter((each) => each !== "updateStatus")
          .join(" "),
        want,
      );
    });
  }

  it("creates pods of the template, owned and named, and tells of each", () => {
    const [, sequence] = decide(setOf(1), []).sequences;
    const [create, event] = sequence ?? [];
    const pod = (create?.kind === "create" ? create.object : undefined) as Pod;
    equal(/^web-abc-[a-z0-9]{5}$/.test(pod.metadata.name), true);
    equal(pod.metadata.generateName, "web-abc-");
    deepEqual(pod.metadata.ownerReferences, [
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        name: "web-abc",
        uid: "rs-1",
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    equal(event?.kind === "event" && event.message, `Created pod: ${pod.metadata.name}`);
  });

  it("creates at most a burst at a time, with different names", () => {
    const { sequences } = decide(setOf(podBurstMax * 3), []);
    const names = sequences
      .flat()
      .flatMap((each) => (each.kind === "create" ? [each.object.metadata.name] : []));
    equal(names.length, podBurstMax);
    equal(new Set(names).size, podBurstMax);
  });

  it("counts into the status", () => {
    const pods = ["a n1 ready+60", "b n2 ready+5", "c n3 Pending", "d n1 ready+9 leaving"];
    const [[write] = []] = decide(setOf(3, { minReadySeconds: 10 }), pods).sequences;
    deepEqual((write?.kind === "updateStatus" ? (write.object as ReplicaSet) : undefined)?.status, {
      replicas: 3,
      fullyLabeledReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 1,
      terminatingReplicas: 1,
      observedGeneration: 2,
    });
  });

  it("asks to be woken when the next pod becomes available", () => {
    const pods = ["a n1 ready+4", "b n2 ready+7", "c n3 ready+20"];
    equal(decide(setOf(3, { minReadySeconds: 10 }), pods).requeueAfterMs, 3_000);
    equal(decide(setOf(3), pods).requeueAfterMs, undefined);
  });

  it("reports a refused creation once, and tries again", () => {
    const refused = decide(setOf(1), [], { refusal: "no more pods" });
    deepEqual(writes(refused), ["updateStatus", "create"]);
    const [[write, event] = []] = refused.sequences;
    const { status } = (write?.kind === "updateStatus" ? write.object : {}) as ReplicaSet;
    deepEqual(
      status?.conditions?.map(({ type, reason, message }) => [type, reason, message]),
      [["ReplicaFailure", "FailedCreate", "no more pods"]],
    );
    equal(event?.kind === "event" && event.message, "Error creating: no more pods");
    const known = { ...setOf(1), ...(status === undefined ? {} : { status }) };
    deepEqual(writes(decide(known, [], { refusal: "no more pods" })), ["create"]);
    deepEqual(writes(decide(known, ["a n1 ready+1"])), ["updateStatus"], "it is over");
  });

  it("creates nothing while it is being deleted", () => {
    const leaving = setOf(3);
    leaving.metadata.deletionTimestamp = formatTime(nowMs);
    deepEqual(writes(decide(leaving, [])), ["updateStatus"]);
  });
});

describe("orderVictims()", () => {
  // biome-ignore format: a table
  const cases = [
    ["not bound before bound",               ["a n1 Pending", "b Pending"],               "b a"],
    ["pending before running",               ["a n1", "b n2 Pending", "c n3 Unknown"],    "b c a"],
    ["unready before ready",                 ["a n1 ready+9", "b n2"],                    "b a"],
    ["cheap before dear",                    ["a n1 ready+9 $5", "b n2 ready+9 $-1"],     "b a"],
    ["from the fullest node",                ["a n1 ready+9", "b n2 ready+9", "c n2 ready+9"], "b c a"],
    ["ready for the shortest time",          ["a n1 ready+9", "b n2 ready+3"],            "b a"],
    ["restarted most often",                 ["a n1 ready+9", "b n2 ready+9 r3"],         "b a"],
    ["the newest",                           ["a n1 ready+1 c90", "b n2 ready+1 c20"],    "b a"],
  ] as const;
  for (const [name, texts, want] of cases) {
    it(name, () => {
      const pods = texts.map(podFrom);
      equal(
        orderVictims(pods, pods)
          .map(({ metadata }) => metadata.name)
          .join(" "),
        want,
      );
    });
  }
});
