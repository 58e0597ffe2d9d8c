import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Node, Pod, Taint } from "@flotilla/objects";
import { decideLifecycle, type LifecycleMemory } from "../../src/nodes/lifecycle.ts";
import { taintsOf } from "../../src/nodes/node-taints.ts";

const options = { graceMs: 4_000, startupGraceMs: 20_000 };
const wallNowMs = Date.UTC(2030, 0, 1);
const now = "2030-01-01T00:00:00Z";

/** "n1 True": name and condition Ready; "-" = none. */
function nodeFrom(text: string, taints: Taint[] = []): Node {
  const [name = "", ready = "-"] = text.split(" ");
  const conditions =
    ready === "-"
      ? []
      : ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map((type) => ({
          type,
          status: (type === "Ready" || ready === "Unknown" ? ready : "False") as "True",
        }));
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: `uid-${name}` },
    spec: { taints },
    status: { conditions },
  };
}

function podOn(nodeName: string, ready: "True" | "False"): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: `pod-${nodeName}` },
    spec: { nodeName, containers: [] },
    status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] },
  };
}

function decide(
  nodes: readonly Node[],
  more: { leased?: string[]; pods?: Pod[]; nowMs?: number; memory?: LifecycleMemory } = {},
) {
  const { leased = [], pods = [], nowMs = 10_000 } = more;
  const memory = more.memory ?? { startedMs: 0, firstSeenMs: new Map() };
  const world = { nodes, leased: new Set(leased), pods, nowMs, wallNowMs };
  return decideLifecycle(world, memory, options);
}

function format(decided: ReturnType<typeof decide>): string[] {
  return decided.decision.sequences.flat().map((action) => {
    if (action.kind === "event") return `event ${action.type} ${action.reason}`;
    if (action.kind === "alert") return `alert ${action.message}`;
    if (action.kind === "patch") return "patch";
    const { name } = action.object.metadata;
    if (action.kind === "update") {
      const { spec } = action.object as Node;
      const taints = spec?.taints?.map(({ key, effect }) => `${key.split("/")[1]}:${effect}`);
      return `taints ${name} ${taints?.join(" ")}`;
    }
    return `${action.kind} ${name}`;
  });
}

describe("decideLifecycle()", () => {
  it("leaves a healthy node alone", () => {
    deepEqual(format(decide([nodeFrom("n1 True")], { leased: ["n1"] })), []);
  });

  it("turns a node without a Lease Unknown, tells the admins, and withdraws its pods", () => {
    const pods = [podOn("n1", "True"), podOn("n2", "True"), podOn("n1", "False")];
    const decided = decide([nodeFrom("n1 True"), nodeFrom("n2 True")], { leased: ["n2"], pods });
    deepEqual(format(decided), [
      "updateStatus n1",
      "alert node is unreachable",
      "event Warning NodeNotReady",
      "updateStatus pod-n1",
      "event Warning NodeNotReady",
    ]);
    const [write] = decided.decision.sequences.flat();
    const { status } = (write?.kind === "updateStatus" ? write.object : {}) as Node;
    deepEqual(
      status?.conditions?.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`),
      ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map(
        (type) => `${type} Unknown NodeStatusUnknown`,
      ),
    );
    equal(status?.conditions?.[0]?.message, "Kubelet stopped posting node status.");
  });

  it("taints it next: one write of a node at a time", () => {
    deepEqual(format(decide([nodeFrom("n1 Unknown")])), [
      "taints n1 unreachable:NoSchedule unreachable:NoExecute",
    ]);
    const taints = taintsOf(nodeFrom("n1 Unknown"), "unreachable", now);
    deepEqual(format(decide([nodeFrom("n1 Unknown", taints)])), [], "and then rests");
  });

  it("takes the taint back when the Lease is back, but lets nothing start before it says it is ready", () => {
    const taints = taintsOf(nodeFrom("n1 Unknown"), "unreachable", now);
    const back = decide([nodeFrom("n1 Unknown", taints)], { leased: ["n1"] });
    deepEqual(format(back), ["taints n1 not-ready:NoSchedule"]);
    const ready = decide([nodeFrom("n1 True", taints)], { leased: ["n1"] });
    deepEqual(format(ready), ["taints n1 "]);
  });

  it("taints a node that says it is not ready, but does not contradict it about its pods", () => {
    const decided = decide([nodeFrom("n1 False")], { leased: ["n1"], pods: [podOn("n1", "True")] });
    deepEqual(format(decided), ["taints n1 not-ready:NoSchedule not-ready:NoExecute"]);
  });

  it("judges nobody during the grace of a fresh leader, and looks again at its end", () => {
    const early = decide([nodeFrom("n1 True")], { nowMs: 1_000 });
    deepEqual(format(early), []);
    equal(early.decision.requeueAfterMs, 3_000);
    ok(format(decide([nodeFrom("n1 True")], { nowMs: 4_000 })).length > 0);
  });

  it("gives a new node time to send its first heartbeat, by the monotonic clock", () => {
    const first = decide([nodeFrom("n1 -")], { nowMs: 50_000 });
    equal(first.decision.requeueAfterMs, 20_000);
    const { memory } = first;
    deepEqual(format(decide([nodeFrom("n1 -")], { nowMs: 69_999, memory })), []);
    const late = decide([nodeFrom("n1 -")], { nowMs: 70_000, memory });
    equal(format(late)[0], "updateStatus n1");
    equal(decide([], { memory }).memory.firstSeenMs.size, 0, "forgotten with the node");
  });
});

describe("taintsOf()", () => {
  const mine: Taint = { key: "team", value: "blue", effect: "NoSchedule" };

  it("keeps what people set, and the time of what is there already", () => {
    const before: Taint = {
      key: "node.kubernetes.io/unreachable",
      effect: "NoExecute",
      timeAdded: "2029-12-31T00:00:00Z",
    };
    deepEqual(taintsOf(nodeFrom("n1 Unknown", [mine, before]), "unreachable", now), [
      mine,
      { key: "node.kubernetes.io/unreachable", effect: "NoSchedule", timeAdded: now },
      before,
    ]);
    deepEqual(taintsOf(nodeFrom("n1 True", [mine, before]), "reachable", now), [mine]);
  });

  it("marks a cordon and pressure", () => {
    const node = nodeFrom("n1 True");
    node.spec = { unschedulable: true };
    node.status = {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "DiskPressure", status: "True" },
      ],
    };
    const keys = taintsOf(node, "reachable", now).map(({ key, effect }) => `${key}:${effect}`);
    deepEqual(keys, [
      "node.kubernetes.io/unschedulable:NoSchedule",
      "node.kubernetes.io/disk-pressure:NoSchedule",
    ]);
  });
});
