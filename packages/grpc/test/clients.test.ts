// Clients that are not ours: node:http2, grpc-js, and where they are installed curl and h2load.
import { equal, match, ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import { Client, credentials } from "@grpc/grpc-js";
import type { Method } from "../src/index.ts";
import { message, type Running, start, stopAll } from "./fixtures.ts";

const parts: Method = {
  kind: "unary",
  handle: (_call, request) => ({
    messageBytes: 1_000 * request.length,
    parts: (function* () {
      for (let part = 0; part < 1_000; part++) yield request;
    })(),
  }),
};
const chat: Method = {
  kind: "bidi",
  async handle(call) {
    for await (const request of call.requests) if (!call.write(request)) await call.drained();
  },
};

const asBytes = (bytes: Buffer): Buffer => bytes;

/** False when it is there; otherwise why a test is skipped. */
function lacks(program: string): string | false {
  return spawnSync(program, ["--version"]).status === 0 ? false : `${program} is not installed`;
}

function output(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}

describe("a foreign client", () => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-grpc-"));
  const body = join(folder, "body");
  let running: Running;
  before(async () => {
    writeFileSync(body, message("x".repeat(200)));
    running = await start({ "/t.T/Parts": parts, "/t.T/Chat": chat });
  });
  after(async () => {
    await stopAll();
    rmSync(folder, { recursive: true, force: true });
  });

  it("node:http2 calls, is refused, and pings", async () => {
    const session = connectHttp2(`http://127.0.0.1:${running.port}`);
    const call = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const head = { "content-type": "application/grpc", te: "trailers" };
        const stream = session.request({ ":method": "POST", ":path": path, ...head });
        let bytes = 0;
        let status = "";
        stream.on("response", (fields) => (status += fields["grpc-status"] ?? ""));
        stream.on("trailers", (fields) => (status += fields["grpc-status"]));
        stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
        stream.on("error", reject);
        stream.on("end", () => resolve(`${status} ${bytes}`));
        stream.end(message("x".repeat(1000)));
      });
    equal(await call("/t.T/Echo"), "0 1005");
    equal(await call("/t.T/Nope"), "12 0");
    equal(await call("/t.T/Parts"), "0 1000005");
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
    session.close();
  });

  it("grpc-js calls, streams and takes a large answer", async () => {
    const client = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure());
    const unary = (path: string, request: Buffer): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, asBytes, asBytes, request, (error, answer) => {
          if (error === null) resolve(answer as Buffer);
          else reject(error);
        });
      });
    equal((await unary("/t.T/Echo", Buffer.from("hello"))).toString(), "hello");
    equal((await unary("/t.T/Parts", Buffer.alloc(3_000, 7))).length, 3_000_000);
    const stream = client.makeBidiStreamRequest("/t.T/Chat", asBytes, asBytes);
    const received: number[] = [];
    const ended = new Promise((resolve) => stream.on("end", resolve));
    stream.on("data", (answer: Buffer) => received.push(answer.length));
    for (let size = 1; size <= 200_000; size *= 10) stream.write(Buffer.alloc(size));
    stream.end();
    await ended;
    equal(received.join(), "1,10,100,1000,10000,100000");
    client.close();
  });

  it("curl calls", { skip: lacks("curl") }, async () => {
    const args = ["-sS", "-i", "--http2-prior-knowledge", "--data-binary", `@${body}`];
    const head = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    const text = await output("curl", [
      ...args,
      ...head,
      `http://127.0.0.1:${running.port}/t.T/Echo`,
    ]);
    match(text, /^HTTP\/2 200/);
    match(text, /content-type: application\/grpc/);
    ok(text.includes("x".repeat(200)), text);
    match(text, /grpc-status: 0/);
  });

  it("h2load's calls all succeed", { skip: lacks("h2load") }, async () => {
    const load = ["-n", "5000", "-c", "10", "-m", "20", "-d", body];
    const head = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    const url = `http://127.0.0.1:${running.port}/t.T/Echo`;
    const text = await output("h2load", [...load, ...head, url]);
    match(text, /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
    match(text, /status codes: 5000 2xx/);
  });
});
