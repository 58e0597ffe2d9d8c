import { deepEqual, equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { frameFlag, frameType, settingId } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import { clientPreface } from "../src/preface.ts";
import {
  block,
  callHeaders,
  frame,
  message,
  RawClient,
  type Running,
  setting,
  start,
  uint32,
} from "./fixtures.ts";

const { endHeaders, endStream, padded, priority, ack } = frameFlag;
const headers = block(callHeaders("/t.T/Echo"));
const open = (streamId: number): Buffer => frame(frameType.headers, endHeaders, streamId, headers);
let running: Running;
before(async () => {
  running = await start();
});
after(() => running.stop());

describe("frames that are allowed", () => {
  async function echoes(...before: readonly Buffer[]): Promise<void> {
    const client = await RawClient.open(running.port);
    client.send(...before);
    client.call(101, "/t.T/Echo", "yes");
    equal((await client.answer(101)).messages.join(), "yes");
    equal(
      client.frames.some((f) => f.type === frameType.goaway),
      false,
      client.transcript(),
    );
    await client.end();
  }

  it("ignores unknown frames and settings, reserved bits, PRIORITY and GOAWAY", () =>
    echoes(
      frame(0xbe, 0xff, 0, Buffer.alloc(100)),
      frame(0xbe, 0xff, 99),
      frame(frameType.settings, 0, 0, setting(0x99, 5)),
      frame(frameType.settings, 0, 0x8000_0000),
      frame(frameType.priority, 0, 3, Buffer.from([0, 0, 0, 1, 9])),
      frame(frameType.goaway, 0, 0, Buffer.alloc(8)),
    ));

  it("takes the rest of a stream that it has reset", async () => {
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Nope"));
    equal(await client.status(1), "12 unknown method Nope for service t.T");
    equal(await client.resetCode(1), http2Code.noError);
    client.data(1, message("on its way already"));
    client.send(frame(8, 0, 1, uint32(5)), frame(3, 0, 1, uint32(8)));
    client.headers(1, [["x", "y"]], true);
    client.call(3, "/t.T/Echo", "a");
    equal((await client.answer(3)).messages.join(), "a");
    await client.end();
  });

  it("takes padding, a priority, CONTINUATION and trailers", async () => {
    const client = await RawClient.open(running.port);
    const part = Math.floor(headers.length / 3);
    const first = Buffer.concat([
      Buffer.from([3]),
      Buffer.from([0, 0, 0, 0, 16]),
      headers.subarray(0, part),
      Buffer.alloc(3),
    ]);
    client.send(
      frame(frameType.headers, padded | priority, 1, first),
      frame(frameType.continuation, 0, 1, headers.subarray(part, 2 * part)),
      frame(frameType.continuation, endHeaders, 1, headers.subarray(2 * part)),
      frame(
        frameType.data,
        padded,
        1,
        Buffer.concat([Buffer.from([2]), message("abc"), Buffer.alloc(2)]),
      ),
      frame(frameType.data, padded, 1, Buffer.from([0])),
    );
    client.headers(1, [["checksum", "1"]], true);
    equal((await client.answer(1)).messages.join(), "abc");
    await client.end();
  });

  it("answers PING with its payload", async () => {
    const client = await RawClient.open(running.port);
    client.send(frame(frameType.ping, 0, 0, Buffer.from("12345678")));
    const pong = await client.find((f) => f.type === frameType.ping, "PING");
    equal(pong.flags, ack);
    equal(pong.payload.toString(), "12345678");
    await client.end();
  });

  it("takes frames cut at any byte", async () => {
    const client = await RawClient.dial(running.port);
    const all = Buffer.concat([
      clientPreface,
      frame(frameType.settings, 0, 0),
      open(1),
      frame(frameType.data, endStream, 1, message("slow")),
    ]);
    for (const byte of all) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    equal((await client.answer(1)).messages.join(), "slow");
    await client.end();
  });
});

describe("a response", () => {
  it("is HEADERS, DATA and HEADERS, and later the same in fewer bytes", async () => {
    const client = await RawClient.open(running.port);
    for (const id of [1, 3, 5]) {
      client.call(id, "/t.T/Echo", "abc");
      const { headers: got, messages } = await client.answer(id);
      deepEqual(
        [...got],
        [
          [":status", "200"],
          ["content-type", "application/grpc"],
          ["grpc-status", "0"],
        ],
      );
      equal(messages.join(), "abc");
    }
    const sizes = (id: number): string =>
      client.frames
        .filter((f) => f.streamId === id)
        .map((f) => `${f.type}:${f.payload.length}`)
        .join(" ");
    equal(sizes(3), "1:2 0:8 1:1");
    equal(sizes(5), "1:2 0:8 1:1");
    await client.end();
  });

  it("does without the table when the client has none", async () => {
    const client = await RawClient.open(running.port, setting(settingId.headerTableSize, 0));
    for (const id of [1, 3]) {
      client.call(id, "/t.T/Echo", "abc");
      equal((await client.answer(id)).headers.get("grpc-status"), "0");
    }
    equal(client.frames.find((f) => f.type === 1)?.payload[0], 0x20); // The size update is due.
    await client.end();
  });

  it("stops using the table when the client shrinks it", async () => {
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Echo", "abc");
    await client.answer(1);
    client.send(frame(frameType.settings, 0, 0, setting(settingId.headerTableSize, 10)));
    client.call(3, "/t.T/Echo", "abc");
    client.call(5, "/t.T/No", "abc");
    equal((await client.answer(3)).headers.get("content-type"), "application/grpc");
    equal((await client.answer(5)).headers.get("grpc-status"), "12");
    await client.end();
  });

  it("to what is not gRPC is plain HTTP", async () => {
    const client = await RawClient.open(running.port);
    const get: [string, string][] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
    ];
    client.headers(1, get, true);
    const { headers: got } = await client.answer(1);
    deepEqual(Object.fromEntries(got), {
      ":status": "415",
      "content-type": "application/grpc",
      "grpc-status": "3",
      "grpc-message": 'invalid gRPC request content-type ""',
    });
    client.headers(3, [...get, ["content-type", "application/grpc"]], true);
    equal((await client.answer(3)).headers.get(":status"), "405");
    await client.end();
  });

  it("to a request of no, or of two messages is UNIMPLEMENTED", async () => {
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Echo"), true);
    equal(await client.status(1), "12 grpc: request has no message");
    client.headers(3, callHeaders("/t.T/Echo"));
    client.data(3, Buffer.concat([message("a"), message("b")]), true);
    equal(await client.status(3), "12 grpc: request has more than one message");
    client.headers(5, callHeaders("/t.T/Echo"));
    client.data(5, message("abc").subarray(0, 6), true);
    equal(await client.status(5), "13 grpc: request ends within a message");
    await client.end();
  });

  it("to a compressed message names the encodings there are", async () => {
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Echo", [["grpc-encoding", "gzip"]]));
    client.data(1, Buffer.from([1, 0, 0, 0, 0]), true);
    const { headers: got } = await client.answer(1);
    equal(got.get("grpc-status"), "12");
    equal(got.get("grpc-accept-encoding"), "identity");
    // The encoding may be announced and not used.
    client.headers(3, callHeaders("/t.T/Echo", [["grpc-encoding", "gzip"]]));
    client.data(3, message("plain"), true);
    equal((await client.answer(3)).messages.join(), "plain");
    await client.end();
  });
});
