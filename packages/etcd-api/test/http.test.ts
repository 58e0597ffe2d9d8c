import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { type Running, startSolo, stopAll, until } from "./fixtures.ts";

after(stopAll);

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function get(
  { endpoint }: Pick<Running, "endpoint">,
  path: string,
  {
    method = "GET",
    headers = {},
    body: content = "",
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const [host = "", port] = endpoint.split(":");
    const options = { host, port: Number(port), path, method, headers, agent: false };
    const sent = request(options, (given) => {
      let body = "";
      given.setEncoding("utf8");
      given.on("data", (piece: string) => {
        body += piece;
      });
      given.on("end", () =>
        resolve({ status: given.statusCode ?? 0, headers: given.headers, body }),
      );
    });
    sent.on("error", reject);
    sent.end(content);
  });
}

const healthy = '{"health":"true","reason":""}';
const raise = (running: Running, alarm: string, action = "ACTIVATE"): Promise<Response> =>
  fetch(`http://${running.endpoint}/v3/maintenance/alarm`, {
    method: "POST",
    body: JSON.stringify({ action, alarm, memberID: "1" }),
  });

describe("/health", () => {
  it("is plain text with JSON in it, for GET alone", async () => {
    const running = await startSolo();
    const good = await get(running, "/health");
    deepEqual([good.status, good.body], [200, healthy]);
    equal(good.headers["content-type"], "text/plain; charset=utf-8");
    const wrong = await get(running, "/health", { method: "POST" });
    deepEqual(
      [wrong.status, wrong.headers["allow"], wrong.body],
      [405, "GET", "Method Not Allowed\n"],
    );
    equal((await get(running, "/health/")).status, 404);
  });

  it("names what is wrong, unless that is excluded", async () => {
    const running = await startSolo();
    const bad = (reason: string) => `{"health":"false","reason":"${reason}"}\n`;
    await raise(running, "NOSPACE");
    equal((await get(running, "/health")).body, bad("ALARM NOSPACE"));
    equal((await get(running, "/health?exclude=NOSPACE")).body, healthy);
    await raise(running, "NOSPACE", "DEACTIVATE");
    running.member.leaderId = 0n;
    deepEqual(await get(running, "/health").then(({ status, body }) => [status, body]), [
      503,
      bad("RAFT NO LEADER"),
    ]);
    equal((await get(running, "/health?serializable=true")).body, healthy);
    running.member.leaderId = running.member.id;
    running.member.unavailable = { kind: "timeout" };
    equal((await get(running, "/health")).body, bad("RANGE ERROR:etcdserver: request timed out"));
  });
});

describe("a path that has a shorter form", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string])[] = [
    ["//health?a=b",      "/health?a=b"],
    ["/v3/../health",     "/health"],
    ["/v3//kv/./range",   "/v3/kv/range"],
    ["/v3",               "/v3/"],
    ["//evil.example/a",  "/evil.example/a"],
    ["/a//<b>\"",          "/a/<b>\""],
  ];
  for (const [path, want] of cases) {
    it(`is redirected: ${path}`, async () => {
      const { status, headers, body } = await get(await startSolo(), path);
      deepEqual([status, headers["location"]], [307, want]);
      match(body, /^<a href="[^"<>]+">Temporary Redirect<\/a>\.\n\n$/);
    });
  }

  it("is redirected for who posts, without a word", async () => {
    const running = await startSolo();
    const { status, headers, body } = await get(running, "//v3/kv/put", { method: "POST" });
    deepEqual([status, headers["location"], body], [307, "/v3/kv/put", ""]);
  });
});

describe("a client that would rather speak another protocol", () => {
  const wish = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAM" };

  it("is served in this one, with its body", async () => {
    const running = await startSolo();
    equal((await get(running, "/health", { headers: wish })).body, healthy);
    const webSocket = { Connection: "upgrade", Upgrade: "websocket" };
    equal((await get(running, "/health", { headers: webSocket })).body, healthy);
    const headers = { ...wish, "content-length": "14" };
    const put = { method: "POST", headers, body: '{"key":"YQ=="}' };
    const answer = await get(running, "/v3/kv/put", put);
    deepEqual([answer.status, answer.headers["content-type"]], [200, "application/json"]);
  });

  it("has one request after the other on its connection", async () => {
    const running = await startSolo();
    const [host = "", port] = running.endpoint.split(":");
    const socket = connect({ host, port: Number(port) });
    const ask = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    socket.write(ask + ask + ask.replace("Connection: Upgrade", "Connection: close, Upgrade"));
    let text = "";
    for await (const chunk of socket) text += chunk;
    equal(text.split(healthy).length, 4);
  });
});

describe("/livez and /readyz", () => {
  it("say ok, and each check when asked to", async () => {
    const running = await startSolo();
    equal((await get(running, "/livez")).body, "ok\n");
    equal((await get(running, "/livez?verbose")).body, "[+]serializable_read ok\nok\n");
    equal((await get(running, "/livez?exclude=serializable_read&verbose")).body, "ok\n");
    equal(
      (await get(running, "/readyz/linearizable_read?verbose")).body,
      "[+]linearizable_read ok\nok\n",
    );
    equal((await get(running, "/livez/linearizable_read")).status, 404);
    equal((await get(running, "/readyz", { method: "POST" })).status, 405);
  });

  it("tell the member that is well from the cluster that is not", async () => {
    const running = await startSolo();
    running.member.unavailable = { kind: "timeout" };
    const { status, body } = await get(running, "/readyz?exclude=non_learner");
    equal(status, 503);
    equal(
      body,
      "[+]data_corruption ok\n[+]serializable_read ok\n" +
        "[-]linearizable_read failed: etcdserver: request timed out\n\n",
    );
    equal((await get(running, "/livez")).body, "ok\n");
  });

  it("fail with the check that does", async () => {
    const running = await startSolo();
    await raise(running, "CORRUPT");
    const bad = await get(running, "/readyz");
    equal(bad.status, 503);
    equal(
      bad.body,
      "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n" +
        "[+]linearizable_read ok\n[+]non_learner ok\n\n",
    );
    equal((await get(running, "/readyz?exclude=data_corruption")).body, "ok\n");
    equal((await get(running, "/livez")).body, "ok\n");
    const text = (await get(running, "/metrics")).body;
    match(text, /etcd_server_healthcheck\{name="data_corruption",type="readyz"\} 0/);
    match(
      text,
      /etcd_server_healthchecks_total\{name="data_corruption",status="error",type="readyz"\} 1/,
    );
  });
});

describe("/version", () => {
  it("says what the server is, in JSON", async () => {
    const running = await startSolo({ versions: { server: "3.6.9", cluster: "3.6.0" } });
    const { status, headers, body } = await get(running, "/version");
    deepEqual([status, headers["content-type"]], [200, "application/json"]);
    equal(body, '{"etcdserver":"3.6.9","etcdcluster":"3.6.0","storage":"3.6.0"}');
    equal((await get(running, "/nope")).body, "404 page not found\n");
  });

  it("follows a downgrade", async () => {
    const running = await startSolo({ versions: { server: "3.7.1", cluster: "3.7.0" } });
    const downgrade = { kind: "downgrade", enabled: true, version: "3.6.0" } as const;
    await running.member.propose(downgrade, { principal: "cluster" });
    const { body } = await get(running, "/version");
    equal(body, '{"etcdserver":"3.7.1","etcdcluster":"3.6.0","storage":"3.6.0"}');
  });
});

describe("a server that closes", () => {
  const ask = async (running: Running, head: string): Promise<Socket> => {
    const [host, port] = running.endpoint.split(":");
    const socket = connect(Number(port), host);
    await once(socket, "connect");
    socket.on("error", () => {}); // It may be cut off.
    socket.write(head);
    return socket;
  };
  /** True when it has closed before a client that asks nothing would have to go. */
  const closes = async ({ server }: Running, graceMs: number): Promise<boolean> => {
    const late = new AbortController();
    const patience = sleep(4_000, false, { signal: late.signal }).catch(() => false);
    const isClosed = await Promise.race([server.close({ graceMs }).then(() => true), patience]);
    late.abort();
    return isClosed;
  };

  it("waits for no client that has its answer", async () => {
    const running = await startSolo();
    const socket = await ask(running, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(socket, "data");
    ok(await closes(running, 60_000));
    socket.destroy();
  });

  it("waits no longer than it is told to for one that does not end its question", async () => {
    const running = await startSolo();
    const socket = await ask(running, "GET /health HTTP/1.1\r\nHost: a\r\n");
    await get(running, "/health"); // What came before was read.
    ok(await closes(running, 50));
    socket.destroy();
  });
});

describe("who may ask", () => {
  it("is told to browsers", async () => {
    const any = await startSolo();
    equal((await get(any, "/version")).headers["access-control-allow-origin"], "*");
    const some = await startSolo({ corsOrigins: ["http://a.example:80"] });
    const ask = (origin: string, method: string) =>
      get(some, "/v3/kv/range", { method, headers: { origin } });
    const asked = await ask("http://a.example:80", "OPTIONS");
    equal(asked.status, 200);
    equal(asked.headers["access-control-allow-origin"], "http://a.example:80");
    equal(asked.headers["access-control-allow-methods"], "POST, GET, OPTIONS, PUT, DELETE");
    equal(asked.headers["access-control-allow-headers"], "accept, content-type, authorization");
    const other = await ask("http://b.example", "OPTIONS");
    deepEqual([other.status, other.headers["access-control-allow-origin"]], [200, undefined]);
  });

  it("is limited to the names in the whitelist", async () => {
    const running = await startSolo({ hostWhitelist: ["localhost"] });
    const ask = (host: string) => get(running, "/health", { headers: { host } });
    equal((await ask("localhost:99")).status, 200);
    const refused = await ask("evil");
    equal(refused.status, 421);
    equal(refused.body.length, 366, "etcd's page has as many characters");
    ok(refused.body.includes('--host-whitelist "evil"'));
  });
});

describe("a WebSocket of the gateway", () => {
  it("carries a watch", async () => {
    const running = await startSolo();
    const socket = new WebSocket(`ws://${running.endpoint}/v3/watch`);
    const answers: string[] = [];
    socket.on("message", (data) => answers.push(String(data)));
    socket.on("open", () => socket.send('{"create_request":{"key":"YQ=="}}'));
    await until(
      () => answers.length === 1,
      () => "created",
    );
    await fetch(`http://${running.endpoint}/v3/kv/put`, {
      method: "POST",
      body: '{"key":"YQ==","value":"Yg=="}',
    });
    await until(
      () => answers.length === 2,
      () => "event",
    );
    const event = JSON.parse(answers[1] ?? "");
    deepEqual(event.result.events[0].kv.key, "YQ==");
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.close();
    await closed;
    const { body } = await get(running, "/metrics");
    match(body, /etcd_debugging_mvcc_watch_stream_total 0\n/);
  });

  it("says what it is refused in the form of its call", async () => {
    const running = await startSolo();
    running.member.unavailable = { kind: "noLeader" };
    const told = async (headers: Record<string, string>): Promise<string> => {
      const socket = new WebSocket(`ws://${running.endpoint}/v3/lease/keepalive`, { headers });
      socket.on("open", () => socket.send('{"ID":"1"}'));
      const [data] = await once(socket, "message");
      socket.close();
      return String(data);
    };
    equal(await told({}), '{"error":{"code":14,"message":"etcdserver: no leader"}}');
    const refusal = '{"code":3,"message":"invalid grpc-timeout: soon"}';
    equal(await told({ "grpc-timeout": "soon" }), refusal);
  });

  it("is refused where there is no call", async () => {
    const running = await startSolo();
    const socket = new WebSocket(`ws://${running.endpoint}/v3/nothing`);
    const error = await new Promise<Error>((resolve) => socket.on("error", resolve));
    match(error.message, /404/);
  });
});
