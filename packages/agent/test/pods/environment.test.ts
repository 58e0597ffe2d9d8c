import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConfigMap, Container } from "@flotilla/objects";
import { environmentFor } from "../../src/pods/environment.ts";
import { expand } from "../../src/pods/expand.ts";
import { podOf } from "../fixtures.ts";

describe("expand()", () => {
  // biome-ignore format: a table
  const cases = [
    ["plain text",                    "plain",           "plain"],
    ["a known name",                  "-$(A)-",          "-1-"],
    ["two names",                     "$(A)$(B)",        "1two"],
    ["an unknown name stays",         "$(NO)",           "$(NO)"],
    ["two dollars are one",           "$$(A)",           "$(A)"],
    ["three dollars",                 "$$$(A)",          "$1"],
    ["an unclosed reference stays",   "$(A",             "$(A"],
    ["a lonely dollar stays",         "$A $",            "$A $"],
    ["no name of an object's parent", "$(toString)",     "$(toString)"],
  ] as const;
  for (const [name, text, want] of cases) {
    it(name, () => equal(expand(text, { A: "1", B: "two" }), want));
  }
});

describe("environmentFor()", () => {
  const settings: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { LEVEL: "debug", MODE: "map" },
  };

  function build(container: Partial<Container>) {
    const pod = podOf("web-1", container);
    pod.metadata.labels = { app: "web" };
    const outcome = environmentFor({
      pod,
      container: pod.spec.containers[0]!,
      nodeName: "n1",
      address: "10.0.0.7",
      ports: { 8080: 21_000, 9090: 21_001 },
      volumes: { "my-data": "/vol/data" },
      services: { DB_SERVICE_HOST: "10.0.0.7", DB_SERVICE_PORT: "22000" },
      configMaps: { settings },
      inherited: { PATH: "/bin" },
    });
    return outcome;
  }

  function environmentOf(container: Partial<Container>): Record<string, string> {
    const outcome = build(container);
    return outcome.kind === "ok" ? outcome.environment : { failed: outcome.message };
  }

  it("carries what every workload may rely on", () => {
    deepEqual(
      environmentOf({
        ports: [{ name: "http-main", containerPort: 8080 }, { containerPort: 9090 }],
        volumeMounts: [{ name: "my-data", mountPath: "/data", subPath: "a" }],
      }),
      {
        PATH: "/bin",
        DB_SERVICE_HOST: "10.0.0.7",
        DB_SERVICE_PORT: "22000",
        FLOTILLA_NODE: "n1",
        FLOTILLA_NAMESPACE: "default",
        FLOTILLA_POD: "web-1",
        PORT: "21000",
        PORT_HTTP_MAIN: "21000",
        FLOTILLA_VOLUME_MY_DATA: "/vol/data/a",
      },
    );
  });

  it("does not let the manifest change the own port and identity", () => {
    const environment = environmentOf({
      ports: [{ containerPort: 8080 }],
      env: [
        { name: "PORT", value: "1" },
        { name: "FLOTILLA_NODE", value: "other" },
      ],
    });
    deepEqual([environment["PORT"], environment["FLOTILLA_NODE"]], ["21000", "n1"]);
  });

  it("lets later variables refer to earlier ones and to the own port", () => {
    const environment = environmentOf({
      ports: [{ containerPort: 8080 }],
      env: [
        { name: "URL", value: "http://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)/$(LATER)" },
        { name: "LATER", value: "x" },
        { name: "SELF", value: "$(URL) $(PORT)" },
      ],
    });
    equal(environment["SELF"], "http://10.0.0.7:22000/$(LATER) 21000");
  });

  it("reads fields of the pod", () => {
    const fields = ["metadata.name", "metadata.uid", "status.podIP", "metadata.labels['app']"];
    const env = fields.map((fieldPath, at) => ({
      name: `F${at}`,
      valueFrom: { fieldRef: { fieldPath } },
    }));
    const environment = environmentOf({ env });
    deepEqual(
      fields.map((_, at) => environment[`F${at}`]),
      ["web-1", "web-1-uid", "10.0.0.7", "web"],
    );
  });

  it("reads config maps, env after envFrom", () => {
    const environment = environmentOf({
      envFrom: [{ prefix: "P_", configMapRef: { name: "settings" } }],
      env: [
        { name: "P_MODE", value: "env" },
        { name: "L", valueFrom: { configMapKeyRef: { name: "settings", key: "LEVEL" } } },
        {
          name: "NO",
          valueFrom: { configMapKeyRef: { name: "settings", key: "no", optional: true } },
        },
      ],
    });
    const { P_LEVEL, P_MODE, L } = environment;
    deepEqual([P_LEVEL, P_MODE, L, "NO" in environment], ["debug", "env", "debug", false]);
  });

  // biome-ignore format: a table
  const failures = [
    ["an unknown field", { env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "spec.color" } } }] },
      "unsupported fieldPath: spec.color"],
    ["a missing config map", { envFrom: [{ configMapRef: { name: "no" } }] },
      'configmap "no" not found'],
    ["a missing key", { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "settings", key: "no" } } }] },
      "couldn't find key no in ConfigMap default/settings"],
    ["a source that is not supported", { env: [{ name: "X", valueFrom: {} }] },
      'env "X": this source of a value is not supported'],
  ] as const;
  for (const [name, container, want] of failures) {
    it(`fails for ${name}`, () => {
      deepEqual(build(structuredClone(container) as unknown as Partial<Container>), {
        kind: "failed",
        message: want,
      });
    });
  }
});
