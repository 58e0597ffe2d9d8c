import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { configMaps, type Lease, leases } from "@flotilla/objects";
import { createHttpClient, type HttpClient, type HttpClientOptions } from "../src/http-client.ts";
import { answer, configMap, deadUrl, type FakeServer, fakeServer, hangUp } from "./fixtures.ts";

const name = { namespace: "default", name: "a" };
const silent = () => {};
const conflict = { kind: "Status", reason: "Conflict", message: "was changed", code: 409 };

async function withServers(
  servers: readonly FakeServer[],
  options: Partial<HttpClientOptions>,
  body: (client: HttpClient) => Promise<void>,
): Promise<void> {
  const client = createHttpClient({ servers: servers.map(({ url }) => url), ...options });
  try {
    await body(client);
  } finally {
    client.close();
    for (const server of servers) await server.close();
  }
}

describe("failover", () => {
  it("passes over a server that refuses, whatever the request, and stays with the one that works", async () => {
    const good = await fakeServer(answer(201, configMap("a")));
    const client = createHttpClient({ servers: [await deadUrl(), good.url] });
    equal((await client.create(configMaps, configMap("a"))).kind, "ok");
    equal((await client.create(configMaps, configMap("a"))).kind, "ok");
    equal(good.requests.length, 2);
    client.close();
    await good.close();
  });

  it("says so when nobody takes the request", async () => {
    const client = createHttpClient({ servers: [await deadUrl(), await deadUrl()] });
    await rejects(client.get(configMaps, name), { name: "ClientError", code: "unavailable" });
    client.close();
  });

  // biome-ignore format: a table
  const cases = [
    // what, request, may be sent again
    ["a read", (client: HttpClient) => client.get(configMaps, name), true],
    ["an update of a known version", (client: HttpClient) => client.update(configMaps, configMap("a", "7")), true],
    ["a status of a known version", (client: HttpClient) => client.updateStatus(configMaps, configMap("a", "7")), true],
    ["a deletion of a known incarnation", (client: HttpClient) => client.delete(configMaps, name, { uid: "u" }), true],
    ["a heartbeat", (client: HttpClient) => client.update(leases, { ...configMap("n"), kind: "Lease" }), true],
    ["a creation", (client: HttpClient) => client.create(configMaps, configMap("a")), false],
    ["an unconditional update", (client: HttpClient) => client.update(configMaps, configMap("a")), false],
    ["a patch", (client: HttpClient) => client.patch(configMaps, name, {}), false],
    ["a deletion by name", (client: HttpClient) => client.delete(configMaps, name), false],
    ["a binding", (client: HttpClient) => client.bind(name, "n1"), false],
  ] as const;
  for (const [what, request, repeats] of cases) {
    it(`${repeats ? "sends" : "does not send"} ${what} again when its outcome is unknown`, async () => {
      const servers = [
        await fakeServer(hangUp),
        await fakeServer(answer(200, configMap("a", "8"))),
      ];
      await withServers(servers, {}, async (client) => {
        if (repeats) await request(client);
        else await rejects(request(client), { name: "ClientError", code: "outcomeUnknown" });
        equal(servers[1]?.requests.length, repeats ? 1 : 0);
      });
    });
  }

  it("knows that a request was sent on a socket that it had to wait for", async () => {
    let count = 0;
    const first = await fakeServer((request, response) => {
      count++;
      if (count < 3) answer(201, configMap("a"))(request, response);
      else hangUp(request, response);
    });
    const second = await fakeServer(answer(201, configMap("a")));
    await withServers([first, second], { socketsMax: 1 }, async (client) => {
      const creations = [1, 2, 3].map(() => client.create(configMaps, configMap("a")));
      const settled = await Promise.allSettled(creations);
      deepEqual(
        settled.map(({ status }) => status),
        ["fulfilled", "fulfilled", "rejected"],
      );
      equal(second.requests.length, 0, "what may have happened is not done again");
    });
  });

  it("does not count the time in the queue as time to connect", async () => {
    const slow = await fakeServer((request, response) => {
      setTimeout(() => answer(201, configMap("a"))(request, response), 30);
    });
    await withServers([slow], { socketsMax: 1, connectTimeoutMs: 60 }, async (client) => {
      const creations = [1, 2, 3, 4].map(() => client.create(configMaps, configMap("a")));
      for (const outcome of await Promise.all(creations)) equal(outcome.kind, "ok");
    });
  });

  it("asks another server on 503 only what may be repeated, and on 429 everything", async () => {
    for (const [status, kind] of [
      [503, "rejects"],
      [429, "ok"],
    ] as const) {
      const busy = await fakeServer(answer(status, { kind: "Status", message: "not now" }));
      const good = await fakeServer(answer(201, configMap("a")));
      await withServers([busy, good], {}, async (client) => {
        const creation = client.create(configMaps, configMap("a"));
        if (kind === "rejects") await rejects(creation, { code: "serverError", status: 503 });
        else equal((await creation).kind, "ok");
      });
    }
  });

  it("does not wait for a server that hangs", async () => {
    const servers = [await fakeServer(silent), await fakeServer(answer(200, configMap("a")))];
    await withServers(servers, { requestTimeoutMs: 50 }, async (client) => {
      ok(await client.get(configMaps, name));
      await rejects(
        createHttpClient({ servers: [servers[0]?.url ?? ""], requestTimeoutMs: 50 }).create(
          configMaps,
          configMap("a"),
        ),
        { code: "outcomeUnknown", message: /may have happened/ },
      );
    });
  });

  it("asks another server early for a heartbeat, which keeps a node alive", async () => {
    const servers = [await fakeServer(silent), await fakeServer(answer(200, configMap("a")))];
    const lease: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "n1", namespace: "kube-node-lease" },
    };
    await withServers(servers, {}, async (client) => {
      const startMs = performance.now();
      equal((await client.update(leases, lease)).kind, "ok");
      ok(performance.now() - startMs < 3_000, "the usual time for an answer is 8 s");
    });
  });

  it("notices an answer that stops in the middle", async () => {
    const half = await fakeServer((_request, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"kind":');
    });
    await withServers([half], { requestTimeoutMs: 500 }, async (client) => {
      await rejects(client.get(configMaps, name), { code: "unavailable", message: /broke off/ });
    });
  });
});

describe("outcomes", () => {
  // biome-ignore format: a table
  const cases = [
    [404, { reason: "NotFound", message: "m" }, "notFound"],
    [409, { reason: "AlreadyExists", message: "m" }, "alreadyExists"],
    [409, conflict, "conflict"],
    [422, { reason: "Invalid", message: "m" }, "invalid"],
    [403, { reason: "Forbidden", message: "m" }, "invalid"],
  ] as const;
  for (const [status, body, kind] of cases) {
    it(`${status} ${body.reason} is ${kind}`, async () => {
      await withServers([await fakeServer(answer(status, body))], {}, async (client) => {
        equal((await client.create(configMaps, configMap("a"))).kind, kind);
      });
    });
  }

  it("throws for who is not known, and for what is no JSON", async () => {
    await withServers(
      [await fakeServer(answer(401, { message: "Unauthorized" }))],
      {},
      async (client) => {
        await rejects(client.list(configMaps), { code: "unauthorized", status: 401 });
      },
    );
    const html = await fakeServer((_request, response) => response.end("<html>"));
    await withServers([html], {}, async (client) => {
      await rejects(client.get(configMaps, name), { code: "badResponse" });
    });
  });

  it("sends a token, and a merge patch as such", async () => {
    const seen: (string | undefined)[] = [];
    const server = await fakeServer((request, response) => {
      seen.push(request.headers.authorization, request.headers["content-type"]);
      answer(200, configMap("a"))(request, response);
    });
    await withServers([server], { token: "t" }, async (client) => {
      await client.patch(configMaps, name, { data: {} }, { subresource: "status" });
    });
    deepEqual(seen, ["Bearer t", "application/merge-patch+json"]);
    equal(server.requests[0], "PATCH /api/v1/namespaces/default/configmaps/a/status");
  });
});

describe("list", () => {
  it("starts again when a page's snapshot is gone", async () => {
    let asked = 0;
    const server = await fakeServer((request, response) => {
      asked++;
      const isSecondPage = request.url?.includes("continue=next");
      if (asked === 2) answer(410, { reason: "Expired" })(request, response);
      else {
        const metadata = {
          resourceVersion: String(asked),
          ...(isSecondPage ? {} : { continue: "next" }),
        };
        answer(200, { metadata, items: [configMap(`from-${asked}`)] })(request, response);
      }
    });
    await withServers([server], {}, async (client) => {
      const list = await client.list(configMaps, { labelSelector: "a=b" });
      deepEqual(
        list.items.map(({ metadata }) => metadata.name),
        ["from-3", "from-4"],
      );
      equal(list.resourceVersion, "4");
      match(server.requests[0] ?? "", /labelSelector=a%3Db/);
    });
  });
});

describe("watch", () => {
  const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

  async function collect(client: HttpClient, signal: AbortSignal): Promise<string[]> {
    const seen: string[] = [];
    for await (const event of client.watch(configMaps, { resourceVersion: "1", signal })) {
      seen.push(
        event.kind === "expired" ? "expired" : `${event.kind} ${event.object.metadata.name}`,
      );
    }
    return seen;
  }

  it("gives events, hides bookmarks, and ends with the connection", async () => {
    const server = await fakeServer((_request, response) => {
      response.write(line("ADDED", configMap("a")));
      response.write(line("BOOKMARK", configMap("")));
      response.end(line("DELETED", configMap("a")));
    });
    await withServers([server], {}, async (client) => {
      deepEqual(await collect(client, new AbortController().signal), ["added a", "deleted a"]);
      match(server.requests[0] ?? "", /watch=true&allowWatchBookmarks=true&resourceVersion=1/);
    });
  });

  it("is expired by 410 as an answer and as an event", async () => {
    const status = { kind: "Status", reason: "Expired", code: 410 };
    for (const listener of [
      answer(410, status),
      ((_request, response) => response.end(line("ERROR", status))) satisfies Parameters<
        typeof fakeServer
      >[0],
    ]) {
      await withServers([await fakeServer(listener)], {}, async (client) => {
        deepEqual(await collect(client, new AbortController().signal), ["expired"]);
      });
    }
  });

  it("breaks off when its server falls silent", async () => {
    const server = await fakeServer((_request, response) => {
      response.write(line("ADDED", configMap("a")));
    });
    await withServers([server], { watchIdleMs: 50 }, async (client) => {
      await rejects(collect(client, new AbortController().signal), { code: "unavailable" });
    });
  });

  it("ends with AbortError when it is told to", async () => {
    const controller = new AbortController();
    const server = await fakeServer((_request, response) => {
      response.write(line("ADDED", configMap("a")));
      setImmediate(() => controller.abort());
    });
    await withServers([server], {}, async (client) => {
      await rejects(collect(client, controller.signal), { name: "AbortError" });
    });
  });
});
