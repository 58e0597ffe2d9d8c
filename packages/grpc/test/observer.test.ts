import { deepEqual } from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import * as grpcJs from "@grpc/grpc-js";
import { GrpcError, type Method, type MethodObserver, statusCode } from "../src/index.ts";
import { start, stopAll, until } from "./fixtures.ts";

afterEach(stopAll);

const bytes = (value: Buffer): Buffer => value;

describe("an observer", () => {
  it("is told once how each call has ended, and of every message", async () => {
    const told: string[] = [];
    const observer: MethodObserver = {
      started(call) {
        told.push(`started ${call.path}`);
        return told.length;
      },
      received: (size) => told.push(`received ${size}`),
      sent: (size) => told.push(`sent ${size}`),
      handled: (_call, code, began) => told.push(`handled ${code}, began ${began}`),
    };
    const echo: Method = { kind: "unary", handle: (_call, request) => request, observer };
    const fail: Method = {
      kind: "unary",
      handle: () => Promise.reject(new GrpcError(statusCode.notFound, "")),
      observer,
    };
    const chat: Method = {
      kind: "bidi",
      async handle(call) {
        for await (const message of call.requests) call.write(message);
      },
      observer,
    };
    const { port } = await start({ "/t.T/Echo": echo, "/t.T/Fail": fail, "/t.T/Chat": chat });
    const client = new grpcJs.Client(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
    const call = (path: string): Promise<void> =>
      new Promise((resolve) => {
        client.makeUnaryRequest(path, bytes, bytes, Buffer.from("abc"), () => resolve());
      });
    await call("/t.T/Echo");
    await call("/t.T/Fail");
    const stream = client.makeBidiStreamRequest("/t.T/Chat", bytes, bytes);
    stream.on("error", () => {});
    stream.write(Buffer.from("ab"));
    await new Promise((resolve) => stream.once("data", resolve));
    stream.cancel();
    await until(() => told.length === 11, "all is told");
    client.close();
    deepEqual(told, [
      "started /t.T/Echo",
      "received 3",
      "sent 3",
      "handled 0, began 1",
      "started /t.T/Fail",
      "received 3",
      "handled 5, began 5",
      "started /t.T/Chat",
      "received 2",
      "sent 2",
      "handled 1, began 8",
    ]);
  });
});
