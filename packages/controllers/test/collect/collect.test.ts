import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Node, type OwnerReference, type Pod, pods } from "@flotilla/objects";
import { decideOwnerGc, type OwnerState } from "../../src/collect/owner-gc.ts";
import { decidePodGc, finishedPodsMax, type PodGcMemory } from "../../src/collect/pod-gc.ts";
import { decideClaims } from "../../src/ownership.ts";

function nodeOf(name: string, isUnreachable: boolean): Node {
  const key = "node.kubernetes.io/unreachable";
  const taints = isUnreachable ? [{ key, effect: "NoExecute" as const }] : [];
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: { taints } };
}

/** "a n1 leaving5 Failed": name, node ("-" = none), grace in seconds, phase. */
function podFrom(text: string): Pod {
  const [name = "", nodeName = "-", ...words] = text.split(" ");
  const grace = words.map((word) => /^leaving(\d+)/.exec(word)?.[1]).find(Boolean);
  const leaving = { deletionTimestamp: "x", deletionGracePeriodSeconds: Number(grace) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name, uid: name, ...(grace ? leaving : {}) },
    spec: { containers: [], ...(nodeName === "-" ? {} : { nodeName }) },
    status: { phase: words.includes("Failed") ? "Failed" : "Running" },
  };
}

describe("decidePodGc()", () => {
  const nodes = [nodeOf("up", false), nodeOf("lost", true)];
  // biome-ignore format: a table
  const cases = [
    // name                                            pod                 looks            want
    ["leaves a running pod",                           "a up",             [0, 99_000],     "- / -"],
    ["leaves a leaving pod to its agent",              "a up leaving5",    [0, 99_000],     "- / -"],
    ["leaves a pod on an unreachable node",            "a lost",           [0, 99_000],     "- / -"],
    ["gives a leaving pod there its own grace",        "a lost leaving5",  [100, 1_100],    "- / 4000"],
    ["then removes it",                                "a lost leaving5",  [100, 5_100],    "a / -"],
    ["waits whether a vanished node comes back",       "a gone",           [100, 4_000],    "- / 100"],
    ["then removes its pods",                          "a gone",           [100, 4_100],    "a / -"],
    ["leaves a pod that waits for a node",             "a -",              [0, 99_000],     "- / -"],
    ["removes one that nobody will ever stop",         "a - leaving5",     [0],             "a / -"],
  ] as const;
  for (const [name, pod, looks, want] of cases) {
    it(name, () => {
      let memory: PodGcMemory = new Map();
      let text = "";
      for (const nowMs of looks) {
        const world = { nodes, pods: [podFrom(pod)], nowMs };
        const decided = decidePodGc(world, memory, { graceMs: 4_000 });
        memory = decided.memory;
        const removed = decided.decision.sequences
          .flat()
          .flatMap((each) =>
            each.kind === "delete" && each.gracePeriodSeconds === 0
              ? [each.object.metadata.name]
              : [],
          );
        text = `${removed.join(" ") || "-"} / ${decided.decision.requeueAfterMs ?? "-"}`;
      }
      equal(text, want);
    });
  }

  it("keeps a bounded number of finished pods, the newest", () => {
    const finished = Array.from({ length: finishedPodsMax + 2 }, (_, at) => {
      const pod = podFrom(`f${at} up Failed`);
      pod.metadata.creationTimestamp = new Date(at * 1_000).toISOString();
      return pod;
    });
    const world = { nodes, pods: finished, nowMs: 0 };
    const { decision } = decidePodGc(world, new Map(), { graceMs: 0 });
    const removed = decision.sequences
      .flat()
      .map((each) => each.kind === "delete" && each.object.metadata.name);
    deepEqual(removed, ["f0", "f1"]);
  });
});

describe("decideOwnerGc()", () => {
  const owner = (uid: string): OwnerReference => ({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: uid,
    uid,
  });
  // biome-ignore format: a table
  const cases = [
    ["deletes what has lost its only owner",     ["gone"],            "delete"],
    ["deletes what has lost all owners",         ["gone", "gone"],    "delete"],
    ["keeps what has one left",                  ["gone", "present"], "update 1"],
    ["keeps what is owned",                      ["present"],         "-"],
    ["keeps what is owned by an unknown kind",   ["unknown"],         "-"],
    ["keeps what nobody owns",                   [],                  "-"],
  ] as const;
  for (const [name, states, want] of cases) {
    it(name, () => {
      const pod = podFrom("a up");
      pod.metadata.ownerReferences = states.map((_, at) => owner(String(at)));
      const stateOf = ({ uid }: OwnerReference): OwnerState => states[Number(uid)] ?? "unknown";
      const [action] = decideOwnerGc(pods, pod, stateOf).sequences.flat();
      const left =
        action?.kind === "update" ? ` ${action.object.metadata.ownerReferences?.length}` : "";
      equal(action === undefined ? "-" : action.kind + left, want);
    });
  }
});

describe("decideClaims()", () => {
  const set = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "rs", uid: "rs" } };
  const mine: OwnerReference = {
    apiVersion: "",
    kind: "",
    name: "rs",
    uid: "rs",
    controller: true,
  };
  const other: OwnerReference = { ...mine, uid: "other" };
  // biome-ignore format: a table
  const cases = [
    // name                                    labels         owners   leaving want
    ["owns what it controls and matches",      { app: "web" }, [mine],  false, "owned"],
    ["adopts an orphan that matches",          { app: "web" }, [],      false, "writes 1"],
    ["releases what matches no more",          { app: "x" },   [mine],  false, "writes 0"],
    ["does not take what another controls",    { app: "web" }, [other], false, "-"],
    ["does not adopt what is leaving",         { app: "web" }, [],      true,  "-"],
    ["does not care about the rest",           { app: "x" },   [],      false, "-"],
  ] as const;
  for (const [name, labels, owners, isLeaving, want] of cases) {
    it(name, () => {
      const pod = podFrom(isLeaving ? "a up leaving1" : "a up");
      pod.metadata.labels = labels as Record<string, string>;
      pod.metadata.ownerReferences = [...owners];
      const selector = { matchLabels: { app: "web" } };
      const resource = pods as never;
      const claims = decideClaims({
        owner: set,
        ownerResource: resource,
        selector,
        resource,
        candidates: [pod],
      });
      const [write] = claims.sequences.flat();
      const count =
        write?.kind === "update" ? write.object.metadata.ownerReferences?.length : undefined;
      const owned = claims.owned.length > 0 ? "owned" : "-";
      equal(count === undefined ? owned : `writes ${count}`, want);
    });
  }
});
