import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { apps, configMap, core, deployment, newWorld, pod, service } from "./fixtures.ts";

const mergePatch = { "content-type": "application/merge-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };

describe("create", () => {
  it("stores a deployment with defaults, uid, time and generation", async () => {
    const world = await newWorld();
    const { status, body } = await world.ask("POST", `${apps}/deployments`, {
      body: deployment("web", 3),
    });
    equal(status, 201);
    equal(body.spec.strategy.type, "RollingUpdate");
    equal(body.spec.template.spec.restartPolicy, "Always");
    equal(body.metadata.generation, 1);
    equal(body.metadata.creationTimestamp, "2026-11-22T02:45:00Z");
    match(body.metadata.uid, /^[0-9a-f-]{36}$/);
    equal(body.metadata.resourceVersion, String(world.member.store.revision));
    const read = await world.ask("GET", `${apps}/deployments/web`);
    deepEqual(read.body, body);
  });

  it("makes a name from generateName", async () => {
    const world = await newWorld();
    const body = { ...pod(""), metadata: { generateName: "web-" } };
    const first = await world.ask("POST", `${core}/pods`, { body });
    const second = await world.ask("POST", `${core}/pods`, { body });
    equal(first.status, 201, first.body.message);
    match(first.body.metadata.name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    notEqual(first.body.metadata.name, second.body.metadata.name);
  });

  it("writes nothing on dryRun=All and answers what it would have written", async () => {
    const world = await newWorld();
    const { revision } = world.member.store;
    const url = `${core}/configmaps?dryRun=All`;
    const { status, body } = await world.ask("POST", url, { body: configMap("a") });
    equal(status, 201);
    equal(body.metadata.name, "a");
    equal(world.member.store.revision, revision);
    equal((await world.ask("GET", `${core}/configmaps/a`)).status, 404);
  });

  it("takes a body without a content type as JSON, and with a foreign one as unknown", async () => {
    const world = await newWorld();
    equal((await world.ask("POST", `${core}/configmaps`, { body: configMap("a") })).status, 201);
    const headers = { "content-type": "text/plain" };
    const refused = await world.ask("POST", `${core}/configmaps`, { headers, body: "{}" });
    equal(refused.status, 415);
    equal(refused.body.reason, "UnsupportedMediaType");
  });

  it("puts unknown fields into warnings unless validation is strict", async () => {
    const world = await newWorld();
    const body = { ...configMap("a"), dta: {} };
    const warned = await world.ask("POST", `${core}/configmaps`, { body });
    equal(warned.status, 201);
    deepEqual(warned.headers["warning"], [`299 - "unknown field \\"dta\\""`]);
  });
});

describe("what cannot be answered", () => {
  it("is not written: a form that is not served", async () => {
    const world = await newWorld();
    const headers = { accept: "application/yaml" };
    const body = configMap("a");
    equal((await world.ask("POST", `${core}/configmaps`, { headers, body })).status, 406);
    equal((await world.ask("GET", `${core}/configmaps/a`)).status, 404);
  });

  it("is not written: an object that its defaults make larger than a watch can carry", async () => {
    const world = await newWorld();
    const containers = Array.from({ length: 30_000 }, (_, at) => ({
      name: `c${at}`,
      image: "host",
    }));
    const body = { ...pod("a"), spec: { containers } };
    const { status } = await world.ask("POST", `${core}/pods`, { body });
    equal(status, 413);
  });
});

// biome-ignore format: a table
const refusals = [
  // name, method, url, body, status, message
  ["a second object of the same name", "POST", `${apps}/deployments`, deployment("web"), 409, `deployments.apps "web" already exists`],
  ["a namespace that is not there", "POST", "/apis/apps/v1/namespaces/nons/deployments", deployment("x"), 404, `namespaces "nons" not found`],
  ["another namespace in the body", "POST", `${core}/configmaps`, { metadata: { name: "q", namespace: "other" } }, 400, "the namespace of the provided object does not match the namespace sent on the request"],
  ["no name", "POST", `${core}/configmaps`, { metadata: {} }, 422, `ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required`],
  ["a resource version on creation", "POST", `${core}/configmaps`, { metadata: { name: "q", resourceVersion: "4" } }, 400, "resourceVersion should not be set on objects to be created"],
  ["another kind", "POST", `${core}/configmaps`, { apiVersion: "v1", kind: "Pod", metadata: { name: "x" } }, 400, /^Pod in version "v1" cannot be handled as a ConfigMap/],
  ["a typo when strict", "POST", `${core}/configmaps?fieldValidation=Strict`, { metadata: { name: "q", labelz: {} } }, 400, `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.labelz"`],
  ["a strange fieldValidation", "POST", `${core}/configmaps?fieldValidation=Foo`, { metadata: { name: "q" } }, 422, `CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"`],
  ["a strange dryRun", "POST", `${core}/configmaps?dryRun=Foo`, { metadata: { name: "q" } }, 422, `CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Foo"]: supported values: "All"`],
  ["half a body", "POST", `${core}/configmaps`, `{"metadata`, 400, /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: /],
  ["an update of nothing", "PUT", `${apps}/deployments/nope`, deployment("nope"), 404, `deployments.apps "nope" not found`],
  ["another name in the URL", "PUT", `${apps}/deployments/webx`, deployment("web"), 400, "the name of the object (web) does not match the name on the URL (webx)"],
  ["an update of an old version", "PUT", `${apps}/deployments/web`, { ...deployment("web"), metadata: { name: "web", resourceVersion: "3" } }, 409, `Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again`],
  ["a deletion of another incarnation", "DELETE", `${apps}/deployments/web`, { preconditions: { uid: "u" } }, 409, /the UID in the precondition \(u\) does not match the UID in record/],
  ["a deletion of an old version", "DELETE", `${apps}/deployments/web`, { preconditions: { resourceVersion: "3" } }, 409, /the ResourceVersion in the precondition \(3\) does not match the ResourceVersion in record/],
  ["a deletion of nothing", "DELETE", `${core}/pods/zz`, undefined, 404, `pods "zz" not found`],
  ["a strange policy", "DELETE", `${apps}/deployments/web?propagationPolicy=Foo`, undefined, 422, `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"`],
  ["a verb on a collection", "PUT", `${core}/configmaps`, {}, 405, "the server does not allow this method on the requested resource"],
  ["a verb on an object", "POST", `${core}/configmaps/x`, {}, 405, "the server does not allow this method on the requested resource"],
  ["a creation in all namespaces", "POST", "/api/v1/pods", pod("a"), 405, "the server does not allow this method on the requested resource"],
  ["an unknown kind", "GET", "/api/v1/foos", undefined, 404, "the server could not find the requested resource"],
  ["an unknown subresource", "GET", `${core}/pods/x/foo`, undefined, 404, "the server could not find the requested resource"],
  ["status of a kind without one", "GET", `${core}/configmaps/x/status`, undefined, 404, "the server could not find the requested resource"],
  ["the deletion of a needed namespace", "DELETE", "/api/v1/namespaces/default", undefined, 403, `namespaces "default" is forbidden: this namespace may not be deleted`],
] as const;

describe("refusals carry Kubernetes' status and text", () => {
  for (const [name, method, url, body, status, message] of refusals) {
    it(name, async () => {
      const world = await newWorld();
      await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
      const answer = await world.ask(method, url, { body });
      if (typeof message === "string") equal(answer.body.message, message);
      else match(answer.body.message, message);
      equal(answer.status, status);
      equal(answer.body.code, status);
      equal(answer.body.kind, "Status");
    });
  }

  it("names the field of an invalid object", async () => {
    const world = await newWorld();
    const body = deployment("web");
    delete body.spec.template.spec.containers[0].image;
    const answer = await world.ask("POST", `${apps}/deployments`, { body });
    equal(answer.status, 422);
    equal(
      answer.body.message,
      `Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value`,
    );
    equal(answer.body.details.causes[0].field, "spec.template.spec.containers[0].image");
  });
});

describe("update", () => {
  it("bumps the generation with the spec only, and leaves status to /status", async () => {
    const world = await newWorld();
    const { body } = await world.ask("POST", `${apps}/deployments`, { body: deployment("web", 1) });
    const changed = { ...body, spec: { ...body.spec, replicas: 2 }, status: { replicas: 9 } };
    const updated = await world.ask("PUT", `${apps}/deployments/web`, { body: changed });
    equal(updated.status, 200, updated.body.message);
    equal(updated.body.metadata.generation, 2);
    equal(updated.body.status?.replicas, undefined);
    const status = {
      ...updated.body,
      spec: { ...body.spec, replicas: 7 },
      status: { replicas: 2 },
    };
    const reported = await world.ask("PUT", `${apps}/deployments/web/status`, { body: status });
    equal(reported.body.status.replicas, 2);
    equal(reported.body.spec.replicas, 2);
    equal(reported.body.metadata.generation, 2);
  });

  it("writes nothing when nothing changes", async () => {
    const world = await newWorld();
    const { body } = await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
    const { revision } = world.member.store;
    const again = await world.ask("PUT", `${apps}/deployments/web`, { body });
    equal(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
    equal(world.member.store.revision, revision);
  });

  it("wins without a resource version, whoever else writes", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a", { x: "1" }) });
    const key = new TextEncoder().encode("/registry/configmaps/default/a");
    world.member.beforeApply = () => {
      const other = {
        ...configMap("a", { x: "other" }),
        metadata: { name: "a", namespace: "default", uid: "u" },
      };
      world.member.apply({
        kind: "put",
        request: {
          key,
          value: Buffer.from(JSON.stringify(other)),
          lease: 0n,
          prevKv: false,
          ignoreValue: false,
          ignoreLease: false,
        },
      });
    };
    const body = { data: { y: "2" } };
    const patched = await world.ask("PATCH", `${core}/configmaps/a`, { headers: mergePatch, body });
    equal(patched.status, 200);
    deepEqual(patched.body.data, { x: "other", y: "2" });
  });
});

describe("patch", () => {
  it("applies the three kinds", async () => {
    const world = await newWorld();
    await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
    const url = `${apps}/deployments/web`;
    const image = { spec: { template: { spec: { containers: [{ name: "c", image: "x:2" }] } } } };
    const first = await world.ask("PATCH", url, { headers: strategic, body: image });
    equal(first.body.spec.template.spec.containers[0].image, "x:2");
    equal(first.body.spec.template.spec.containers.length, 1);
    const second = await world.ask("PATCH", url, {
      headers: mergePatch,
      body: { spec: { replicas: 4 } },
    });
    equal(second.body.spec.replicas, 4);
    const headers = { "content-type": "application/json-patch+json" };
    const body = [{ op: "replace", path: "/spec/replicas", value: 5 }];
    equal((await world.ask("PATCH", url, { headers, body })).body.spec.replicas, 5);
  });

  it("says which operation does not apply, so that kubectl shows it", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a") });
    const headers = { "content-type": "application/json-patch+json" };
    const operations = [{ op: "remove", path: "/data/none" }];
    const { status, body } = await world.ask("PATCH", `${core}/configmaps/a`, {
      headers,
      body: operations,
    });
    equal(status, 422);
    match(body.message, /^the server rejected our request .*remove .*\/data\/none/);
    deepEqual(body.details, {});
  });

  it("keeps the address of a service, and names the one that was asked for", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/services`, { body: service("a") });
    const { body } = await world.ask("PATCH", `${core}/services/a`, {
      headers: mergePatch,
      body: { spec: { clusterIP: "10.96.7.7" } },
    });
    equal(
      body.message,
      'Service "a" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.7.7"]: may not change once set',
    );
  });

  it("refuses server-side apply with a way out", async () => {
    const world = await newWorld();
    const headers = { "content-type": "application/apply-patch+yaml" };
    const answer = await world.ask("PATCH", `${apps}/deployments/web`, { headers, body: {} });
    equal(answer.status, 415);
    match(answer.body.message, /without --server-side/);
  });

  it("is a conflict when it carries an old resource version", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a") });
    const body = { metadata: { resourceVersion: "1" }, data: { a: "b" } };
    const answer = await world.ask("PATCH", `${core}/configmaps/a`, { headers: mergePatch, body });
    equal(answer.status, 409);
  });
});

describe("scale", () => {
  it("reads and changes replicas, by patch and by put without a content type", async () => {
    const world = await newWorld();
    await world.ask("POST", `${apps}/deployments`, { body: deployment("web", 1) });
    const url = `${apps}/deployments/web/scale`;
    const scale = await world.ask("GET", url);
    equal(scale.body.kind, "Scale");
    equal(scale.body.status.selector, "app=web");
    await world.ask("PATCH", url, { headers: mergePatch, body: { spec: { replicas: 3 } } });
    const put = await world.ask("PUT", url, {
      body: { ...scale.body, metadata: { name: "web" }, spec: { replicas: 2 } },
    });
    equal(put.body.spec.replicas, 2);
    const read = await world.ask("GET", `${apps}/deployments/web`);
    equal(read.body.spec.replicas, 2);
    equal(read.body.metadata.generation, 3);
  });

  it("refuses a negative number with the field, and a stale scale", async () => {
    const world = await newWorld();
    await world.ask("POST", `${apps}/deployments`, { body: deployment("web", 1) });
    const url = `${apps}/deployments/web/scale`;
    const negative = await world.ask("PATCH", url, {
      headers: mergePatch,
      body: { spec: { replicas: -3 } },
    });
    equal(
      negative.body.message,
      `Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -3: must be greater than or equal to 0`,
    );
    const body = { metadata: { name: "web", resourceVersion: "1" }, spec: { replicas: 2 } };
    equal((await world.ask("PUT", url, { body })).status, 409);
  });
});

describe("binding", () => {
  it("gives a pod its node once", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    const body = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "a" },
      target: { name: "n1" },
    };
    const first = await world.ask("POST", `${core}/pods/a/binding`, { body });
    equal(first.status, 201, first.body.message);
    const second = await world.ask("POST", `${core}/pods/a/binding`, { body });
    equal(second.status, 409);
    equal(
      second.body.message,
      `Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"`,
    );
    const bound = (await world.ask("GET", `${core}/pods/a`)).body;
    equal(bound.spec.nodeName, "n1");
    ok(
      bound.status.conditions.some(
        (condition: { type: string }) => condition.type === "PodScheduled",
      ),
    );
  });
});
