import { deepEqual, equal, match } from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { Probe } from "@flotilla/objects";
import { checkOnce } from "../../src/probes/check.ts";
import type { CommandOutcome } from "../../src/runtimes/runtime.ts";

const address = "127.0.0.1";

async function check(probe: Probe, port = 0, command: CommandOutcome = { kind: "timedOut" }) {
  const target = {
    address,
    declared: [{ name: "http", containerPort: 8080 }],
    ports: { 8080: port },
    runCommand: async () => command,
  };
  const outcome = await checkOnce(probe, target, 200, new AbortController().signal);
  return outcome.kind === "success" ? "success" : outcome.message;
}

async function httpServer(t: TestContext): Promise<number> {
  const server: Server = createHttpServer((request, response) => {
    const [, status = "200"] = (request.url ?? "/").split("/");
    if (status === "silent") return;
    response.writeHead(Number(status), { Location: "http://127.0.0.1:1/" });
    response.end(request.headers["x-asked"]);
  });
  server.listen(0, address);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

describe("checkOnce()", () => {
  it("takes 200-399 for success, at the host port of the container port", async (t) => {
    const port = await httpServer(t);
    const results: string[] = [];
    for (const status of [200, 204, 302, 399, 400, 503]) {
      results.push(await check({ httpGet: { path: `/${status}`, port: 8080 } }, port));
    }
    const failed = (code: number) => `HTTP probe failed with statuscode: ${code}`;
    deepEqual(results, ["success", "success", "success", "success", failed(400), failed(503)]);
    equal(await check({ httpGet: { path: "/200", port: "http" } }, port), "success");
  });

  it("gives up on a server that accepts and says nothing", async (t) => {
    const port = await httpServer(t);
    match(await check({ httpGet: { path: "/silent", port: 8080 } }, port), /deadline exceeded/);
  });

  it("fails where nobody listens, and on a request that cannot be made", async () => {
    const closed = createTcpServer().listen(0, address);
    await once(closed, "listening");
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    match(await check({ httpGet: { path: "/", port: 8080 } }, port), /ECONNREFUSED/);
    match(await check({ tcpSocket: { port: 8080 } }, port), /ECONNREFUSED/);
    match(await check({ httpGet: { path: "/ä b", port: 8080 } }, port), /unescaped/);
  });

  it("connects", async (t) => {
    const port = await httpServer(t);
    equal(await check({ tcpSocket: { port: "http" } }, port), "success");
  });

  it("runs a command", async () => {
    const exec = { exec: { command: ["true"] } };
    equal(await check(exec, 0, { kind: "exited", exitCode: 0 }), "success");
    match(await check(exec, 0, { kind: "exited", exitCode: 2 }), /exit code 2/);
    match(await check(exec, 0, { kind: "timedOut" }), /timed out after 0.2s/);
    equal(await check(exec, 0, { kind: "failed", message: "no such" }), "no such");
  });
});
