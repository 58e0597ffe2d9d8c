import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Node, nodes, type Resource, type Service } from "@flotilla/objects";
import type { Seen } from "../../src/controller.ts";
import { decideLoadBalancer, loadBalancerController } from "../../src/endpoints/load-balancer.ts";
import { serviceOf } from "../fixtures.ts";

/** "10.0.0.2 ready" */
function nodeFrom(text: string): Node {
  const [address = "", ready] = text.split(" ");
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: text },
    status: {
      addresses: [
        { type: "Hostname", address: "host" },
        { type: "InternalIP", address },
      ],
      conditions: [{ type: "Ready", status: ready === "ready" ? "True" : "Unknown" }],
    },
  };
}

describe("decideLoadBalancer()", () => {
  // biome-ignore format: a table
  const cases = [
    // name                                      type            nodes                                              before      want
    ["lists ready nodes, sorted and once each",  "LoadBalancer", ["10.0.0.2 ready", "10.0.0.1 ready", "10.0.0.2 ready"], "",     "10.0.0.1 10.0.0.2"],
    ["leaves out nodes that are not ready",      "LoadBalancer", ["10.0.0.2 ready", "10.0.0.1"],                     "10.0.0.1", "10.0.0.2"],
    ["writes nothing when nothing changes",      "LoadBalancer", ["10.0.0.1 ready"],                                 "10.0.0.1", "-"],
    ["takes it back when no node is ready",      "LoadBalancer", ["10.0.0.1"],                                       "10.0.0.1", ""],
    ["takes it back when the type changes",      "ClusterIP",    ["10.0.0.1 ready"],                                 "10.0.0.1", ""],
    ["leaves other services alone",              "ClusterIP",    ["10.0.0.1 ready"],                                 "",         "-"],
  ] as const;
  for (const [name, type, nodes, before, want] of cases) {
    it(name, () => {
      const ingress = before === "" ? [] : before.split(" ").map((ip) => ({ ip, ipMode: "VIP" }));
      const service: Service = {
        ...serviceOf("web", { type }),
        status: { loadBalancer: { ingress } },
      };
      const [action] = decideLoadBalancer(service, nodes.map(nodeFrom)).sequences.flat();
      const written = action?.kind === "updateStatus" ? (action.object as Service) : undefined;
      const ips = written?.status?.loadBalancer?.ingress?.map(({ ip }) => ip) ?? [];
      equal(written === undefined ? "-" : ips.join(" "), want);
    });
  }
});

describe("loadBalancerController", () => {
  it("looks at services when a ready node is deleted, but not when it only beats", () => {
    const node = nodeFrom("10.0.0.1 ready");
    const seen = {
      all: () => [serviceOf("web", { type: "LoadBalancer" }), serviceOf("db")],
    } as unknown as Seen;
    const wake = loadBalancerController.wakes.find(
      ({ resource }) => resource === (nodes as Resource),
    );
    const keys = (kind: "modified" | "deleted") => [
      ...(wake?.keysOf({ kind, object: node, previous: node }, seen) ?? []),
    ];
    deepEqual([keys("deleted"), keys("modified")], [["default/web"], []]);
  });
});
