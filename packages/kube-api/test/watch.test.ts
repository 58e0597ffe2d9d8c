import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { pods } from "@flotilla/objects";
import { everything } from "../src/registry/selection.ts";
import { ObjectWatch } from "../src/registry/watch.ts";
import type { Storage } from "../src/storage.ts";
import {
  apps,
  configMap,
  core,
  deployment,
  newWorld,
  pod,
  settle,
  tableAccept,
  type World,
} from "./fixtures.ts";

const mergePatch = { "content-type": "application/merge-patch+json" };

async function label(world: World, name: string, app: string): Promise<void> {
  const body = { metadata: { labels: { app } } };
  await world.ask("PATCH", `${core}/pods/${name}`, { headers: mergePatch, body });
}

function short(events: { type: string; object: { metadata: { name?: string } } }[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name ?? "-"}`);
}

describe("watch", () => {
  it("starts with what exists without a resource version and with 0", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    for (const query of ["watch=true", "watch=1&resourceVersion=0"]) {
      const watch = await world.watch(`${core}/pods?${query}`);
      deepEqual(short(await watch.drain()), ["ADDED a"], query);
      watch.close();
    }
  });

  it("starts after a resource version, and tells each change once", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    const list = await world.ask("GET", `${core}/pods`);
    const url = `${core}/pods?watch=true&resourceVersion=${list.body.metadata.resourceVersion}`;
    const watch = await world.watch(url);
    await world.ask("POST", `${core}/pods`, { body: pod("b") });
    await label(world, "a", "web");
    await world.ask("DELETE", `${core}/pods/b`);
    deepEqual(short(await watch.drain()), ["ADDED b", "MODIFIED a", "DELETED b"]);
    watch.close();
  });

  it("shows a deleted object's last state at the revision of its deletion", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a", { k: "v" }) });
    const watch = await world.watch(`${core}/configmaps?watch=true`);
    await world.ask("DELETE", `${core}/configmaps/a`);
    const [, deleted] = await watch.drain();
    equal(deleted.type, "DELETED");
    deepEqual(deleted.object.data, { k: "v" });
    equal(deleted.object.metadata.resourceVersion, String(world.member.store.revision));
    watch.close();
  });

  it("tells objects that enter and leave a selection", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a", { app: "web" }) });
    await world.ask("POST", `${core}/pods`, { body: pod("b", { app: "db" }) });
    const watch = await world.watch(`${core}/pods?watch=true&labelSelector=app%3Dweb`);
    await label(world, "b", "web");
    await label(world, "a", "db");
    await label(world, "a", "cache");
    await world.ask("DELETE", `${core}/pods/a`);
    const events = await watch.drain();
    deepEqual(short(events), ["ADDED a", "ADDED b", "DELETED a"]);
    equal(events[2].object.metadata.labels.app, "web", "the last state that was in the selection");
    watch.close();
  });

  it("selects by node as agents do", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    const watch = await world.watch("/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1");
    const body = { metadata: { name: "a" }, target: { name: "n1" } };
    await world.ask("POST", `${core}/pods/a/binding`, { body });
    deepEqual(short(await watch.drain()), ["ADDED a"]);
    watch.close();
  });

  it("sees only its namespace", async () => {
    const world = await newWorld();
    await world.ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "defaults" } } });
    const watch = await world.watch(`${core}/configmaps?watch=true`);
    await world.ask("POST", "/api/v1/namespaces/defaults/configmaps", { body: configMap("x") });
    deepEqual(await watch.drain(), []);
    watch.close();
  });

  it("ends initial events with a bookmark when they were asked for (trap 12)", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    const query =
      "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watch = await world.watch(`${core}/pods?${query}`);
    const [added, bookmark] = await watch.drain();
    equal(added.type, "ADDED");
    equal(bookmark.type, "BOOKMARK");
    equal(bookmark.object.metadata.annotations["k8s.io/initial-events-end"], "true");
    equal(bookmark.object.metadata.resourceVersion, String(world.member.store.revision));
    watch.close();
  });

  it("sends tables, the columns once", async () => {
    const world = await newWorld();
    const watch = await world.watch(`${core}/pods?watch=true`, { accept: tableAccept });
    await world.ask("POST", `${core}/pods`, { body: pod("a") });
    await world.ask("POST", `${core}/pods`, { body: pod("b") });
    const [first, second] = await watch.drain();
    equal(first.object.kind, "Table");
    equal(first.object.columnDefinitions[0].name, "Name");
    equal(first.object.rows[0].cells[0], "a");
    equal(second.object.columnDefinitions, null);
    watch.close();
  });

  it("shows the age at the time of the event", async () => {
    const world = await newWorld();
    const watch = await world.watch(`${core}/configmaps?watch=true`, { accept: tableAccept });
    await world.timers.pass(60_000);
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a") });
    const { object } = await watch.next();
    equal(object.rows[0].cells.at(-1), "0s");
    watch.close();
  });

  it("answers 410 for history that is gone, before the start and in the middle", async () => {
    const world = await newWorld();
    const early = await world.watch(
      `${core}/pods?watch=true&resourceVersion=${world.member.store.revision}`,
    );
    await settle();
    for (const name of ["a", "b", "c"])
      await world.ask("POST", `${core}/configmaps`, { body: configMap(name) });
    world.member.apply({ kind: "compact", revision: world.member.store.revision, physical: true });
    const late = await world.watch(`${core}/pods?watch=true&resourceVersion=1`);
    equal(late.status, 410);
    const status = await late.next();
    equal(status.reason, "Expired");
    match(status.message, /^too old resource version: 1 \(\d+\)$/);
    early.close();
  });

  it("turns a compaction under a slow watch into an ERROR event", async () => {
    const world = await newWorld();
    const controller = new AbortController();
    const { handleRequest } = await import("../src/http/handler.ts");
    const revision = world.member.store.revision;
    const answer = await handleRequest(world.api, {
      method: "GET",
      url: `${core}/configmaps?watch=true&resourceVersion=${revision}`,
      headers: {},
      body: new Uint8Array(0),
      user: { name: "slow", groups: [] },
      signal: controller.signal,
    });
    const lines = answer.body as AsyncGenerator<string>;
    const first = lines.next(); // It waits; the event below wakes it, and then it reads no more.
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a") });
    match((await first).value ?? "", /"ADDED"/);
    for (const name of ["b", "c", "d"])
      await world.ask("POST", `${core}/configmaps`, { body: configMap(name) });
    world.member.apply({ kind: "compact", revision: world.member.store.revision, physical: true });
    const rest: string[] = [];
    for await (const chunk of lines) {
      rest.push(...chunk.split("\n").filter((line) => line !== ""));
      if (rest.length >= 3 && !rest.at(-1)?.includes("ERROR")) break;
    }
    controller.abort();
    const events = rest.map((line) => JSON.parse(line));
    const isWhole = events.filter(({ type }) => type === "ADDED").length === 3;
    const isExpired = events.at(-1)?.type === "ERROR" && events.at(-1).object.code === 410;
    ok(
      isWhole || isExpired,
      "either the recent events are still there, or the watch says that it is over",
    );
  });

  it("sends bookmarks, ends at its timeout, and leaves nothing behind", async () => {
    const world = await newWorld({ bookmarkIntervalMs: 1_000 });
    const watch = await world.watch(
      `${core}/pods?watch=true&timeoutSeconds=3&allowWatchBookmarks=true`,
    );
    await settle();
    equal(world.api.load.watches, 1);
    await world.ask("POST", `${core}/configmaps`, { body: configMap("elsewhere") });
    await world.timers.pass(1_000);
    const [bookmark] = await watch.drain();
    equal(bookmark.type, "BOOKMARK");
    equal(bookmark.object.metadata.resourceVersion, String(world.member.store.revision));
    await world.timers.pass(2_000);
    await watch.drain();
    equal(await watch.next(), undefined);
    equal(world.api.load.watches, 0);
    equal(world.timers.pending, 0);
  });

  it("is told how far it is although there is no end of changes that it does not show", async () => {
    let revision = 1;
    const storage = {
      revision: 1,
      watch: () => ({
        take: () => ({ kind: "events", events: [], revision: ++revision }) as const,
        progress: () => revision,
        close: () => {},
      }),
    } as unknown as Storage;
    const world = await newWorld();
    const context = { ...world.api.context, storage };
    const watch = new ObjectWatch(context, { resource: pods, namespace: "default" }, everything, 1);
    const step = watch.next();
    await settle();
    watch.wake();
    equal((await step).kind, "woken");
    watch.close();
  });

  it("ends when this member cannot confirm for long that it is up to date", async () => {
    const world = await newWorld({ bookmarkIntervalMs: 1_000, staleWatchMs: 3_000 });
    const watch = await world.watch(`${core}/pods?watch=true&allowWatchBookmarks=true`);
    await settle();
    world.member.unavailable = { kind: "noLeader" };
    await world.timers.pass(3_000);
    deepEqual(await watch.drain(), [], "no bookmark that is not confirmed");
    equal(world.api.load.watches, 1);
    await world.timers.pass(1_000);
    equal(await watch.next(), undefined);
    equal(world.api.load.watches, 0);
  });

  it("lets go when the client goes", async () => {
    const world = await newWorld();
    const watch = await world.watch(`${core}/pods?watch=true`);
    await settle();
    equal(world.api.load.watches, 1);
    watch.close();
    await settle();
    equal(world.api.load.watches, 0);
    equal(world.timers.pending, 0);
  });

  it("refuses one watch over the limit", async () => {
    const world = await newWorld({ watchesMax: 1 });
    const first = await world.watch(`${core}/pods?watch=true`);
    await settle();
    const second = await world.watch(`${core}/pods?watch=true`);
    equal(second.status, 429);
    first.close();
  });
});

// biome-ignore format: a table
const badOptions = [
  ["resourceVersion=abc", 400, `invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax`],
  ["resourceVersionMatch=Exact", 422, `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`],
  ["resourceVersion=0&resourceVersionMatch=Exact", 422, `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"`],
  ["sendInitialEvents=true", 422, `ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  ["watch=1&sendInitialEvents=true", 422, `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`],
  ["watch=1&resourceVersionMatch=Exact", 422, `ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`],
  ["labelSelector=a+in", 400, "unable to parse requirement: found '' expected: '('"],
  ["fieldSelector=foo%3Dbar", 400, "field label not supported: foo"],
  ["limit=x", 400, `strconv.ParseInt: parsing "x": invalid syntax`],
  ["resourceVersion=999999", 504, /^Timeout: Too large resource version: 999999, current: \d+$/],
  ["continue=abc", 400, /^invalid continue token: continue key is not valid: /],
] as const;

describe("list", () => {
  for (const [query, status, message] of badOptions) {
    it(`refuses ${query}`, async () => {
      const world = await newWorld();
      const answer = await world.ask("GET", `${core}/pods?${query}`);
      equal(answer.status, status);
      if (typeof message === "string") equal(answer.body.message, message);
      else match(answer.body.message, message);
    });
  }

  it("pages through one snapshot, whatever is written meanwhile", async () => {
    const world = await newWorld();
    for (const name of ["a", "b", "c", "d", "e"]) {
      await world.ask("POST", `${core}/configmaps`, { body: configMap(name) });
    }
    const first = await world.ask("GET", `${core}/configmaps?limit=2`);
    equal(first.body.metadata.remainingItemCount, 3);
    await world.ask("DELETE", `${core}/configmaps/d`);
    await world.ask("POST", `${core}/configmaps`, { body: configMap("cc") });
    const names: string[] = first.body.items.map(
      (item: { metadata: { name: string } }) => item.metadata.name,
    );
    let next = first.body.metadata.continue;
    while (next) {
      const page = await world.ask("GET", `${core}/configmaps?limit=2&continue=${next}`);
      equal(page.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
      names.push(
        ...page.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      );
      next = page.body.metadata.continue;
    }
    deepEqual(names, ["a", "b", "c", "d", "e"]);
  });

  it("answers an expired page with 410 and a token that goes on", async () => {
    const world = await newWorld();
    for (const name of ["a", "b", "c"])
      await world.ask("POST", `${core}/configmaps`, { body: configMap(name) });
    const first = await world.ask("GET", `${core}/configmaps?limit=1`);
    await world.ask("POST", `${core}/configmaps`, { body: configMap("z") });
    world.member.apply({ kind: "compact", revision: world.member.store.revision, physical: true });
    const second = await world.ask(
      "GET",
      `${core}/configmaps?limit=1&continue=${first.body.metadata.continue}`,
    );
    equal(second.status, 410);
    equal(second.body.reason, "Expired");
    const third = await world.ask(
      "GET",
      `${core}/configmaps?continue=${second.body.metadata.continue}`,
    );
    deepEqual(
      third.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ["b", "c", "z"],
    );
  });

  it("fills a page through a selector, and then does not know what remains", async () => {
    const world = await newWorld();
    for (const name of ["a", "b", "c", "d"]) {
      await world.ask("POST", `${core}/pods`, {
        body: pod(name, { odd: String(name === "b" || name === "d") }),
      });
    }
    const page = await world.ask("GET", `${core}/pods?limit=1&labelSelector=odd%3Dtrue`);
    equal(page.body.items[0].metadata.name, "b");
    equal(page.body.metadata.remainingItemCount, undefined);
    ok(page.body.metadata.continue);
  });

  it("presents tables and metadata", async () => {
    const world = await newWorld();
    await world.ask("POST", `${apps}/deployments`, { body: deployment("web") });
    const table = await world.ask("GET", `${apps}/deployments`, {
      headers: { accept: tableAccept },
    });
    equal(table.body.kind, "Table");
    equal(table.body.rows[0].cells[0], "web");
    equal(table.body.rows[0].object.kind, "PartialObjectMetadata");
    const full = await world.ask("GET", `${apps}/deployments?includeObject=Object`, {
      headers: { accept: tableAccept },
    });
    equal(full.body.rows[0].object.kind, "Deployment");
    const accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    const partial = await world.ask("GET", `${apps}/deployments`, { headers: { accept } });
    equal(partial.body.kind, "PartialObjectMetadataList");
    equal(partial.body.items[0].spec, undefined);
  });

  it("goes on past keys that are no text (each page ends with one)", async () => {
    const world = await newWorld();
    for (const name of ["a", "z"]) {
      await world.ask("POST", `${core}/configmaps`, { body: configMap(name) });
    }
    for (const byte of [0xf0, 0xfe, 0xff]) {
      const key = Buffer.from("/registry/configmaps/default/~");
      key[key.length - 1] = byte;
      const request = { key, value: key, lease: 0n, prevKv: false };
      const put = { ...request, ignoreValue: false, ignoreLease: false };
      world.member.apply({ kind: "put", request: put });
    }
    const { body } = await world.ask("GET", "/api/v1/configmaps?limit=1");
    const token = body.metadata.continue;
    const rest = await world.ask("GET", `/api/v1/configmaps?limit=10&continue=${token}`);
    equal(rest.body.items.length, 1);
    equal((await world.ask("GET", `/api/v1/configmaps?limit=1&continue=${token}`)).status, 200);
  });

  it("skips what somebody wrote past the API", async () => {
    const world = await newWorld();
    await world.ask("POST", `${core}/configmaps`, { body: configMap("a") });
    world.member.apply({
      kind: "put",
      request: {
        key: new TextEncoder().encode("/registry/configmaps/default/b"),
        value: new TextEncoder().encode("not json"),
        lease: 0n,
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      },
    });
    const list = await world.ask("GET", `${core}/configmaps`);
    equal(list.body.items.length, 1);
    equal((await world.ask("GET", `${core}/configmaps/b`)).status, 404);
  });
});
