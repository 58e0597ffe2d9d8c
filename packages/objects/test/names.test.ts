import { equal, match, notEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  controllerOf,
  deployments,
  events,
  newEvent,
  type Pod,
  podIsAvailable,
  podIsReady,
  pods,
  randomSuffix,
  stableHash,
  type Taint,
  type Toleration,
  tolerates,
  validate,
} from "../src/index.ts";
import { deploymentJson, made, nowMs, podJson } from "./fixtures.ts";

describe("stableHash()", () => {
  it("does not depend on the order of keys, nor on undefined", () => {
    equal(stableHash({ a: 1, b: [{ c: 2, d: 3 }] }), stableHash({ b: [{ d: 3, c: 2 }], a: 1 }));
    equal(stableHash({ a: 1, b: undefined }), stableHash({ a: 1 }));
  });

  it("depends on values and on the order of lists", () => {
    notEqual(stableHash({ a: 1 }), stableHash({ a: 2 }));
    notEqual(stableHash([1, 2]), stableHash([2, 1]));
    notEqual(stableHash({ a: "1" }), stableHash({ a: 1 }));
  });

  it("stays what it is: names of replica sets depend on it", () => {
    equal(stableHash({ containers: [{ name: "c", image: "i:1" }] }), "7f8cf47964");
  });

  it("fits into a label", () => {
    for (let seed = 0; seed < 100; seed++)
      match(stableHash(seed), /^[bcdf-hj-np-tv-xz2456789]{1,10}$/);
  });
});

describe("randomSuffix()", () => {
  it("has the length and the alphabet of Kubernetes", () => {
    for (let seed = 0; seed < 100; seed++) {
      match(randomSuffix(new Prng(seed), 5), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/, `seed=${seed}`);
    }
  });
});

describe("tolerates()", () => {
  const taint: Taint = { key: "k", value: "v", effect: "NoSchedule" };
  // biome-ignore format: a table
  const cases: [Toleration, boolean][] = [
    [{ key: "k", value: "v" }, true],
    [{ key: "k", operator: "Equal", value: "v", effect: "NoSchedule" }, true],
    [{ key: "k", operator: "Exists" }, true],
    [{ operator: "Exists" }, true],
    [{ operator: "Exists", effect: "NoExecute" }, false],
    [{ key: "k", value: "w" }, false],
    [{ key: "k" }, false],
    [{ key: "j", operator: "Exists" }, false],
    [{ value: "v" }, false],
  ];
  for (const [toleration, want] of cases) {
    it(`${JSON.stringify(toleration)}: ${want}`, () => equal(tolerates(taint, [toleration]), want));
  }
  it("is false without tolerations", () => equal(tolerates(taint, undefined), false));
});

describe("pods", () => {
  const readySince = (seconds: number): Pod => {
    const pod = made<Pod>(pods, podJson());
    const lastTransitionTime = new Date(nowMs - seconds * 1000).toISOString();
    return {
      ...pod,
      status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime }] },
    };
  };

  it("are ready when they say so, and available when they have been for long enough", () => {
    equal(podIsReady(made<Pod>(pods, podJson())), false);
    equal(podIsReady(readySince(0)), true);
    equal(podIsAvailable(readySince(0), 0, nowMs), true);
    equal(podIsAvailable(readySince(9), 10, nowMs), false);
    equal(podIsAvailable(readySince(10), 10, nowMs), true);
    equal(podIsAvailable(made<Pod>(pods, podJson()), 0, nowMs), false);
  });

  it("know their controller among their owners", () => {
    const pod = made<Pod>(pods, podJson());
    const owner = { apiVersion: "v1", kind: "A", name: "a", uid: "1" };
    const controller = { ...owner, name: "b", uid: "2", controller: true };
    pod.metadata.ownerReferences = [owner, controller];
    equal(controllerOf(pod)?.name, "b");
    equal(controllerOf(made(pods, podJson())), undefined);
  });
});

describe("newEvent()", () => {
  const deployment = made(deployments, deploymentJson());
  const event = newEvent(deployment, {
    reason: "ScalingReplicaSet",
    message: "x".repeat(2000),
    component: "deployment-controller",
    nowMs,
  });

  it("is about the object, where the object is, and valid", () => {
    equal(event.metadata.namespace, "default");
    equal(event.involvedObject.name, "web");
    equal(event.involvedObject.kind, "Deployment");
    equal(event.involvedObject.uid, deployment.metadata.uid);
    equal(event.message?.length, 1024);
    equal(validate(events, event).length, 0);
  });
});
