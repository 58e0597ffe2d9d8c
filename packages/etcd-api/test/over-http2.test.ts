import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { after, before, describe, it } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import { systemTimers } from "@flotilla/grpc";
import { selfSignedPair, TlsMaterial } from "@flotilla/pki";
import { createEtcdApi } from "../src/index.ts";
import { SoloMember, startSolo, stopAll } from "./fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-http2-"));
const sessions: ClientHttp2Session[] = [];
after(async () => {
  for (const session of sessions) session.destroy();
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

interface Got {
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: string;
}

function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let got: Got["headers"] = {};
    let text = "";
    stream.setEncoding("utf8");
    stream.on("response", (given) => {
      got = given;
    });
    stream.on("data", (piece: string) => {
      text += piece;
    });
    stream.on("error", reject);
    stream.on("end", () => resolve({ headers: got, body: text }));
    if (body !== undefined) stream.end(body);
  });
}

const post = (path: string): Record<string, string> => ({ ":method": "POST", ":path": path });

describe("HTTP/2 under TLS", () => {
  let session: ClientHttp2Session;
  before(async () => {
    const pair = await selfSignedPair({
      directory: folder,
      hosts: ["127.0.0.1"],
      validityYears: 1,
    });
    const tls = new TlsMaterial(pair, silentLogger);
    const { server } = await startSolo({ listen: [{ host: "127.0.0.1", port: 0, tls }] });
    session = connect(`https://127.0.0.1:${server.port}`, { ca: readFileSync(pair.certFile) });
    sessions.push(session);
  });

  it("has the pages of the HTTP side", async () => {
    const health = await ask(session, { ":path": "/health" });
    deepEqual([health.headers[":status"], health.body], [200, '{"health":"true","reason":""}']);
    equal(health.headers["content-type"], "text/plain; charset=utf-8");
    equal(health.headers["access-control-allow-origin"], "*");
    match((await ask(session, { ":path": "/metrics" })).body, /^etcd_server_health_success 1$/m);
    equal((await ask(session, { ":path": "/nowhere" })).headers[":status"], 404);
    const head = await ask(session, { ":method": "HEAD", ":path": "/metrics" });
    deepEqual([head.headers[":status"], head.body], [200, ""]);
  });

  it("has the gateway, whatever length of its body a client announces", async () => {
    const body = JSON.stringify({
      key: "YQ==",
      value: Buffer.alloc(300_000, 97).toString("base64"),
    });
    const put = await ask(session, post("/v3/kv/put"), body);
    equal(put.headers[":status"], 200);
    const range = await ask(
      session,
      { ...post("/v3/kv/range"), "content-length": "14", "content-type": "text/plain" },
      '{"key":"YQ=="}',
    );
    equal(range.headers["content-type"], "application/json");
    equal(JSON.parse(range.body).kvs[0].value.length, 400_000);
    equal((await ask(session, { ":path": "/v3/kv/range" })).headers[":status"], 501);
  });

  it("takes what follows the announced length of a body for no further request", async () => {
    const smuggled = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    const request = { ...post("/v3/kv/range"), "content-length": "14" };
    await ask(session, request, `{"key":"YQ=="}${smuggled}`).then(
      ({ headers }) => equal(headers[":status"], 200),
      (error: NodeJS.ErrnoException) => equal(error.code, "ERR_HTTP2_STREAM_ERROR"),
    );
    const get = { ":method": "GET", ":path": "/health" };
    equal((await ask(session, get, smuggled)).body, '{"health":"true","reason":""}');
  });

  it("streams both ways at once, beside calls of gRPC", async () => {
    const watch = session.request(post("/v3/watch"));
    const lines: string[] = [];
    watch.setEncoding("utf8");
    watch.on("data", (text: string) => lines.push(text));
    watch.write('{"create_request":{"key":"dw=="}}');
    const line = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(lines.join(""))) await new Promise((go) => watch.once("data", go));
    };
    await line(/"created":true/);
    await ask(session, post("/v3/kv/put"), '{"key":"dw==","value":"MQ=="}');
    await line(/"events":\[\{"kv":\{"key":"dw=="/);
    const grpc = await ask(
      session,
      { ...post("/etcdserverpb.KV/Range"), "content-type": "application/grpc", te: "trailers" },
      Buffer.from([0, 0, 0, 0, 3, 10, 1, 119]),
    );
    equal(grpc.headers["content-type"], "application/grpc");
    watch.close();
  });

  it("refuses what HTTP/1 could not say", async () => {
    equal((await ask(session, { ":path": "/a b" })).headers[":status"], 400);
  });
});

describe("HTTP/2 without TLS", () => {
  it("is gRPC's alone, as in etcd", async () => {
    const { server } = await startSolo();
    const session = connect(`http://127.0.0.1:${server.port}`);
    sessions.push(session);
    const { headers } = await ask(session, { ":path": "/health" });
    equal(headers[":status"], 415);
    equal(headers["grpc-message"], 'invalid gRPC request content-type ""');
  });
});

describe("a client with a name in its certificate", () => {
  /** Status line and body of the answer. */
  async function asNamed(path: string, isAuthEnabled: boolean, name?: string): Promise<string> {
    const member = new SoloMember();
    const deps = { member, logger: silentLogger, timers: systemTimers, random: new Prng(1) };
    const api = createEtcdApi({ ...deps, unixSeconds: () => 0 });
    if (isAuthEnabled) {
      const root = { name: "root", passwordHash: "", hasNoPassword: true };
      await member.propose({ kind: "userAdd", ...root });
      await member.propose({ kind: "roleAdd", name: "root" });
      await member.propose({ kind: "userGrantRole", name: "root", role: "root" });
      await member.propose({ kind: "authEnable" });
      ok(member.store.auth.isEnabled);
    }
    const [near, far] = duplexPair();
    api.http.accept(far as Socket, Buffer.alloc(0), name);
    near.write(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
    );
    let text = "";
    for await (const chunk of near) text += chunk;
    api.close();
    return `${text.slice(9, 12)} ${text.split("\r\n\r\n")[1]}`;
  }

  const refusal = /^400 CommonName of client sending a request against gateway will be ignored/;

  it("is told that the gateway knows nothing of it", async () => {
    match(await asNamed("/v3/kv/range", true, "alice"), refusal);
    match(await asNamed("/v3beta/nowhere", true, "alice"), refusal);
  });

  it("is served where that makes no difference", async () => {
    match(await asNamed("/v3/auth/status", false, "alice"), /^200/);
    match(await asNamed("/v3/auth/status", true), /^200/);
    match(await asNamed("/health", true, "alice"), /^405/);
  });
});
