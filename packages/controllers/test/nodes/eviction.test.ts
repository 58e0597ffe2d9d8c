import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Node, Pod, Taint, Toleration } from "@flotilla/objects";
import { disruptionOf } from "../../src/nodes/disruption.ts";
import {
  decideEvictions,
  type EvictionMemory,
  freshEvictionMemory,
} from "../../src/nodes/eviction.ts";

const options = {
  defaultTolerationSeconds: 0,
  notReadyTolerationSeconds: 30,
  settleMs: 1_500,
  graceMs: 4_000,
};
const unreachable = "node.kubernetes.io/unreachable";
const notReady = "node.kubernetes.io/not-ready";

function nodeOf(name: string, ...keys: string[]): Node {
  const taints: Taint[] = keys.map((key) => ({ key, effect: "NoExecute" }));
  return { apiVersion: "v1", kind: "Node", metadata: { name, uid: name }, spec: { taints } };
}

function podOn(nodeName: string, tolerations: Toleration[] = []): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: `on-${nodeName}` },
    spec: { nodeName, containers: [], tolerations },
  };
}

/** Looks at the world at each moment; returns "evicted ... / after ms" of the last. */
function look(nodes: readonly Node[], pods: readonly Pod[], atMs: readonly number[]) {
  let memory: EvictionMemory = freshEvictionMemory(0, 0);
  let text = "";
  for (const nowMs of atMs) {
    const decided = decideEvictions({ nodes, pods, nowMs }, memory, options);
    memory = decided.memory;
    const actions = decided.decision.sequences.flat();
    const evicted = actions.flatMap((each) =>
      each.kind === "delete" ? [each.object.metadata.name] : [],
    );
    text = `${evicted.join(" ") || "-"} / ${decided.decision.requeueAfterMs ?? "-"}`;
  }
  return text;
}

describe("decideEvictions()", () => {
  const healthy = nodeOf("ok");
  // biome-ignore format: a table
  const cases = [
    // name                                        taint        tolerations                                         looks            want
    ["settles before it evicts",                   unreachable, [],                                                 [100],           "- / 1500"],
    ["evicts what says nothing about it",          unreachable, [],                                                 [100, 1_600],    "on-n1 / -"],
    ["waits longer where the node can speak",      notReady,    [],                                                 [0, 29_999],     "- / 1"],
    ["but not for ever",                           notReady,    [],                                                 [0, 30_000],     "on-n1 / -"],
    ["evicts at once for a taint set by a person", "maint",     [],                                                 [0],             "on-n1 / -"],
    ["leaves who tolerates it for ever",           unreachable, [{ operator: "Exists" }],                           [0, 9_000_000],  "- / -"],
    ["waits as long as the pod tolerates it",      unreachable, [{ operator: "Exists", tolerationSeconds: 60 }],    [7, 50_007],     "- / 10000"],
    ["and no longer",                              unreachable, [{ operator: "Exists", tolerationSeconds: 60 }],    [7, 60_007],     "on-n1 / -"],
    ["takes the shortest toleration",              unreachable, [{ operator: "Exists", tolerationSeconds: 60 }, { key: unreachable, operator: "Exists", tolerationSeconds: 5 }], [0, 5_000], "on-n1 / -"],
    ["ignores tolerations of other taints",        unreachable, [{ key: "maint", operator: "Exists" }],             [0, 1_500],      "on-n1 / -"],
  ] as const;
  for (const [name, taint, tolerations, looks, want] of cases) {
    it(name, () => {
      const pod = podOn("n1", tolerations as unknown as Toleration[]);
      equal(look([nodeOf("n1", taint), healthy], [pod], looks), want);
    });
  }

  it("evicts neither who is leaving, nor who is finished, nor who waits", () => {
    const leaving = podOn("n1");
    leaving.metadata.deletionTimestamp = "2030-01-01T00:00:00Z";
    const finished = { ...podOn("n1"), status: { phase: "Succeeded" as const } };
    const { nodeName: _, ...spec } = podOn("n1").spec;
    const waiting = { ...podOn("n1"), spec };
    const world = [nodeOf("n1", unreachable), healthy];
    equal(look(world, [leaving, finished, waiting], [0, 9_000]), "- / -");
  });

  it("starts the time anew when the taint was gone in between", () => {
    let memory = freshEvictionMemory(0, 0);
    const pods = [podOn("n1", [{ operator: "Exists", tolerationSeconds: 10 }])];
    const at = (nowMs: number, ...taints: string[]) => {
      const world = { nodes: [nodeOf("n1", ...taints), healthy], pods, nowMs };
      const decided = decideEvictions(world, memory, options);
      memory = decided.memory;
      return decided.decision.requeueAfterMs;
    };
    deepEqual([at(0, unreachable), at(8_000), at(9_000, unreachable)], [10_000, undefined, 10_000]);
  });

  it("gives a pod that comes to a tainted node the whole of its toleration", () => {
    const nodes = [nodeOf("n1", "maint"), healthy];
    const pods = [podOn("n1", [{ key: "maint", operator: "Exists", tolerationSeconds: 10 }])];
    let { memory } = decideEvictions(
      { nodes, pods: [], nowMs: 0 },
      freshEvictionMemory(0, 0),
      options,
    );
    const at = (nowMs: number) => {
      const decided = decideEvictions({ nodes, pods, nowMs }, memory, options);
      memory = decided.memory;
      return [decided.decision.sequences.length, decided.decision.requeueAfterMs];
    };
    deepEqual(
      [at(60_000), at(69_999), at(70_000)],
      [
        [0, 10_000],
        [0, 1],
        [1, undefined],
      ],
    );
  });

  it("holds evictions while too many are dead, says so once, and gives a grace afterwards", () => {
    let memory = freshEvictionMemory(0, 0);
    const names = ["n1", "n2", "n3"];
    const pods = names.map((name) => podOn(name));
    const at = (nowMs: number, ...dead: string[]) => {
      const nodes = names.map((name) =>
        nodeOf(name, ...(dead.includes(name) ? [unreachable] : [])),
      );
      const decided = decideEvictions({ nodes, pods, nowMs }, memory, options);
      memory = decided.memory;
      return decided.decision.sequences.flat().map((action) => {
        if (action.kind === "alert")
          return `${action.fields["disruption"]} ${action.fields["unhealthy"]}`;
        return action.kind === "delete" ? action.object.metadata.name : "event";
      });
    };
    deepEqual(at(0, "n1", "n2", "n3"), ["full 3"]);
    deepEqual(at(60_000, "n1", "n2", "n3"), []);
    deepEqual(at(61_000, "n2", "n3"), ["none 2"]);
    deepEqual(at(64_999, "n2", "n3"), [], "they may be coming back, too");
    deepEqual(at(65_000, "n2", "n3"), ["on-n2", "event", "on-n3", "event"]);
  });

  it("does not hold evictions that a person asked for", () => {
    equal(look([nodeOf("n1", unreachable, "maint")], [podOn("n1")], [0]), "on-n1 / -");
  });
});

describe("disruptionOf()", () => {
  // biome-ignore format: a table
  const cases = [
    [3, 0, "none"], [2, 1, "none"], [1, 2, "none"], [0, 3, "full"],
    [0, 1, "full"], [1, 3, "partial"], [2, 2, "none"], [2, 3, "partial"],
    [3, 3, "none"], [9, 11, "partial"], [10, 10, "none"],
  ] as const;
  for (const [healthy, unhealthy, want] of cases) {
    it(`${healthy} healthy and ${unhealthy} unhealthy: ${want}`, () => {
      equal(disruptionOf({ healthy, unhealthy }), want);
    });
  }
});
