import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeObject } from "../src/decode.ts";
import { strategicMergePatch } from "../src/patches/strategic-merge-patch.ts";
import { configMaps, pods, type Resource, services } from "../src/resources.ts";
import { prepareForUpdate } from "../src/strategy.ts";
import type { Json, KubeObject } from "../src/types.ts";
import { validate } from "../src/validation/validate.ts";

/** As many elements as fit into the largest body; comparing each with each would take minutes. */
const many = 40_000;
/** Far more than is needed, and far less than that. */
const timeMsMax = 5_000;

function list(element: (index: number) => Json): Json[] {
  return Array.from({ length: many }, (_, index) => element(index));
}

function withSpec(resource: Resource, spec: Json, metadata: object = {}): KubeObject {
  const json = { metadata: { name: "a", ...metadata }, spec } as unknown as Json;
  const decoded = decodeObject(resource, json, { fieldValidation: "Ignore" });
  ok(decoded.kind === "ok");
  return decoded.object;
}

const containers = list((index) => ({ name: `c${index}`, image: "x" }));
const reversed = list((index) => ({ name: `c${many - 1 - index}` }));
const pod = { metadata: { name: "a" }, spec: { containers } };
const finalizers = list((index) => `a.b/${index}`);
const tolerations = list((index) => ({ key: `k${index}`, operator: "Exists" }));
const ports = list((index) => ({ port: index + 1, protocol: "TCP", nodePort: 30_000 }));
const held = { finalizers, deletionTimestamp: "2026-11-22T02:45:03Z" };

// One event loop serves everybody: a single request must not keep it for itself.
describe("a body that is as large as it may be", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [name: string, work: () => unknown])[] = [
    ["other containers", () => strategicMergePatch(pods, pod, { spec: { containers: list((index) => ({ name: `d${index}` })) } })],
    ["deleted containers", () => strategicMergePatch(pods, pod, { spec: { containers: list((index) => ({ name: `d${index}`, $patch: "delete" })) } })],
    ["containers in another order", () => strategicMergePatch(pods, pod, { spec: { "$setElementOrder/containers": reversed, containers: reversed } })],
    ["other finalizers", () => strategicMergePatch(configMaps, { metadata: { finalizers } }, { metadata: { finalizers: list((index) => `c.d/${index}`) } })],
    ["deleted finalizers", () => strategicMergePatch(configMaps, { metadata: { finalizers } }, { metadata: { "$deleteFromPrimitiveList/finalizers": list((index) => `c.d/${index}`) } })],
    ["a name to generate of hyphens", () => validate(configMaps, withSpec(configMaps, null, { name: "", generateName: `${"-".repeat(3_000_000)}x-` }))],
    ["finalizers of what is being deleted", () => validate(configMaps, withSpec(configMaps, null, held), withSpec(configMaps, null, held))],
    ["tolerations", () => validate(pods, withSpec(pods, { tolerations }), withSpec(pods, { tolerations }))],
    ["topology constraints", () => validate(pods, withSpec(pods, { topologySpreadConstraints: list((index) => ({ topologyKey: `k${index}`, maxSkew: 1 })) }))],
    ["ports of a service", () => prepareForUpdate(services, withSpec(services, { type: "LoadBalancer", ports: list((index) => ({ port: many - index, protocol: "TCP" })) }), withSpec(services, { type: "LoadBalancer", ports }))],
  ];
  for (const [name, work] of cases) {
    it(`takes no more than its time: ${name}`, () => {
      const startMs = performance.now();
      work();
      const tookMs = performance.now() - startMs;
      ok(tookMs < timeMsMax, `${Math.round(tookMs)} ms`);
    });
  }

  it("keeps the node ports that a replacing update leaves out", () => {
    const bare = withSpec(services, { type: "NodePort", ports: [{ port: 2, protocol: "TCP" }] });
    const updated = prepareForUpdate(
      services,
      bare,
      withSpec(services, { type: "NodePort", ports }),
    );
    equal(
      (updated as unknown as { spec: { ports: { nodePort: number }[] } }).spec.ports[0]?.nodePort,
      30_000,
    );
  });
});
