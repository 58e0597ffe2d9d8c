import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { core, newWorld } from "./fixtures.ts";

const aggregated = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

describe("discovery", () => {
  it("is negotiated: v2, v2beta1 for kubectl before 1.30, legacy (trap 5)", async () => {
    const world = await newWorld();
    const accept = `${aggregated("v2")},${aggregated("v2beta1")},application/json`;
    const v2 = await world.ask("GET", "/apis", { headers: { accept } });
    equal(v2.headers["content-type"], aggregated("v2"));
    equal(v2.body.apiVersion, "apidiscovery.k8s.io/v2");
    const old = { accept: `${aggregated("v2beta1")},application/json` };
    const beta = await world.ask("GET", "/api", { headers: old });
    equal(beta.headers["content-type"], aggregated("v2beta1"));
    equal(beta.body.apiVersion, "apidiscovery.k8s.io/v2beta1");
    const legacy = await world.ask("GET", "/apis");
    equal(legacy.body.kind, "APIGroupList");
    deepEqual((await world.ask("GET", "/api")).body.versions, ["v1"]);
  });

  it("lists evictions as evictions, or drain would delete (trap 6)", async () => {
    const world = await newWorld();
    const { body } = await world.ask("GET", "/api/v1");
    const eviction = body.resources.find(
      (resource: { name: string }) => resource.name === "pods/eviction",
    );
    equal(eviction.kind, "Eviction");
    equal(eviction.group, "policy");
    const scale = (await world.ask("GET", "/apis/apps/v1")).body.resources.find(
      (resource: { name: string }) => resource.name === "deployments/scale",
    );
    equal(scale.group, "autoscaling");
  });

  it("answers OpenAPI version 2 with an empty document (traps 2 and 3)", async () => {
    const world = await newWorld();
    const { status, headers, body } = await world.ask("GET", "/openapi/v2");
    equal(status, 200);
    equal(body, "");
    equal(headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  });

  it("gives each OpenAPI version 3 document an address for good", async () => {
    const world = await newWorld();
    const index = await world.ask("GET", "/openapi/v3");
    const url = index.body.paths["apis/apps/v1"]?.serverRelativeURL;
    ok(url, "the group is in the index");
    const document = await world.ask("GET", url);
    equal(document.headers["cache-control"], "public, immutable");
    const etag = String(document.headers["etag"]);
    const again = await world.ask("GET", url, { headers: { "if-none-match": etag } });
    equal(again.status, 304);
    const old = await world.ask("GET", "/openapi/v3/apis/apps/v1?hash=OLD");
    equal(old.status, 301);
    equal(old.headers["location"], url);
  });

  it("says its version and health to anybody, and nothing else", async () => {
    const world = await newWorld();
    const nobody = { user: "nobody" } as const;
    equal((await world.ask("GET", "/version", nobody)).body.gitVersion, "v1.36.3+flotilla");
    for (const path of ["/healthz", "/livez", "/readyz"]) {
      equal((await world.ask("GET", path, nobody)).status, 200, path);
    }
    const refused = await world.ask("GET", `${core}/pods`, nobody);
    equal(refused.status, 401);
    equal(refused.body.reason, "Unauthorized");
    equal((await world.ask("GET", "/apis", nobody)).status, 401);
  });

  it("picks the first type that it knows (trap 11), and refuses when it knows none", async () => {
    const world = await newWorld();
    const accept = "application/vnd.kubernetes.protobuf,application/json";
    const answer = await world.ask("GET", `${core}/pods`, { headers: { accept } });
    equal(answer.headers["content-type"], "application/json");
    equal(
      (await world.ask("GET", `${core}/pods`, { headers: { accept: "text/html" } })).status,
      406,
    );
  });
});

describe("a store that is away", () => {
  // biome-ignore format: a table
  const cases = [
    ["noLeader", 503, /no leader/],
    ["timeout", 504, /may or may not have happened/],
    ["tooManyRequests", 429, /too many requests/],
    ["stopped", 503, /shutting down/],
  ] as const;
  for (const [kind, status, message] of cases) {
    it(`is ${status} for ${kind}, with a time to come back`, async () => {
      const world = await newWorld();
      world.member.unavailable = { kind };
      const read = await world.ask("GET", `${core}/pods`);
      equal(read.status, status);
      match(read.body.message, message);
      equal(read.headers["retry-after"], "1");
      const write = await world.ask("POST", `${core}/configmaps`, {
        body: { metadata: { name: "a" } },
      });
      equal(write.status, status);
      equal((await world.ask("GET", "/livez")).status, 200);
    });
  }
});
