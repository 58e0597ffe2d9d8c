import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { pods } from "@flotilla/objects";
import { createLocalClient } from "../src/local-client.ts";
import {
  apps,
  configMap,
  core,
  deployment,
  heartbeats,
  newWorld,
  pod,
  service,
  startMs,
  type World,
} from "./fixtures.ts";

const mergePatch = { "content-type": "application/merge-patch+json" };

function keys(world: World, prefix: string): string[] {
  const result = world.api.context.storage.list(prefix, { limit: 0, revision: 0 });
  ok(result.kind === "page");
  return result.page.values.map(({ key }) => key);
}

describe("services", () => {
  it("get a cluster IP, and give it back", async () => {
    const world = await newWorld();
    const { status, body } = await world.ask("POST", `${core}/services`, { body: service("a") });
    equal(status, 201, body.message);
    match(body.spec.clusterIP, /^10\.96\./);
    deepEqual(body.spec.clusterIPs, [body.spec.clusterIP]);
    ok(
      keys(world, "/registry/ranges/clusterips/").includes(
        `/registry/ranges/clusterips/${body.spec.clusterIP}`,
      ),
    );
    await world.ask("DELETE", `${core}/services/a`);
    deepEqual(keys(world, "/registry/ranges/clusterips/"), [
      "/registry/ranges/clusterips/10.96.0.1",
    ]);
  });

  it("keep their addresses when applied again without them", async () => {
    const world = await newWorld();
    const body = service("a", { type: "NodePort" });
    const created = await world.ask("POST", `${core}/services`, { body });
    const again = await world.ask("PUT", `${core}/services/a`, { body });
    equal(again.body.spec.clusterIP, created.body.spec.clusterIP);
    equal(again.body.spec.ports[0].nodePort, created.body.spec.ports[0].nodePort);
    equal(again.body.metadata.resourceVersion, created.body.metadata.resourceVersion);
  });

  it("free node ports when they leave the type, and the address when they become external", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/services`, { body: service("a", { type: "NodePort" }) });
    equal(keys(world, "/registry/ranges/nodeports/").length, 1);
    const inner = { spec: { type: "ClusterIP" } };
    const changed = await world.ask("PATCH", `${core}/services/a`, {
      headers: mergePatch,
      body: inner,
    });
    equal(changed.body.spec.ports[0].nodePort, undefined);
    equal(keys(world, "/registry/ranges/nodeports/").length, 0);
    const outer = {
      spec: { type: "ExternalName", externalName: "a.b", clusterIP: null, clusterIPs: null },
    };
    const external = await world.ask("PATCH", `${core}/services/a`, {
      headers: mergePatch,
      body: outer,
    });
    equal(external.status, 200, external.body.message);
    equal(external.body.spec.clusterIP, undefined);
    equal(keys(world, "/registry/ranges/clusterips/").length, 1);
  });

  it("give back what they held, not what their last update names", async () => {
    const world = await newWorld();
    const nodePort = (port: number) => ({
      type: "NodePort",
      ports: [{ port: 80, nodePort: port }],
    });
    await world.ask("POST", `${core}/services`, { body: service("a", nodePort(30_001)) });
    const held = service("b", nodePort(30_002));
    held.metadata.finalizers = ["a.b/c"];
    await world.ask("POST", `${core}/services`, { body: held });
    await world.ask("DELETE", `${core}/services/b`);
    const end = service("b", nodePort(30_001));
    await world.ask("PUT", `${core}/services/b`, { body: end });
    deepEqual(keys(world, "/registry/ranges/nodeports/"), ["/registry/ranges/nodeports/30001"]);
  });

  // biome-ignore format: a table
  const refused = [
    [service("x", { clusterIP: "10.96.0.1" }), `Service "x" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated`],
    [service("x", { clusterIP: "10.9.0.1" }), `Service "x" is invalid: spec.clusterIPs: Invalid value: ["10.9.0.1"]: failed to allocate IP 10.9.0.1: the provided network does not match the current range`],
    [service("x", { type: "NodePort", ports: [{ port: 80, nodePort: 80 }] }), `Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767`],
    [service("x", { type: "NodePort", ports: [{ port: 80, nodePort: 31000 }] }), `Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 31000: provided port is already allocated`],
  ] as const;
  for (const [body, message] of refused) {
    it(`refuse: ${message.slice(message.indexOf("spec."))}`, async () => {
      const world = await newWorld();
      const taken = service("taken", { type: "NodePort", ports: [{ port: 80, nodePort: 31_000 }] });
      await world.ask("POST", `${core}/services`, { body: taken });
      const answer = await world.ask("POST", `${core}/services`, { body });
      equal(answer.body.message, message);
      equal(answer.status, 422);
    });
  }

  it("never share an address, however many are created at once (20 seeds)", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = await newWorld({}, seed);
      // Two members that choose alike: the same seed for both, so that they want the same addresses.
      const rival = await newWorld({}, seed);
      const context = {
        ...rival.api.context,
        storage: world.api.context.storage,
        cache: world.api.context.cache,
      };
      const second = { ...rival.api, context };
      const { handleRequest } = await import("../src/http/handler.ts");
      const create = (api: typeof second, name: string) =>
        handleRequest(api, {
          method: "POST",
          url: `${core}/services`,
          headers: {},
          body: Buffer.from(JSON.stringify(service(name, { type: "NodePort" }))),
          user: { name: "t", groups: [] },
          signal: new AbortController().signal,
        });
      const answers = await Promise.all([
        ...[1, 2, 3].map((n) => create(world.api, `a${n}`)),
        ...[1, 2, 3].map((n) => create(second, `b${n}`)),
      ]);
      const specs = answers.map(({ body }) => JSON.parse(String(body)).spec);
      equal(new Set(specs.map(({ clusterIP }) => clusterIP)).size, 6, `seed=${seed}`);
      equal(new Set(specs.map(({ ports }) => ports[0].nodePort)).size, 6, `seed=${seed}`);
    }
  });
});

describe("namespaces", () => {
  it("are there from the start, once", async () => {
    const world = await newWorld();
    const { bootstrap } = await import("../src/bootstrap.ts");
    const { revision } = world.member.store;
    await bootstrap(world.api);
    equal(world.member.store.revision, revision);
    const list = await world.ask("GET", "/api/v1/namespaces");
    deepEqual(
      list.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ["default", "kube-node-lease", "kube-public", "kube-system"],
    );
    equal((await world.ask("GET", `${core}/services/kubernetes`)).body.spec.clusterIP, "10.96.0.1");
  });

  it("take everything in them along", async () => {
    const world = await newWorld();
    await world.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "t" } } });
    const inside = "/api/v1/namespaces/t";
    await world.ask("POST", `${inside}/configmaps`, { body: configMap("a") });
    await world.ask("POST", `${inside}/pods`, { body: pod("p", {}, { nodeName: "n1" }) });
    await world.ask("POST", `${inside}/services`, { body: service("s", { type: "NodePort" }) });
    const answer = await world.ask("DELETE", "/api/v1/namespaces/t");
    equal(answer.body.status.phase, "Terminating");
    equal((await world.ask("GET", "/api/v1/namespaces/t")).status, 404);
    for (const plural of ["configmaps", "pods", "services/specs"]) {
      deepEqual(keys(world, `/registry/${plural}/t/`), []);
    }
    equal(keys(world, "/registry/ranges/clusterips/").length, 1);
  });

  it("wait for finalizers and accept nothing new meanwhile", async () => {
    const world = await newWorld();
    await world.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "t" } } });
    const held = { metadata: { name: "x", finalizers: ["a.b/c"] } };
    await world.ask("POST", "/api/v1/namespaces/t/configmaps", { body: held });
    await world.ask("DELETE", "/api/v1/namespaces/t");
    const refused = await world.ask("POST", "/api/v1/namespaces/t/configmaps", {
      body: configMap("y"),
    });
    equal(refused.status, 403);
    equal(
      refused.body.message,
      `configmaps "y" is forbidden: unable to create new content in namespace t because it is being terminated`,
    );
    equal(refused.body.details.causes[0].reason, "NamespaceTerminating");
    const url = "/api/v1/namespaces/t/configmaps/x";
    const body = { metadata: { finalizers: null } };
    await world.ask("PATCH", url, { headers: mergePatch, body });
    equal((await world.ask("GET", url)).status, 404);
    equal(
      (await world.ask("GET", "/api/v1/namespaces/t")).status,
      404,
      "the last finalizer frees it",
    );
  });

  it("end although the client that deleted them goes away", async () => {
    const world = await newWorld();
    const body = { metadata: { name: "team" } };
    await world.ask("POST", "/api/v1/namespaces", { body });
    await world.ask("POST", "/api/v1/namespaces/team/configmaps", { body: configMap("a") });
    const client = new AbortController();
    world.member.beforeApply = () => client.abort();
    await world.ask("DELETE", "/api/v1/namespaces/team", { signal: client.signal });
    equal((await world.ask("GET", "/api/v1/namespaces/team")).status, 404);
  });

  it("cannot get an object between the look at them and the write", async () => {
    const world = await newWorld();
    await world.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "t" } } });
    world.member.beforeApply = () => {
      const key = new TextEncoder().encode("/registry/namespaces/t");
      const body = {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "t" },
        status: { phase: "Terminating" },
      };
      const value = new TextEncoder().encode(JSON.stringify(body));
      const request = {
        key,
        value,
        lease: 0n,
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      };
      world.member.apply({ kind: "put", request });
    };
    const answer = await world.ask("POST", "/api/v1/namespaces/t/configmaps", {
      body: configMap("a"),
    });
    equal(answer.status, 403);
    deepEqual(keys(world, "/registry/configmaps/t/"), []);
  });
});

describe("delete", () => {
  it("marks a bound pod, shortens the grace, and removes with 0", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a", {}, { nodeName: "n1" }) });
    const marked = await world.ask("DELETE", `${core}/pods/a`);
    equal(marked.body.metadata.deletionGracePeriodSeconds, 30);
    equal(marked.body.metadata.deletionTimestamp, "2026-11-22T02:45:30Z");
    const shorter = await world.ask("DELETE", `${core}/pods/a?gracePeriodSeconds=5`);
    equal(shorter.body.metadata.deletionTimestamp, "2026-11-22T02:45:05Z");
    const longer = await world.ask("DELETE", `${core}/pods/a?gracePeriodSeconds=60`);
    equal(longer.body.metadata.deletionGracePeriodSeconds, 5);
    const gone = await world.ask("DELETE", `${core}/pods/a`, { body: { gracePeriodSeconds: 0 } });
    equal(gone.status, 200);
    equal((await world.ask("GET", `${core}/pods/a`)).status, 404);
  });

  it("removes at once what runs nowhere", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    await world.ask("DELETE", `${core}/pods/a`);
    equal((await world.ask("GET", `${core}/pods/a`)).status, 404);
  });

  it("answers with a Status that names what is gone", async () => {
    const world = await newWorld();
    const { body } = await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
    const answer = await world.ask("DELETE", `${apps}/deployments/web`);
    deepEqual(answer.body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: { name: "web", group: "apps", kind: "deployments", uid: body.metadata.uid },
    });
  });

  it("keeps an object until its finalizers are gone", async () => {
    const world = await newWorld();
    const body = { ...configMap("a"), metadata: { name: "a", finalizers: ["x.y/z"] } };
    await world.ask("POST", `${core}/configmaps`, { body });
    const marked = await world.ask("DELETE", `${core}/configmaps/a`);
    ok(marked.body.metadata.deletionTimestamp);
    const patch = { metadata: { finalizers: [] } };
    await world.ask("PATCH", `${core}/configmaps/a`, { headers: mergePatch, body: patch });
    equal((await world.ask("GET", `${core}/configmaps/a`)).status, 404);
  });

  it("sets dependents free when they shall be orphans", async () => {
    const world = await newWorld();
    const { body: owner } = await world.ask("POST", `${apps}/deployments`, {
      body: deployment("web"),
    });
    const ownerReferences = [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        name: "web",
        uid: owner.metadata.uid,
        controller: true,
      },
    ];
    await world.ask("POST", `${core}/pods`, {
      body: { ...pod("a"), metadata: { name: "a", ownerReferences } },
    });
    await world.ask("DELETE", `${apps}/deployments/web`, { body: { propagationPolicy: "Orphan" } });
    equal((await world.ask("GET", `${apps}/deployments/web`)).status, 404);
    const orphan = await world.ask("GET", `${core}/pods/a`);
    equal(orphan.body.metadata.ownerReferences, undefined);
  });

  it("sets dependents free although the client goes away", async () => {
    const world = await newWorld();
    const owner = await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
    const { uid } = owner.body.metadata;
    const owned = configMap("a");
    owned.metadata.ownerReferences = [
      { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid },
    ];
    await world.ask("POST", `${core}/configmaps`, { body: owned });
    const client = new AbortController();
    world.member.beforeApply = () => client.abort();
    await world.ask("DELETE", `${apps}/deployments/web?propagationPolicy=Orphan`, {
      signal: client.signal,
    });
    equal((await world.ask("GET", `${apps}/deployments/web`)).status, 404);
    const freed = await world.ask("GET", `${core}/configmaps/a`);
    equal(freed.body.metadata.ownerReferences, undefined);
  });

  it("deletes a collection by selector", async () => {
    const world = await newWorld();
    for (const name of ["a", "b"])
      await world.ask("POST", `${core}/pods`, { body: pod(name, { n: name }) });
    const answer = await world.ask("DELETE", `${core}/pods?labelSelector=n%3Da`);
    equal(answer.body.items.length, 1);
    equal((await world.ask("GET", `${core}/pods`)).body.items.length, 1);
  });

  it("evicts", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "a" } };
    equal((await world.ask("POST", `${core}/pods/a/eviction`, { body })).status, 201);
    equal((await world.ask("GET", `${core}/pods/a`)).status, 404);
  });
});

describe("heartbeats", () => {
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "n1", namespace: "kube-node-lease" },
    spec: {
      holderIdentity: "n1",
      leaseDurationSeconds: 4,
      renewTime: "2026-11-22T02:45:00.000000Z",
    },
  };
  const later = { ...lease, spec: { ...lease.spec, renewTime: "2026-11-22T02:45:01.000000Z" } };

  it("cost no write, and answer the new time", async () => {
    const world = await newWorld();
    const created = await world.ask("POST", heartbeats, { body: lease });
    equal(created.status, 201, created.body.message);
    const { proposals } = world.member;
    for (const body of [later, { ...created.body, spec: later.spec }]) {
      const beat = await world.ask("PUT", `${heartbeats}/n1`, { body });
      equal(beat.status, 200, beat.body.message);
      equal(beat.body.spec.renewTime, later.spec.renewTime);
      equal(beat.body.metadata.resourceVersion, created.body.metadata.resourceVersion);
    }
    equal(world.member.proposals, proposals);
    equal(world.member.renewals, 2);
  });

  it("that stop make the object disappear, and watchers see it", async () => {
    const world = await newWorld();
    await world.ask("POST", heartbeats, { body: lease });
    const watch = await world.watch(`${heartbeats}?watch=true`);
    equal((await watch.next()).type, "ADDED");
    const [id] = world.member.store.leases();
    world.member.apply({ kind: "leaseRevoke", id: id! });
    const event = await watch.next();
    equal(event.type, "DELETED");
    equal(event.object.metadata.name, "n1");
    equal((await world.ask("PUT", `${heartbeats}/n1`, { body: later })).status, 404);
    equal((await world.ask("POST", heartbeats, { body: lease })).status, 201);
    watch.close();
  });

  it("that change more are written, and stay attached", async () => {
    const world = await newWorld();
    await world.ask("POST", heartbeats, { body: lease });
    const { revision } = world.member.store;
    const body = { ...lease, spec: { ...lease.spec, holderIdentity: "other" } };
    const changed = await world.ask("PUT", `${heartbeats}/n1`, { body });
    equal(changed.body.spec.holderIdentity, "other");
    equal(world.member.store.revision, revision + 1);
    const key = "/registry/leases/kube-node-lease/n1";
    notEqual(world.api.context.storage.get(key)?.lease, 0n);
  });

  it("are conflicts when the version is old", async () => {
    const world = await newWorld();
    await world.ask("POST", heartbeats, { body: lease });
    const body = { ...later, metadata: { ...later.metadata, resourceVersion: "2" } };
    equal((await world.ask("PUT", `${heartbeats}/n1`, { body })).status, 409);
  });
});

describe("events", () => {
  it("do not share the fate of the client that asked for the lease", async () => {
    const world = await newWorld();
    const event = (name: string) => ({
      metadata: { name },
      involvedObject: { kind: "Pod", name: "a", namespace: "default" },
    });
    const client = new AbortController();
    const first = world.ask("POST", `${core}/events`, { body: event("a"), signal: client.signal });
    const second = world.ask("POST", `${core}/events`, { body: event("b") });
    client.abort();
    await first;
    const { status, body } = await second;
    equal(status, 201, body.message);
  });

  it("share a lease per minute and live for an hour", async () => {
    const world = await newWorld();
    const event = (name: string) => ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: "default" },
      involvedObject: { kind: "Pod", name: "a", namespace: "default" },
      reason: "Testing",
      message: "it works",
      type: "Normal",
    });
    for (const name of ["a.1", "a.2"]) {
      const { status, body } = await world.ask("POST", `${core}/events`, { body: event(name) });
      equal(status, 201, body.message);
    }
    equal(world.member.store.leases().length, 1);
    world.timers.nowMs = startMs + 61_000;
    await world.ask("POST", `${core}/events`, { body: event("a.3") });
    const leases = world.member.store.leases();
    equal(leases.length, 2);
    equal(world.member.store.lease(leases[0]!)?.grantedTtlSeconds, 3_660);
  });
});

describe("the local client", () => {
  it("writes through the same rules, and is fenced when the term is over", async () => {
    const world = await newWorld();
    const client = createLocalClient(world.api, { onlyInTerm: 1 });
    const created = await client.create(pods, {
      ...pod("a"),
      metadata: { name: "a", namespace: "default" },
    });
    equal(created.kind, "ok");
    equal((await client.create(pods, pod("a"))).kind, "alreadyExists");
    const invalid = await client.create(pods, pod("B_"));
    equal(invalid.kind, "invalid");
    world.member.term = 2;
    const { revision } = world.member.store;
    equal((await client.create(pods, pod("b"))).kind, "fenced");
    equal((await client.bind({ namespace: "default", name: "a" }, "n1")).kind, "fenced");
    equal((await client.delete(pods, { namespace: "default", name: "a" })).kind, "fenced");
    equal(world.member.store.revision, revision);
  });

  it("lists, watches and patches without HTTP", async () => {
    const world = await newWorld();
    const client = createLocalClient(world.api, { onlyInTerm: 1 });
    const { resourceVersion } = await client.list(pods);
    const controller = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of client.watch(pods, {
        resourceVersion,
        signal: controller.signal,
      })) {
        seen.push(
          event.kind === "expired" ? "expired" : `${event.kind} ${event.object.metadata.name}`,
        );
        if (seen.length === 3) controller.abort();
      }
    })();
    await client.create(pods, pod("a"));
    const patched = await client.patch(
      pods,
      { namespace: "default", name: "a" },
      { metadata: { labels: { x: "y" } } },
    );
    ok(patched.kind === "ok");
    deepEqual(patched.object.metadata.labels, { x: "y" });
    await client.delete(pods, { namespace: "default", name: "a" });
    await watching;
    deepEqual(seen, ["added a", "modified a", "deleted a"]);
  });

  it("gives shared objects that cannot be changed by accident", async () => {
    const world = await newWorld();
    const client = createLocalClient(world.api, { onlyInTerm: 1 });
    await client.create(pods, pod("a"));
    const read = await client.get(pods, { namespace: "default", name: "a" });
    ok(
      read !== undefined &&
        Object.isFrozen(read.metadata) &&
        Object.isFrozen(read.spec.containers[0]),
    );
  });

  it("throws what a caller can tell apart when the store is away", async () => {
    const world = await newWorld();
    const client = createLocalClient(world.api, { onlyInTerm: 1 });
    world.member.unavailable = { kind: "timeout" };
    await client.create(pods, pod("a")).then(
      () => ok(false, "must not succeed"),
      (error: { code: string }) => equal(error.code, "outcomeUnknown"),
    );
  });
});
