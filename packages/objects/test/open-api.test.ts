import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { allResources, apiVersionOf, type Json, openApiV3 } from "../src/index.ts";

interface Document {
  readonly paths: Record<
    string,
    Record<string, { parameters?: { name: string; in: string }[] } & Record<string, Json>>
  >;
  readonly components: {
    readonly schemas: Record<string, { properties: Record<string, Json> } & Record<string, Json>>;
  };
}

function document(groupVersion: string): Document {
  return openApiV3(groupVersion) as unknown as Document;
}

describe("openApiV3()", () => {
  // kubectl looks for a patch operation of the kind with this parameter before it trusts the server.
  for (const resource of allResources) {
    it(`lets kubectl leave validation of ${resource.kind} to the server`, () => {
      const { paths } = document(apiVersionOf(resource));
      const { group, version, kind } = resource;
      const operations = Object.values(paths).map(({ patch }) => patch);
      const found = operations.find(
        (operation) =>
          JSON.stringify(operation?.["x-kubernetes-group-version-kind"]) ===
          JSON.stringify({ group, version, kind }),
      );
      const names = found?.parameters?.filter((parameter) => parameter.in === "query");
      equal(
        names?.some(({ name }) => name === "fieldValidation"),
        true,
      );
    });
  }

  it("refers only to schemas that it has", () => {
    for (const groupVersion of new Set(allResources.map(apiVersionOf))) {
      const text = JSON.stringify(openApiV3(groupVersion));
      const { schemas } = document(groupVersion).components;
      for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
        equal(name in schemas, true, `${groupVersion}: ${name}`);
      }
    }
  });

  it("tells the kinds, list keys and merge keys", () => {
    const { schemas } = document("apps/v1").components;
    const deployment = schemas["io.k8s.api.apps.v1.Deployment"];
    deepEqual(deployment?.["x-kubernetes-group-version-kind"], [
      { group: "apps", version: "v1", kind: "Deployment" },
    ]);
    deepEqual(schemas["io.k8s.api.core.v1.PodSpec"]?.properties["containers"], {
      type: "array",
      items: { allOf: [{ $ref: "#/components/schemas/io.k8s.api.core.v1.Container" }] },
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-list-type": "map",
      "x-kubernetes-patch-merge-key": "name",
      "x-kubernetes-patch-strategy": "merge",
    });
  });

  it("knows nothing of other groups", () => equal(openApiV3("batch/v1"), undefined));
});
