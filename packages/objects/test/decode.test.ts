import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  allResources,
  configMaps,
  type DecodeOutcome,
  decodeObject,
  deployments,
  type FieldValidation,
  type Json,
  jsonPatch,
  mergePatch,
  pods,
  type Resource,
  strategicMergePatch,
} from "../src/index.ts";
import { messages } from "../src/schema/table.ts";
import { deploymentJson, podJson } from "./fixtures.ts";

function decode(
  resource: Resource,
  json: Json,
  fieldValidation: FieldValidation = "Strict",
): DecodeOutcome {
  return decodeObject(resource, json, { fieldValidation });
}

describe("decodeObject()", () => {
  const typo = deploymentJson({ replcas: 1, replicaz: 2 });

  it("refuses, reports or ignores unknown fields, and drops them", () => {
    const strict = decode(deployments, typo);
    equal(strict.kind, "badRequest");
    const warn = decode(deployments, typo, "Warn");
    const warnings = ['unknown field "spec.replcas"', 'unknown field "spec.replicaz"'];
    deepEqual(warn.kind === "ok" && warn.warnings, warnings);
    const ignore = decode(deployments, typo, "Ignore");
    deepEqual(ignore.kind === "ok" && ignore.warnings, []);
    match(JSON.stringify(ignore), /^(?!.*replcas)/);
  });

  it("takes missing apiVersion and kind for those of the request", () => {
    const outcome = decode(pods, { metadata: { name: "p" } });
    equal(outcome.kind === "ok" && outcome.object.apiVersion, "v1");
    equal(outcome.kind === "ok" && outcome.object.kind, "Pod");
  });

  it("refuses another kind or version", () => {
    // Answers of kube-apiserver 1.36; its second one goes on with a place in its source.
    const cases = {
      'ReplicaSet in version "v1" cannot be handled as a Deployment: converting (v1.ReplicaSet) to (apps.Deployment): unknown conversion':
        { apiVersion: "apps/v1", kind: "ReplicaSet" },
      'Deployment in version "v2" cannot be handled as a Deployment: no kind "Deployment" is registered for version "apps/v2"':
        { apiVersion: "apps/v2", kind: "Deployment" },
    };
    for (const [message, json] of Object.entries(cases)) {
      deepEqual(decode(deployments, json), { kind: "badRequest", message });
    }
  });

  it("refuses what is no object", () => {
    for (const json of [null, [1], "x", 5, { kind: 1 }] as Json[]) {
      const outcome = decode(deployments, json);
      match(outcome.kind === "ok" ? "" : outcome.message, /must be of type Deployment/);
    }
  });

  it("drops what says nothing and keeps what does", () => {
    const outcome = decode(pods, {
      metadata: { name: "p", labels: {}, annotations: null },
      spec: { containers: [], hostNetwork: false, nodeName: "", priority: 0 },
    });
    deepEqual(outcome.kind === "ok" && JSON.parse(JSON.stringify(outcome.object)), {
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: "p" },
      spec: { containers: [], priority: 0 },
      status: {},
    });
  });

  it("is not misled by names from the prototype", () => {
    const json = JSON.parse(
      '{"metadata":{"name":"p","labels":{"__proto__":"x"}},"__proto__":{"a":1}}',
    );
    const outcome = decode(pods, json);
    match(outcome.kind === "ok" ? "" : outcome.message, /unknown field "__proto__"/);
    const spec = decode(pods, JSON.parse('{"spec":{"constructor":1,"toString":2}}'));
    match(spec.kind === "ok" ? "" : spec.message, /unknown field "spec.constructor"/);
  });
});

describe("patches of hostile input", () => {
  const evil = JSON.parse('{"metadata":{"labels":{"__proto__":{"polluted":"x"}}}}') as Json;

  it("never reach the prototype", () => {
    mergePatch(podJson(), evil);
    strategicMergePatch(pods, podJson(), evil);
    jsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: "x" }]);
    jsonPatch({}, [{ op: "add", path: "/constructor/prototype/polluted", value: "x" }]);
    equal(({} as Record<string, unknown>)["polluted"], undefined);
  });

  it("are refused when they are no objects", () => {
    equal(mergePatch({}, [1]).kind, "badRequest");
    equal(strategicMergePatch(pods, podJson(), "x").kind, "badRequest");
    equal(jsonPatch({}, {}).kind, "badRequest");
    equal(jsonPatch({}, [null]).kind, "invalid");
    equal(jsonPatch({}, new Array(10_001).fill({ op: "test", path: "" })).kind, "badRequest");
  });

  const original = deploymentJson({ strategy: { type: "RollingUpdate" } });
  it("are refused when they nest without end, as is such an object", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`) as Json;
    equal(mergePatch({}, deep).kind, "badRequest");
    equal(strategicMergePatch(pods, podJson(), deep).kind, "badRequest");
    equal(jsonPatch({}, [{ op: "add", path: "/a", value: deep }]).kind, "badRequest");
    equal(decode(pods, { metadata: { managedFields: [{ fieldsV1: deep }] } }).kind, "badRequest");
  });

  it("cannot double a document without end", () => {
    const double = [..."abcdefghijklmnopqrst"].map((name) => ({
      op: "copy",
      from: "",
      path: `/${name}`,
    }));
    const outcome = jsonPatch({ text: "x".repeat(1000) }, double);
    match(outcome.kind === "ok" ? "" : outcome.message, /too much is copied$/);
  });

  it("take megabytes of base64", () => {
    const json = { metadata: { name: "a" }, binaryData: { x: "AAAA".repeat(500_000) } };
    equal(decode(configMaps, json).kind, "ok");
  });

  // Answers of kube-apiserver 1.36.
  // biome-ignore format: a table
  const cases: [Json, string][] = [
    [{ spec: { $patch: "foo" } }, "unknown patch type: foo in map: map[$patch:foo]"],
    [{ spec: { template: { spec: { containers: [{ image: "x" }] } } } }, "map: map[image:x] does not contain declared merge key: name"],
    [{ spec: { template: { spec: { containers: [{ name: "c", $patch: "bar" }] } } } }, "unknown patch type: bar in map: map[$patch:bar name:c]"],
    [{ spec: { strategy: { $retainKeys: ["foo"], type: "Recreate" } } }, "invalid patch format of retainKeys"],
    [{ spec: { template: { spec: { "$setElementOrder/containers": [{ name: "d" }, { name: "c" }], containers: [{ name: "d" }, { name: "zz", image: "q" }] } } } },
      "The order in patch list:\n[map[name:d] map[image:q name:zz]]\n doesn't match $setElementOrder list:\n[map[name:d] map[name:c]]\n"],
  ];
  for (const [patch, message] of cases) {
    it(`strategic: ${message.split("\n")[0]}`, () => {
      deepEqual(strategicMergePatch(deployments, original, patch), {
        kind: "badRequest",
        message,
      });
    });
  }
});

describe("the schema table", () => {
  it("has every kind that is served", () => {
    for (const { kind } of allResources) equal(messages.get(kind)?.name, kind);
  });

  it("names existing fields as merge keys and list keys", () => {
    for (const message of messages.values()) {
      for (const field of message.fields.values()) {
        const inner = field.type.kind === "list" ? field.type.of : undefined;
        const keys = [...field.listKeys, ...(field.mergeKey ? [field.mergeKey] : [])];
        if (inner?.kind !== "message") {
          deepEqual(keys, [], `${message.name}.${field.name}`);
          continue;
        }
        for (const key of keys) {
          equal(inner.message.fields.has(key), true, `${message.name}.${field.name}: ${key}`);
        }
      }
    }
  });

  it("has defaults of the right type", () => {
    for (const message of messages.values()) {
      for (const { name, type, default: value } of message.fields.values()) {
        if (value === undefined) continue;
        const where = `${message.name}.${name}`;
        if (type.kind === "enumeration")
          equal(value === "" || type.values.includes(String(value)), true, where);
        if (type.kind === "scalar" && type.scalar === "string")
          equal(typeof value, "string", where);
        if (type.kind === "scalar" && type.scalar.startsWith("int"))
          equal(typeof value, "number", where);
      }
    }
  });
});
