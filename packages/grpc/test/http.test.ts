/** Requests over HTTP/2 that are not gRPC's, where somebody serves them. */
import { deepEqual, equal } from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { frameFlag, frameType } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import type { HttpCall } from "../src/index.ts";
import { message, RawClient, type ReceivedFrame, start, stopAll, until } from "./fixtures.ts";

afterEach(stopAll);

type Fields = [string, string][];
const post = (path: string, more: Fields = []): Fields => [
  [":method", "POST"],
  [":scheme", "https"],
  [":path", path],
  [":authority", "a:1"],
  ...more,
];

/** What the paths do; anything else echoes the body. */
async function serve(call: HttpCall): Promise<void> {
  if (call.http.path === "/throw") throw new Error("no");
  if (call.http.path === "/long") {
    call.respond(200, [{ name: "x", value: "y".repeat(20_000) }]);
    return;
  }
  if (call.http.path === "/early") {
    call.respond(413, []);
    return;
  }
  const { method, path, authority } = call.http;
  call.respond(201, [{ name: "x-seen", value: `${method} ${path} ${authority} ${call.hasBody}` }]);
  if (call.http.path === "/large") {
    for (let at = 0; at < 20; at++) {
      if (!call.write(Buffer.alloc(50_000, at))) await call.drained();
    }
    return;
  }
  for await (const chunk of call.requests) if (!call.write(chunk)) await call.drained();
}

async function open(onHttp = serve): Promise<{ client: RawClient; close(): Promise<void> }> {
  const running = await start({}, {}, {}, { onHttp });
  const client = await RawClient.open(running.port);
  return { client, close: () => client.end() };
}

/** Bytes of the answer, once it has ended. */
async function bodyOf(client: RawClient, streamId: number): Promise<Buffer> {
  const isData = (f: ReceivedFrame): boolean =>
    f.type === frameType.data && f.streamId === streamId;
  await client.find((f) => isData(f) && (f.flags & frameFlag.endStream) !== 0, "the end");
  return Buffer.concat(client.frames.filter(isData).map(({ payload }) => payload));
}

describe("HTTP beside gRPC", () => {
  it("gets head and body as they are, and answers without prefix and trailers", async () => {
    const { client, close } = await open();
    client.headers(1, post("/echo", [["content-length", "11"]]));
    client.data(1, Buffer.from("hello "));
    client.data(1, Buffer.from("world"), true);
    equal((await bodyOf(client, 1)).toString(), "hello world");
    const [head, ...more] = client.frames.filter(
      (f) => f.type === frameType.headers && f.streamId === 1,
    );
    equal(head?.payload.includes("POST /echo a:1 true"), true);
    deepEqual(more, []);
    client.headers(3, post("/none"), true);
    equal((await bodyOf(client, 3)).length, 0);
    client.call(5, "/t.T/Echo", "gRPC");
    deepEqual((await client.answer(5)).data, message("gRPC"));
    await close();
  });

  it("keeps to the client's windows", async () => {
    const { client, close } = await open();
    client.headers(1, post("/large"), true);
    await client.roundTrip();
    const received = (): number =>
      client.frames
        .filter((f) => f.type === frameType.data)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    await until(() => received() === 65_535, "what the windows allow");
    const more = Buffer.alloc(4);
    more.writeUInt32BE(2_000_000);
    const update = (id: number): Buffer => {
      const head = Buffer.from([0, 0, 4, frameType.windowUpdate, 0, 0, 0, 0, id]);
      return Buffer.concat([head, more]);
    };
    client.send(update(0), update(1));
    equal((await bodyOf(client, 1)).length, 1_000_000);
    await close();
  });

  it("may be answered before its request is complete", async () => {
    const { client, close } = await open();
    client.headers(1, post("/early"));
    equal((await bodyOf(client, 1)).length, 0);
    equal(await client.resetCode(1), http2Code.noError);
    client.data(1, Buffer.from("still on its way"), true);
    await client.roundTrip();
    await close();
  });

  it("is reset when the answer cannot be given", async () => {
    const { client, close } = await open();
    client.headers(1, post("/throw"), true);
    equal(await client.resetCode(1), http2Code.internalError);
    client.headers(3, post("/long"), true);
    equal(await client.resetCode(3), http2Code.internalError);
    await client.roundTrip();
    await close();
  });

  it("has the length that it announces", async () => {
    const { client, close } = await open();
    client.headers(1, post("/echo", [["content-length", "3"]]));
    client.data(1, Buffer.from("four"), true);
    equal(await client.resetCode(1), http2Code.protocolError);
    await close();
  });

  it("may end in trailers, which say nothing", async () => {
    const { client, close } = await open();
    client.headers(1, post("/echo"));
    client.data(1, Buffer.from("body"));
    client.headers(1, [["x", "y"]], true);
    equal((await bodyOf(client, 1)).toString(), "body");
    await close();
  });

  it("is heard to leave", async () => {
    let aborted = 0;
    const { client, close } = await open(async (call) => {
      call.signal.addEventListener("abort", () => aborted++);
      call.respond(200, []);
      for await (const _ of call.requests);
    });
    for (const id of [1, 3]) client.headers(id, post("/wait"));
    await client.roundTrip();
    client.send(Buffer.from([0, 0, 4, frameType.rstStream, 0, 0, 0, 0, 1, 0, 0, 0, 8]));
    await until(() => aborted === 1, "the one that was reset");
    await close();
    await until(() => aborted === 2, "the one whose connection is gone");
  });
});
