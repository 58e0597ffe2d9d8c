import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { Prng, silentLogger } from "@flotilla/base";
import { createHttpClient, follow } from "@flotilla/client";
import { configMaps, type Status } from "@flotilla/objects";
import { createKubeApi, type KubeApi } from "../src/api.ts";
import { bootstrap } from "../src/bootstrap.ts";
import { type KubeApiServer, type ServeOptions, serveKubeApi } from "../src/http/serve.ts";
import { bodiesBytesMax, bodyBytesMax } from "../src/limits.ts";
import { memberStorage } from "../src/member-storage.ts";
import { configMap, core, LoneMember, settle } from "./fixtures.ts";

const scratch = mkdtempSync(join(tmpdir(), "flotilla-serve-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

async function newApi(member = new LoneMember()): Promise<KubeApi> {
  const storage = memberStorage(member);
  const api = createKubeApi({ storage, random: new Prng(1), logger: silentLogger });
  await bootstrap(api);
  return api;
}

async function serving(
  options: Partial<ServeOptions>,
  body: (server: KubeApiServer, api: KubeApi) => Promise<void>,
): Promise<void> {
  const api = options.api ?? (await newApi());
  const server = await serveKubeApi({ host: "127.0.0.1", port: 0, ...options, api });
  try {
    await body(server, api);
  } finally {
    await server.close();
  }
}

/** Waits for what must come soon; the message says what did not. */
async function soon(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 8_000;
  while (!condition()) {
    ok(performance.now() < deadline, `not soon enough: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

function closed(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

const anybody = { name: "tester", groups: [] };

describe("serveKubeApi() over plain HTTP", () => {
  it("knows the owners of tokens, and nobody else", async () => {
    await serving(
      { tokens: [{ token: "secret", name: "admin", groups: [] }] },
      async ({ port }) => {
        const url = `http://127.0.0.1:${port}${core}/pods`;
        equal((await fetch(url)).status, 401);
        equal((await fetch(url, { headers: { authorization: "Bearer wrong" } })).status, 401);
        equal((await fetch(url, { headers: { authorization: "Bearer secret" } })).status, 200);
        equal((await fetch(`http://127.0.0.1:${port}/version`)).status, 200);
      },
    );
  });

  it("refuses a body over the limit", async () => {
    await serving({ defaultUser: anybody }, async ({ port }) => {
      const body = new Uint8Array(bodyBytesMax + 1);
      const answer = await fetch(`http://127.0.0.1:${port}${core}/configmaps`, {
        method: "POST",
        body,
      });
      equal(answer.status, 413);
      equal(
        ((await answer.json()) as Status).message,
        "Request entity too large: limit is 3145728",
      );
      equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    });
  });

  it("answers somebody unknown without waiting for what he sends", async () => {
    await serving({}, async ({ port }, api) => {
      const request = http.request({ port, host: "127.0.0.1", path: core, method: "POST" });
      request.on("error", () => {});
      request.write("x".repeat(1_000_000));
      const response = await new Promise<http.IncomingMessage>((resolve) =>
        request.once("response", resolve),
      );
      equal(response.statusCode, 401);
      equal(api.load.bodiesBytes, 0);
      request.destroy();
    });
  });

  it("holds no more of all bodies than its limit, and counts none that is gone", async () => {
    await serving({ defaultUser: anybody }, async ({ port }, api) => {
      api.load.bodiesBytes = bodiesBytesMax - 10;
      const url = `http://127.0.0.1:${port}${core}/configmaps`;
      equal((await post(url, "x".repeat(1_000))).status, 429);
      equal((await post(url, "{")).status, 400);
      equal(api.load.bodiesBytes, bodiesBytesMax - 10);
      const request = http.request(url, { method: "POST" });
      request.on("error", () => {});
      request.write("{");
      await soon("its byte counts", () => api.load.bodiesBytes === bodiesBytesMax - 9);
      request.destroy();
      await soon("it counts no more", () => api.load.bodiesBytes === bodiesBytesMax - 10);
    });
  });

  it("cuts off a client that takes nothing of its answer", async () => {
    for (const query of ["", "?watch=true"]) {
      await serving({ defaultUser: anybody, sendTimeoutMs: 200 }, async ({ port }, api) => {
        const url = `http://127.0.0.1:${port}${core}/configmaps`;
        for (let n = 0; n < 24; n++) {
          const body = JSON.stringify(configMap(`large-${n}`, { data: "x".repeat(1_000_000) }));
          equal((await post(url, body)).status, 201);
        }
        const socket = connect(port, "127.0.0.1", () => {
          socket.pause();
          socket.write(`GET ${core}/configmaps${query} HTTP/1.1\r\nhost: a\r\n\r\n`);
        });
        await once(socket, "connect");
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await closed(socket);
        await soon("the watch is over", () => api.load.watches === 0);
        ok(socket.bytesRead < 24_000_000, "it was cut off before the end");
      });
    }
  });

  it("keeps a watch open that has nothing to say", async () => {
    await serving({ defaultUser: anybody, sendTimeoutMs: 100 }, async ({ port }) => {
      const url = `http://127.0.0.1:${port}${core}/configmaps`;
      const watch = await fetch(`${url}?watch=true`);
      const reader = (watch.body as ReadableStream<Uint8Array>).getReader();
      await new Promise((resolve) => setTimeout(resolve, 400));
      const body = JSON.stringify(configMap("a"));
      equal((await post(url, body)).status, 201);
      const { value } = await reader.read();
      ok(new TextDecoder().decode(value).startsWith(`{"type":"ADDED"`));
      await reader.cancel();
    });
  });

  it("sends warnings in any alphabet", async () => {
    await serving({ defaultUser: anybody }, async ({ port }) => {
      const body = JSON.stringify({
        ...configMap("a"),
        日本: 1,
        "\x7f": 1,
        ["x".repeat(99_999)]: 1,
      });
      const url = `http://127.0.0.1:${port}${core}/configmaps`;
      const answer = await post(url, body);
      equal(answer.status, 201);
      const warning = Buffer.from(answer.headers.get("warning") ?? "", "latin1").toString("utf8");
      match(warning, /^299 - "unknown field \\"日本\\"", 299 - /);
      ok(warning.length < 600);
    });
  });

  it("closes connections that send nothing, garbage, or too slowly, and goes on serving", async () => {
    await serving({ defaultUser: anybody, headersTimeoutMs: 300 }, async ({ port }) => {
      const silent = connect(port, "127.0.0.1");
      const slow = connect(port, "127.0.0.1", () => slow.write("GET / HTTP/1.1\r\nhost:"));
      const garbage = connect(port, "127.0.0.1", () =>
        garbage.write("\x16\x03\x01garbage\r\n\r\n"),
      );
      await Promise.all([closed(silent), closed(slow), closed(garbage)]);
      equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    });
  });

  it("takes no more connections than its limit, and serves again when they are gone", async () => {
    await serving({ defaultUser: anybody, connectionsMax: 3 }, async ({ port }) => {
      const held = [1, 2, 3].map(() => connect(port, "127.0.0.1"));
      await Promise.all(
        held.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
      );
      await rejects(fetch(`http://127.0.0.1:${port}/healthz`));
      for (const socket of held) socket.destroy();
      let served = false;
      for (let attempt = 0; attempt < 100 && !served; attempt++) {
        served = await fetch(`http://127.0.0.1:${port}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        );
      }
      ok(served);
    });
  });

  it("does not read ahead for a client that does not read", async () => {
    const member = new LoneMember();
    const api = await newApi(member);
    await serving({ defaultUser: anybody, api }, async ({ port }) => {
      const request = http.get({ port, host: "127.0.0.1", path: `${core}/configmaps?watch=true` });
      const response = await new Promise<http.IncomingMessage>((resolve) =>
        request.once("response", resolve),
      );
      response.pause();
      const large = configMap("large", { data: "x".repeat(400_000) });
      const url = `http://127.0.0.1:${port}${core}/configmaps`;
      const headers = { "content-type": "application/json" };
      const post = await fetch(url, { method: "POST", headers, body: JSON.stringify(large) });
      equal(post.status, 201);
      for (let n = 0; n < 40; n++) {
        large.data.n = String(n);
        const put = await fetch(`${url}/large`, {
          method: "PUT",
          headers,
          body: JSON.stringify(large),
        });
        equal(put.status, 200);
      }
      // 16 MB were written; what a client does not read stays in history, not in this process.
      const buffered = response.readableLength + (response.socket.bytesRead ?? 0);
      ok(buffered < 8_000_000, `the client was sent ${buffered} bytes that it did not ask for`);
      response.resume();
      let tail = "";
      let lines = 0;
      response.on("data", (chunk: Buffer) => {
        tail += chunk.toString();
        const parts = tail.split("\n");
        lines += parts.length - 1;
        tail = parts.at(-1) ?? "";
      });
      await soon("all 41 events", () => lines >= 41);
      equal(lines, 41, "each state once");
      request.destroy();
      await soon("the end of the watch", () => api.load.watches === 0);
    });
  });

  it("ends watches when it closes", async () => {
    const api = await newApi();
    const server = await serveKubeApi({ api, host: "127.0.0.1", port: 0, defaultUser: anybody });
    const answer = await fetch(`http://127.0.0.1:${server.port}${core}/pods?watch=true`);
    const reading = answer.text();
    await soon("the watch", () => api.load.watches === 1);
    await server.close();
    equal(await reading, "");
    equal(api.load.watches, 0);
  });
});

describe("the HTTP client on a served API", () => {
  it("does everything that the port promises", async () => {
    await serving({ defaultUser: anybody }, async ({ port }) => {
      const client = createHttpClient({ servers: [`http://127.0.0.1:${port}`] });
      const object = {
        ...configMap("a", { k: "v" }),
        metadata: { name: "a", namespace: "default" },
      };
      const created = await client.create(configMaps, object);
      ok(created.kind === "ok");
      equal((await client.create(configMaps, object)).kind, "alreadyExists");
      equal(
        (
          await client.create(configMaps, {
            ...object,
            metadata: { name: "B_", namespace: "default" },
          })
        ).kind,
        "invalid",
      );
      const name = { namespace: "default", name: "a" };
      deepEqual((await client.get(configMaps, name))?.data, { k: "v" });
      equal(await client.get(configMaps, { ...name, name: "b" }), undefined);
      const updated = await client.update(configMaps, { ...created.object, data: { k: "w" } });
      ok(updated.kind === "ok");
      equal((await client.update(configMaps, created.object)).kind, "conflict");
      const patched = await client.patch(configMaps, name, { data: { more: "1" } });
      ok(patched.kind === "ok");
      deepEqual(patched.object.data, { k: "w", more: "1" });
      equal((await client.list(configMaps, { namespace: "default" })).items.length, 1);
      equal((await client.delete(configMaps, name, { uid: "other" })).kind, "conflict");
      equal((await client.delete(configMaps, name)).kind, "ok");
      equal((await client.delete(configMaps, name)).kind, "notFound");
      client.close();
    });
  });

  it("lists more than a page", async () => {
    await serving({ defaultUser: anybody }, async ({ port }, api) => {
      const { createLocalClient } = await import("../src/local-client.ts");
      const local = createLocalClient(api, { onlyInTerm: 1 });
      for (let n = 0; n < 501; n++) await local.create(configMaps, configMap(`c${n}`));
      const client = createHttpClient({ servers: [`http://127.0.0.1:${port}`] });
      equal((await client.list(configMaps)).items.length, 501);
      client.close();
    });
  });

  it("follows through the death of a server, and misses nothing", async () => {
    const api = await newApi();
    const first = await serveKubeApi({ api, host: "127.0.0.1", port: 0, defaultUser: anybody });
    await serving({ defaultUser: anybody, api }, async ({ port }) => {
      const servers = [`http://127.0.0.1:${first.port}`, `http://127.0.0.1:${port}`];
      const client = createHttpClient({ servers });
      const controller = new AbortController();
      const options = { signal: controller.signal, random: new Prng(1), backoffMsMin: 1 };
      const following = follow(client, configMaps, options);
      await soon("the first list", () => following.synced);
      const { createLocalClient } = await import("../src/local-client.ts");
      const local = createLocalClient(api, { onlyInTerm: 1 });
      await local.create(configMaps, configMap("before"));
      await soon("an event by watch", () => following.objects.has("default/before"));
      await first.close();
      await local.create(configMaps, configMap("after"));
      await soon("an event by the other server", () => following.objects.has("default/after"));
      const write = await client.create(configMaps, {
        ...configMap("mine"),
        metadata: { name: "mine", namespace: "default" },
      });
      equal(write.kind, "ok");
      controller.abort();
      await following.done;
      client.close();
    });
  });
});

interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A throw-away authority and what it signs; undefined without openssl. */
function authority(): { ca: string; issue(name: string, subject: string): Identity } | undefined {
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: scratch, stdio: "ignore" });
  };
  const read = (name: string): string => readFileSync(join(scratch, name), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-days",
      "2",
      "-subj",
      "/CN=test-ca",
    );
  } catch {
    return undefined;
  }
  return {
    ca: read("ca.crt"),
    issue(name, subject) {
      openssl(
        "req",
        ...newKey,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
        "-subj",
        subject,
        "-addext",
        "subjectAltName=IP:127.0.0.1",
      );
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        `${name}.crt`,
        "-days",
        "2",
        "-copy_extensions",
        "copy",
      );
      return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
    },
  };
}

const certificates = authority();
const skip = certificates === undefined ? "openssl is not installed" : false;

describe("serveKubeApi() over TLS", { skip }, () => {
  it("takes a client certificate, also on a resumed session, and a token; refuses others", async () => {
    ok(certificates !== undefined);
    const { ca } = certificates;
    const tls = { ...certificates.issue("server", "/CN=api"), clientCa: ca };
    const tokens = [{ token: "secret", name: "admin", groups: [] }];
    await serving({ tls, tokens }, async ({ port }) => {
      const servers = [`https://127.0.0.1:${port}`];
      const agent = createHttpClient({
        servers,
        ca,
        ...certificates.issue("agent", "/O=system:nodes/CN=system:node:n1"),
      });
      for (let round = 0; round < 2; round++) equal((await agent.list(configMaps)).items.length, 0);
      // Each watch opens a connection of its own, which resumes the session.
      const { resourceVersion } = await agent.list(configMaps);
      for (let round = 0; round < 2; round++) {
        const controller = new AbortController();
        const watch = agent
          .watch(configMaps, { resourceVersion, signal: controller.signal })
          [Symbol.asyncIterator]();
        const next = watch.next();
        await settle();
        const name = `w${round}`;
        await agent.create(configMaps, {
          ...configMap(name),
          metadata: { name, namespace: "default" },
        });
        ok(!(await next).done);
        controller.abort();
      }
      agent.close();
      const admin = createHttpClient({ servers, ca, token: "secret" });
      equal((await admin.list(configMaps)).items.length, 2);
      admin.close();
      for (const credentials of [{}, { token: "wrong" }]) {
        const nobody = createHttpClient({ servers, ca, ...credentials });
        await rejects(nobody.list(configMaps), { name: "ClientError", code: "unauthorized" });
        nobody.close();
      }
      const stranger = createHttpClient({ servers, token: "secret" });
      await rejects(stranger.list(configMaps), { name: "ClientError", code: "unavailable" });
      stranger.close();
    });
  });

  it("does not believe a certificate of another authority", async () => {
    ok(certificates !== undefined);
    const { ca } = certificates;
    const tls = { ...certificates.issue("server2", "/CN=api"), clientCa: ca };
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "own.key",
        "-out",
        "own.crt",
        "-subj",
        "/O=system:masters/CN=admin",
      ],
      { cwd: scratch, stdio: "ignore" },
    );
    const own = {
      cert: readFileSync(join(scratch, "own.crt"), "utf8"),
      key: readFileSync(join(scratch, "own.key"), "utf8"),
    };
    await serving({ tls }, async ({ port }) => {
      const client = createHttpClient({ servers: [`https://127.0.0.1:${port}`], ca, ...own });
      await rejects(client.list(configMaps), { code: "unauthorized" });
      client.close();
    });
  });

  it("survives handshakes that never end, and idle connections", async () => {
    ok(certificates !== undefined);
    const tls = { ...certificates.issue("server3", "/CN=api"), clientCa: certificates.ca };
    const { ca } = certificates;
    await serving({ tls, handshakeTimeoutMs: 300, headersTimeoutMs: 300 }, async ({ port }) => {
      const silent = Array.from({ length: 50 }, () => connect(port, "127.0.0.1"));
      const garbage = connect(port, "127.0.0.1", () => garbage.write("GET / HTTP/1.1\r\n\r\n"));
      const idle = connectTls({ port, host: "127.0.0.1", ca });
      await new Promise((resolve) => idle.once("secureConnect", resolve));
      const answer = await new Promise<number>((resolve) => {
        https.get({ port, host: "127.0.0.1", path: "/healthz", ca, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
      });
      equal(answer, 200);
      await Promise.all([...silent, garbage, idle].map(closed));
    });
  });
});
