import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { KubeObject, Service } from "@flotilla/objects";
import { entryOf, problemOf } from "../src/cluster/readiness.ts";

const object = (spec: object, status: object, generation = 1) =>
  ({
    apiVersion: "v1",
    kind: "",
    metadata: { name: "x", generation },
    spec,
    status,
  }) as unknown as KubeObject;
const condition = (status: string) => ({ conditions: [{ type: "Ready", status }] });

describe("problemOf()", () => {
  const rolled = { observedGeneration: 1, updatedReplicas: 3, readyReplicas: 3 };
  const cases: readonly (readonly [string, string, KubeObject, string | undefined])[] = [
    ["a deployment that is there", "Deployment", object({ replicas: 3 }, rolled), undefined],
    [
      "one short of a replica",
      "Deployment",
      object({ replicas: 4 }, rolled),
      "3 of 4 replicas are ready",
    ],
    [
      "one that nobody has looked at since it changed",
      "Deployment",
      object({ replicas: 3 }, rolled, 2),
      "0 of 3 replicas are ready",
    ],
    [
      "one whose ready replicas are old",
      "Deployment",
      object({ replicas: 3 }, { ...rolled, updatedReplicas: 1 }),
      "1 of 3 replicas are ready",
    ],
    [
      "one scaled to nothing",
      "Deployment",
      object({ replicas: 0 }, { observedGeneration: 1 }),
      undefined,
    ],
    [
      "a replica set",
      "ReplicaSet",
      object({ replicas: 2 }, { readyReplicas: 1 }),
      "1 of 2 replicas are ready",
    ],
    ["a ready pod", "Pod", object({}, condition("True")), undefined],
    [
      "a pod that is not",
      "Pod",
      object({}, { phase: "Pending", ...condition("False") }),
      "not ready (Pending)",
    ],
    ["a pod that has done its work", "Pod", object({}, { phase: "Succeeded" }), undefined],
    ["a kind without readiness", "ConfigMap", object({}, {}), undefined],
  ];
  for (const [name, kind, value, want] of cases)
    it(name, () => equal(problemOf(kind, value), want));
});

describe("entryOf()", () => {
  it("is where the first port of a load balancer is carried, once a node does", () => {
    const spec = { type: "LoadBalancer", ports: [{ port: 8080 }, { port: 9090 }] };
    const carried = { loadBalancer: { ingress: [{ ip: "127.0.0.1" }] } };
    equal(entryOf(object(spec, carried) as Service), "http://127.0.0.1:8080");
    equal(entryOf(object(spec, {}) as Service), undefined);
  });
});
