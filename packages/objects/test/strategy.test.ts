import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  applyDefaults,
  configMaps,
  type Deployment,
  decodeObject,
  deployments,
  type EndpointSlice,
  endpointSlices,
  type Json,
  type Namespace,
  namespaces,
  type Pod,
  pods,
  prepareForCreate,
  prepareForStatusUpdate,
  prepareForUpdate,
  type Service,
  services,
  validate,
} from "../src/index.ts";
import { deploymentJson, made, nowMs, podJson } from "./fixtures.ts";

const deployment = (spec?: object): Deployment =>
  made<Deployment>(deployments, deploymentJson(spec));
const copy = <T>(object: T): T => JSON.parse(JSON.stringify(object)) as T;

describe("prepareForCreate()", () => {
  const context = { nowMs, uid: "u", random: new Prng(1), namespace: "ns" };

  it("sets identity and time, and drops a past that the client made up", () => {
    const outcome = decodeObject(
      deployments,
      {
        metadata: { name: "a", uid: "x", resourceVersion: "5", generation: 9 },
        status: { replicas: 3 },
      },
      { fieldValidation: "Ignore" },
    );
    equal(outcome.kind, "ok");
    if (outcome.kind !== "ok") return;
    const { metadata, status } = prepareForCreate(deployments, outcome.object, context);
    deepEqual(metadata, {
      name: "a",
      namespace: "ns",
      uid: "u",
      generation: 1,
      creationTimestamp: "2026-11-22T03:00:00Z",
    });
    deepEqual(status, {});
  });

  it("makes a name, cut to fit into a label", () => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "" } };
    const metadata = { name: "", generateName: `${"a".repeat(70)}-` };
    const created = prepareForCreate(configMaps, { ...object, metadata }, context);
    match(created.metadata.name, /^a{58}[a-z0-9]{5}$/);
    equal(created.metadata.generation, undefined);
  });

  it("gives a namespace its label even when its name is made", () => {
    const object = {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "", generateName: "x-" },
    };
    const created: Namespace = prepareForCreate(namespaces, object, context);
    equal(created.metadata.labels?.["kubernetes.io/metadata.name"], created.metadata.name);
    deepEqual(created.spec?.finalizers, ["kubernetes"]);
  });
});

describe("prepareForUpdate()", () => {
  it("keeps the status and what the system owns of the metadata", () => {
    const old = deployment();
    old.status = { replicas: 3 };
    old.metadata.deletionTimestamp = "2026-11-22T03:00:00Z";
    const update = copy(old);
    update.status = { replicas: 9 };
    update.metadata = { name: "web", namespace: "default", resourceVersion: "7" };
    const updated = prepareForUpdate(deployments, update, old);
    deepEqual(updated.status, { replicas: 3 });
    deepEqual(updated.metadata, { ...old.metadata, resourceVersion: "7" });
  });

  it("counts a change of the spec, and of a deployment's annotations, but not of labels", () => {
    const old = deployment();
    const generationAfter = (change: (object: Deployment) => void): number | undefined => {
      const update = copy(old);
      change(update);
      return prepareForUpdate(deployments, update, old).metadata.generation;
    };
    const change = (object: Deployment): void => {
      object.spec.replicas = 5;
    };
    equal(
      generationAfter(() => undefined),
      1,
    );
    equal(generationAfter(change), 2);
    equal(
      generationAfter((object) => Object.assign(object.metadata, { labels: { a: "b" } })),
      1,
    );
    equal(
      generationAfter((object) => Object.assign(object.metadata, { annotations: { a: "b" } })),
      2,
    );
    equal(
      generationAfter((object) => Object.assign(object.metadata, { generation: 7 })),
      1,
    );
  });

  it("does not change what it is given", () => {
    const old = deployment();
    const update = copy(old);
    update.spec.replicas = 9;
    const before = JSON.stringify([old, update]);
    prepareForUpdate(deployments, update, old);
    equal(JSON.stringify([old, update]), before);
  });

  it("counts changes of endpoints", () => {
    const old = made<EndpointSlice>(endpointSlices, {
      metadata: { name: "a" },
      addressType: "IPv4",
      endpoints: [],
    });
    const update = { ...copy(old), endpoints: [{ addresses: ["10.0.0.1"] }] };
    equal(prepareForUpdate(endpointSlices, update, old).metadata.generation, 2);
  });

  const service = (spec: object): Service =>
    made<Service>(services, { metadata: { name: "s" }, spec: { ports: [{ port: 80 }], ...spec } });

  it("sheds the node ports of a service that no longer has any", () => {
    const old = service({ type: "NodePort", clusterIP: "10.0.0.1" });
    Object.assign(old.spec.ports?.[0] ?? {}, { nodePort: 30_001 });
    const update = copy(old);
    update.spec.type = "ClusterIP";
    const updated = prepareForUpdate(services, update, old);
    equal(updated.spec.ports?.[0]?.nodePort, undefined);
    equal(updated.spec.externalTrafficPolicy, undefined);
    deepEqual(validate(services, updated, old), []);
  });

  it("keeps the address and node port of a service that is replaced without them", () => {
    const old = service({ type: "NodePort", clusterIP: "10.0.0.1" });
    old.spec.clusterIPs = ["10.0.0.1"];
    Object.assign(old.spec.ports?.[0] ?? {}, { nodePort: 30_001 });
    const updated = prepareForUpdate(services, service({ type: "NodePort" }), old);
    equal(updated.spec.clusterIP, "10.0.0.1");
    deepEqual(updated.spec.clusterIPs, ["10.0.0.1"]);
    equal(updated.spec.ports?.[0]?.nodePort, 30_001);
  });

  it("frees the address of a service that becomes a name", () => {
    const old = service({ clusterIP: "10.0.0.1" });
    const update = copy(old);
    Object.assign(update.spec, { type: "ExternalName", externalName: "a.example" });
    const updated = prepareForUpdate(services, update, old);
    equal(updated.spec.clusterIP, undefined);
    deepEqual(validate(services, updated, old), []);
  });
});

describe("prepareForStatusUpdate()", () => {
  it("takes the status, and of a pod labels and annotations, but nothing else", () => {
    const old = made<Pod>(pods, podJson());
    const update = copy(old);
    update.spec.nodeName = "elsewhere";
    update.status = { phase: "Running" };
    update.metadata.labels = { a: "b" };
    update.metadata.ownerReferences = [{ apiVersion: "v1", kind: "A", name: "a", uid: "1" }];
    update.metadata.generation = 9;
    const updated = prepareForStatusUpdate(pods, update, old);
    deepEqual(updated.spec, old.spec);
    deepEqual(updated.status, { phase: "Running", qosClass: "BestEffort" });
    deepEqual(updated.metadata.labels, { a: "b" });
    equal(updated.metadata.ownerReferences, undefined);
    equal(updated.metadata.generation, 1);
  });

  it("keeps a deployment's labels", () => {
    const old = deployment();
    const update = copy(old);
    update.metadata.labels = { a: "b" };
    update.status = { replicas: 1 };
    const updated = prepareForStatusUpdate(deployments, update, old);
    equal(updated.metadata.labels, undefined);
    deepEqual(updated.status, { replicas: 1 });
  });
});

describe("validate(), of an update", () => {
  const updatable =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

  function podUpdate(change: (pod: Pod) => void): string[] {
    const old = made<Pod>(pods, podJson({ tolerations: [{ key: "k", operator: "Exists" }] }));
    const update = copy(old);
    change(update);
    const causes = validate(pods, prepareForUpdate(pods, update, old), old);
    return causes.map(({ field, message }) => `${field}: ${message.split("\n")[0]}`);
  }

  // biome-ignore format: a table
  const cases: [string, (pod: Pod) => void, string[]][] = [
    ["an image",             (pod) => { pod.spec.containers[0]!.image = "x:2"; }, []],
    ["a deadline",           (pod) => { pod.spec.activeDeadlineSeconds = 5; }, []],
    ["one more toleration",  (pod) => { pod.spec.tolerations?.push({ key: "l", operator: "Exists" }); }, []],
    ["its seconds",          (pod) => { pod.spec.tolerations![0]!.effect = "NoExecute"; },
      ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"]],
    ["a command",            (pod) => { pod.spec.containers[0]!.command = ["x"]; }, [`spec: Forbidden: ${updatable}`]],
    ["a node",               (pod) => { pod.spec.nodeName = "x"; }, [`spec: Forbidden: ${updatable}`]],
    ["one more container",   (pod) => { pod.spec.containers.push({ name: "d", image: "d" }); },
      ["spec.containers: Forbidden: pod updates may not add or remove containers"]],
    ["another name",         (pod) => { pod.metadata.name = "q"; }, ['metadata.name: Invalid value: "q": field is immutable']],
    ["another uid",          (pod) => { pod.metadata.uid = "q"; }, ['metadata.uid: Invalid value: "q": field is immutable']],
  ];
  for (const [name, change, want] of cases) {
    it(`a pod may get ${name}: ${want.length === 0}`, () => deepEqual(podUpdate(change), want));
  }

  it("names the field of a pod that may not change", () => {
    const old = made<Pod>(pods, podJson());
    const update = copy(old);
    update.spec.nodeName = "x";
    const [cause] = validate(pods, prepareForUpdate(pods, update, old), old);
    match(cause?.message ?? "", /\n- nodeName: null\n\+ nodeName: "x"$/);
  });

  it("keeps the selector of a deployment", () => {
    const old = deployment();
    const update = copy(old);
    update.spec.selector = { matchLabels: { app: "web", more: "x" } };
    update.spec.template.metadata = { labels: { app: "web", more: "x" } };
    deepEqual(validate(deployments, prepareForUpdate(deployments, update, old), old), [
      {
        field: "spec.selector",
        reason: "FieldValueInvalid",
        message: 'Invalid value: {"matchLabels":{"app":"web","more":"x"}}: field is immutable',
      },
    ]);
  });

  it("keeps an immutable config map", () => {
    const old = made(configMaps, {
      metadata: { name: "a" },
      data: { b: "c" },
      immutable: true,
    } as Json);
    const update = { ...copy(old), data: { b: "d" } };
    const causes = validate(configMaps, prepareForUpdate(configMaps, update, old), old);
    equal(causes[0]?.message, "Forbidden: field is immutable when `immutable` is set");
  });

  it("lets nobody add a finalizer to what is being deleted", () => {
    const old = deployment();
    old.metadata.deletionTimestamp = "2026-11-22T03:00:00Z";
    const update = copy(old);
    update.metadata.finalizers = ["a/b"];
    const [cause] = validate(deployments, prepareForUpdate(deployments, update, old), old);
    equal(cause?.field, "metadata.finalizers");
  });
});

describe("applyDefaults()", () => {
  it("changes nothing the second time, nor the object it is given", () => {
    for (const [resource, json] of [
      [deployments, deploymentJson()],
      [pods, podJson({ hostNetwork: true, volumes: [{ name: "v" }] })],
    ] as const) {
      const decoded = decodeObject(resource as typeof pods, json, { fieldValidation: "Strict" });
      equal(decoded.kind, "ok");
      if (decoded.kind !== "ok") continue;
      const before = JSON.stringify(decoded.object);
      const once = applyDefaults(resource as typeof pods, decoded.object);
      equal(JSON.stringify(decoded.object), before);
      deepEqual(applyDefaults(resource as typeof pods, once), once);
    }
  });
});
