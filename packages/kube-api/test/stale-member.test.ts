import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { KubeApi } from "../src/api.ts";
import { handleRequest } from "../src/http/handler.ts";
import { type Body, configMap, core, laggingApi, newWorld, service } from "./fixtures.ts";

const mergePatch = { "content-type": "application/merge-patch+json" };

async function ask(api: KubeApi, method: string, url: string, body: Body = {}): Promise<Body> {
  const { body: text } = await handleRequest(api, {
    method,
    url,
    headers: method === "PATCH" ? mergePatch : {},
    body: Buffer.from(JSON.stringify(body), "utf8"),
    user: { name: "tester", groups: [] },
    signal: new AbortController().signal,
  });
  return JSON.parse(String(text));
}

// What another member acknowledged may not have arrived here: no answer may rest on its absence.
describe("a member that lags behind", () => {
  it("does not take a change for done because its old state has it already", async () => {
    const world = await newWorld();
    const behind = laggingApi(world);
    await ask(world.api, "POST", `${core}/configmaps`, configMap("a", { color: "red" }));
    behind.freeze();
    await ask(world.api, "PATCH", `${core}/configmaps/a`, { data: { color: "blue" } });
    const patched = await ask(behind.api, "PATCH", `${core}/configmaps/a`, {
      data: { color: "red" },
    });
    equal(patched.data.color, "red");
    const { body } = await world.ask("GET", `${core}/configmaps/a`);
    equal(body.data.color, "red", "the acknowledged change is there");
  });

  it("deletes an object that was created anew after its old state marked it", async () => {
    const world = await newWorld();
    const behind = laggingApi(world);
    const held = { ...configMap("a"), metadata: { name: "a", finalizers: ["a.b/c"] } };
    await ask(world.api, "POST", `${core}/configmaps`, held);
    await ask(world.api, "DELETE", `${core}/configmaps/a`);
    behind.freeze();
    await ask(world.api, "PATCH", `${core}/configmaps/a`, { metadata: { finalizers: null } });
    await ask(world.api, "POST", `${core}/configmaps`, configMap("a"));
    equal((await ask(behind.api, "DELETE", `${core}/configmaps/a`)).status, "Success");
    equal((await world.ask("GET", `${core}/configmaps/a`)).status, 404);
  });

  it("gives an address that was given back elsewhere", async () => {
    const world = await newWorld();
    const behind = laggingApi(world);
    const spec = {
      clusterIP: "10.96.3.3",
      type: "NodePort",
      ports: [{ port: 80, nodePort: 30_001 }],
    };
    await ask(world.api, "POST", `${core}/services`, service("a", spec));
    behind.freeze();
    await ask(world.api, "DELETE", `${core}/services/a`);
    const created = await ask(behind.api, "POST", `${core}/services`, service("b", spec));
    equal(created.spec?.clusterIP, "10.96.3.3", created.message);
  });

  it("creates in a namespace whose end it has not seen", async () => {
    const world = await newWorld();
    const behind = laggingApi(world);
    const home = { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } };
    const inTeam = "/api/v1/namespaces/team/configmaps";
    const held = { ...configMap("held"), metadata: { name: "held", finalizers: ["a.b/c"] } };
    await ask(world.api, "POST", "/api/v1/namespaces", home);
    await ask(world.api, "POST", inTeam, held);
    await ask(world.api, "DELETE", "/api/v1/namespaces/team");
    behind.freeze();
    await ask(world.api, "PATCH", `${inTeam}/held`, { metadata: { finalizers: null } });
    equal((await world.ask("GET", "/api/v1/namespaces/team")).status, 404);
    await ask(world.api, "POST", "/api/v1/namespaces", home);
    const created = await ask(behind.api, "POST", inTeam, configMap("a"));
    equal(created.kind, "ConfigMap", created.message);
  });
});
