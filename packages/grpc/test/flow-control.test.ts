import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { frameFlag, frameType } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import type { Method } from "../src/index.ts";
import {
  callHeaders,
  frame,
  message,
  RawClient,
  setting,
  smallWindow,
  start,
  stopAll,
  uint32,
} from "./fixtures.ts";

afterEach(stopAll);

const windowUpdate = (streamId: number, bytes: number): Buffer =>
  frame(frameType.windowUpdate, 0, streamId, uint32(bytes));

/** Sends the request `count` times. */
function repeat(count: number): Method {
  return {
    kind: "serverStream",
    async handle(call, request) {
      for (let sent = 0; sent < count; sent++) if (!call.write(request)) await call.drained();
    },
  };
}

function dataBytes(client: RawClient, streamId?: number): number {
  let bytes = 0;
  for (const { type, streamId: id, payload } of client.frames) {
    if (type === frameType.data && (streamId === undefined || id === streamId)) {
      bytes += payload.length;
    }
  }
  return bytes;
}

describe("what the server sends", () => {
  it("keeps to a stream's window, byte by byte", async () => {
    const running = await start();
    const client = await RawClient.open(running.port, smallWindow(3));
    client.call(1, "/t.T/Echo", "abcdef"); // 11 bytes with the prefix.
    for (const sent of [3, 4, 9]) {
      await client.roundTrip();
      equal(dataBytes(client), sent);
      client.send(windowUpdate(1, sent === 3 ? 1 : sent === 4 ? 5 : 100));
    }
    const { messages, headers } = await client.answer(1);
    equal(messages.join(), "abcdef");
    equal(headers.get("grpc-status"), "0");
  });

  it("keeps to the connection's window, and is fair between streams", async () => {
    const running = await start({ "/t.T/Many": repeat(100) });
    const client = await RawClient.open(running.port, smallWindow(2 ** 31 - 1));
    client.call(1, "/t.T/Many", Buffer.alloc(10_000));
    client.call(3, "/t.T/Many", Buffer.alloc(10_000));
    await client.roundTrip();
    equal(dataBytes(client), 65_535);
    const before = dataBytes(client, 1) - dataBytes(client, 3); // The first may have had it all.
    client.send(windowUpdate(0, 200_000));
    await client.roundTrip();
    equal(dataBytes(client), 265_535);
    const lead = dataBytes(client, 1) - dataBytes(client, 3) - before;
    ok(Math.abs(lead) <= 2 * 16_384, `one stream got ${lead} bytes more`);
    client.send(windowUpdate(0, 2_000_000));
    equal((await client.answer(1)).messages.length, 100);
    equal((await client.answer(3)).messages.length, 100);
  });

  it("follows a window that a setting makes smaller, below zero too", async () => {
    const running = await start();
    const client = await RawClient.open(running.port, smallWindow(10));
    client.call(1, "/t.T/Echo", Buffer.alloc(25)); // 30 bytes: 10 go.
    await client.roundTrip();
    client.send(frame(frameType.settings, 0, 0, smallWindow(0))); // The window is at -10.
    client.send(windowUpdate(1, 10));
    await client.roundTrip();
    equal(dataBytes(client), 10);
    client.send(windowUpdate(1, 5));
    await client.roundTrip();
    equal(dataBytes(client), 15);
    client.send(frame(frameType.settings, 0, 0, smallWindow(100)));
    equal((await client.answer(1)).messages[0]?.length, 25);
  });

  it("carries messages of two pieces, and several messages to a frame, through windows of every size", async () => {
    const words = ["a", "bcd", "", "efghij"];
    const twoPieces: Method = {
      kind: "serverStream",
      async handle(call) {
        for (const word of words) {
          const bytes = Buffer.from(word);
          for (let cut = 0; cut <= bytes.length; cut++) {
            call.write(bytes.subarray(0, cut), bytes.subarray(cut));
          }
        }
      },
    };
    const expected = words.flatMap((word) => new Array<string>(word.length + 1).fill(word));
    const running = await start({ "/t.T/Pieces": twoPieces });
    for (const windowBytes of [0, 1, 5, 6, 13, 1000]) {
      const client = await RawClient.open(running.port, smallWindow(windowBytes));
      client.call(1, "/t.T/Pieces", "");
      await client.roundTrip();
      equal(
        dataBytes(client),
        Math.min(windowBytes, expected.join("").length + 5 * expected.length),
      );
      client.send(windowUpdate(1, 1000));
      const { messages, headers } = await client.answer(1);
      equal(messages.map(String).join(), expected.join(), `window of ${windowBytes}`);
      equal(headers.get("grpc-status"), "0");
      const frames = client.frames.filter(({ type }) => type === frameType.data).length;
      ok(frames <= 2, `window of ${windowBytes}: ${frames} frames`);
    }
  });

  it("ends a response without data though the window is closed", async () => {
    const running = await start({ "/t.T/None": repeat(0) });
    const client = await RawClient.open(running.port, smallWindow(0));
    client.call(1, "/t.T/None", "a");
    const { headers, data } = await client.answer(1);
    equal(headers.get("grpc-status"), "0");
    equal(data.length, 0);
  });

  it("does not let a stream that waits hold up the others", async () => {
    const running = await start();
    const client = await RawClient.open(running.port, smallWindow(0));
    client.call(1, "/t.T/Echo", "abc");
    client.call(3, "/t.T/Echo", "def");
    client.send(windowUpdate(3, 100));
    equal((await client.answer(3)).messages.join(), "def");
    equal(dataBytes(client, 1), 0);
  });

  it("stops a writer whose client does not read, and holds no more than the limit", async () => {
    let written = 0;
    const endless: Method = {
      kind: "serverStream",
      async handle(call) {
        const chunk = Buffer.alloc(10_000);
        while (!call.ended) {
          written += chunk.length;
          if (!call.write(chunk)) await call.drained();
        }
      },
    };
    const running = await start({ "/t.T/Endless": endless }, { streamOutboxBytes: 100_000 });
    const closedWindow = await RawClient.open(running.port);
    closedWindow.call(1, "/t.T/Endless", "a");
    await closedWindow.roundTrip();
    const before = written;
    ok(before <= 65_535 + 100_000 + 2 * 10_005, `wrote ${before}`);
    await closedWindow.roundTrip();
    equal(written, before);
    closedWindow.send(frame(frameType.rstStream, 0, 1, uint32(http2Code.cancel)));
    await closedWindow.roundTrip();
    equal(written <= before + 10_000, true); // The handler woke, and saw that it is over.
  });

  it("stops writing into a socket that nobody reads", async () => {
    let written = 0;
    const endless: Method = {
      kind: "serverStream",
      async handle(call) {
        const chunk = Buffer.alloc(100_000);
        while (!call.ended) {
          written += chunk.length;
          if (!call.write(chunk)) await call.drained();
        }
      },
    };
    const running = await start({ "/t.T/Endless": endless });
    const client = await RawClient.open(running.port, smallWindow(2 ** 31 - 1));
    client.send(windowUpdate(0, 2 ** 31 - 1 - 65_535));
    await client.roundTrip();
    client.socket.pause();
    client.call(1, "/t.T/Endless", "a");
    // The kernel takes some megabytes; then it must stand still while other clients are served.
    let before = -1;
    const other = await RawClient.open(running.port);
    for (let quiet = 0; quiet < 20; quiet = before === written ? quiet + 1 : 0) {
      before = written;
      await other.roundTrip();
    }
    ok(written < 64 * 1024 * 1024, `wrote ${written}`);
    client.socket.resume();
    await client.find(() => dataBytes(client) > before, "more data after a pause");
    await client.end();
  });
});

describe("what the server takes", () => {
  it("advertises windows, and gives credit as messages are taken", async () => {
    const limits = { streamWindowBytes: 1000, connectionWindowBytes: 100_000 };
    const running = await start({}, limits);
    const client = await RawClient.open(running.port);
    const first = client.frames.find((f) => f.type === frameType.windowUpdate);
    equal(first?.payload.readUInt32BE(0), 100_000 - 65_535);
    client.headers(1, callHeaders("/t.T/Echo"));
    const body = message(Buffer.alloc(20_000, 7));
    let window = 1000;
    for (let at = 0; at < body.length; ) {
      const size = Math.min(window, body.length - at, 500);
      client.data(1, body.subarray(at, at + size), at + size === body.length);
      at += size;
      window -= size;
      await client.roundTrip();
      window = 1000 - at;
      for (const { type, streamId, payload } of client.frames) {
        if (type === frameType.windowUpdate && streamId === 1) window += payload.readUInt32BE(0);
      }
      ok(window > 0, `no credit after ${at} bytes`);
    }
    deepEqual((await client.answer(1)).messages[0], Buffer.alloc(20_000, 7));
  });

  it("resets a stream that sends beyond its window", async () => {
    const running = await start({}, { streamWindowBytes: 1000 });
    const client = await RawClient.open(running.port);
    await client.roundTrip();
    client.headers(1, callHeaders("/t.T/Echo"));
    client.data(1, message(Buffer.alloc(2000)));
    equal(await client.resetCode(1), http2Code.flowControlError);
    client.call(3, "/t.T/Echo", "a");
    equal((await client.answer(3)).messages.join(), "a");
  });

  it("takes the default window of a client that has not seen the settings yet", async () => {
    const running = await start({}, { streamWindowBytes: 10 });
    const client = await RawClient.dial(running.port);
    const { clientPreface } = await import("../src/preface.ts");
    client.send(clientPreface, frame(frameType.settings, 0, 0));
    client.call(1, "/t.T/Echo", Buffer.alloc(60_000));
    equal((await client.answer(1)).messages[0]?.length, 60_000);
  });

  it("gives back the connection's window while messages are unfinished", async () => {
    const limits = { streamWindowBytes: 1_000_000, connectionWindowBytes: 65_535 };
    const running = await start({}, limits);
    const client = await RawClient.open(running.port);
    await client.roundTrip();
    for (const id of [1, 3, 5]) {
      client.headers(id, callHeaders("/t.T/Echo"));
      client.data(id, message(Buffer.alloc(100_000)).subarray(0, 32_768));
      await client.roundTrip();
    }
    const given = client.frames
      .filter((f) => f.type === frameType.windowUpdate && f.streamId === 0)
      .reduce((sum, f) => sum + f.payload.readUInt32BE(0), 0);
    equal(given, 3 * 32_768);
  });

  it("holds back a client whose handler is slow", async () => {
    const taken: number[] = [];
    const gate: (() => void)[] = [];
    const slow: Method = {
      kind: "bidi",
      async handle(call) {
        for await (const bytes of call.requests) {
          taken.push(bytes.length);
          await new Promise<void>((resolve) => gate.push(resolve));
        }
      },
    };
    const running = await start({ "/t.T/Slow": slow }, { streamWindowBytes: 1000 });
    const client = await RawClient.open(running.port);
    await client.roundTrip();
    client.headers(1, callHeaders("/t.T/Slow"));
    const credit = (): number =>
      client.frames.filter((f) => f.type === frameType.windowUpdate && f.streamId === 1).length;
    for (let sent = 0; sent < 10; sent++) client.data(1, message(Buffer.alloc(95)));
    await client.roundTrip();
    equal(taken.length, 1);
    equal(credit(), 0);
    while (taken.length < 10) {
      gate.shift()?.();
      await client.roundTrip();
    }
    equal(credit(), 1);
    client.data(1, Buffer.alloc(0), true);
    gate.shift()?.();
    equal(await client.status(1), "0");
  });
});

describe("large and many", () => {
  it("carries 2 MiB both ways, through windows of every size (20 seeds)", async () => {
    const running = await start({}, { streamWindowBytes: 65_535 });
    for (let seed = 0; seed < 20; seed++) {
      const prng = new Prng(seed);
      const client = await RawClient.open(running.port, smallWindow(prng.between(1000, 200_000)));
      const size = prng.between(1, seed === 0 ? 2 * 1024 * 1024 : 60_000);
      const body = Buffer.from(Array.from({ length: size }, () => prng.below(256)));
      client.headers(1, callHeaders("/t.T/Echo"));
      const whole = message(body);
      for (let at = 0, window = 65_535; at < whole.length; ) {
        const part = Math.min(whole.length - at, window, prng.between(1, 16_384));
        client.data(1, whole.subarray(at, at + part), at + part === whole.length);
        at += part;
        window -= part;
        if (window > 0) continue;
        await client.roundTrip();
        window = 65_535 - at;
        for (const { type, streamId, payload } of client.frames) {
          if (type === frameType.windowUpdate && streamId === 1) window += payload.readUInt32BE(0);
        }
      }
      while (dataBytes(client) < whole.length) {
        const got = dataBytes(client);
        client.send(windowUpdate(0, 50_000), windowUpdate(1, 50_000));
        await client.find(() => dataBytes(client) > got, `data after ${got} bytes, seed=${seed}`);
      }
      deepEqual((await client.answer(1)).messages[0], body, `seed=${seed}`);
      await client.end();
    }
  });

  it("answers 1,000 calls at once on one connection, in any order", async () => {
    const release: (() => void)[] = [];
    const hold: Method = {
      kind: "unary",
      handle: (_call, request) => new Promise((resolve) => release.push(() => resolve(request))),
    };
    const running = await start({ "/t.T/Hold": hold });
    const client = await RawClient.open(running.port);
    for (let call = 0; call < 1000; call++) client.call(2 * call + 1, "/t.T/Hold", `call ${call}`);
    await client.roundTrip();
    equal(release.length, 1000);
    const prng = new Prng(1);
    while (release.length > 0) release.splice(prng.below(release.length), 1)[0]?.();
    await client.roundTrip();
    for (const call of [0, 1, 500, 998, 999]) {
      equal((await client.answer(2 * call + 1)).messages.join(), `call ${call}`);
    }
    equal(client.frames.filter((f) => f.type === frameType.data).length, 1000);
  });

  it("echoes a bidirectional stream message by message", async () => {
    const echoAll: Method = {
      kind: "bidi",
      async handle(call) {
        for await (const bytes of call.requests) if (!call.write(bytes)) await call.drained();
      },
    };
    const running = await start({ "/t.T/EchoAll": echoAll });
    const client = await RawClient.open(running.port, setting(4, 1_000_000));
    client.headers(1, callHeaders("/t.T/EchoAll"));
    const bodies = Array.from({ length: 200 }, (_, at) => Buffer.alloc((at * 37) % 300, at));
    client.send(
      ...bodies.map((body) => frame(frameType.data, 0, 1, message(body))),
      frame(frameType.data, frameFlag.endStream, 1),
    );
    deepEqual((await client.answer(1)).messages, bodies);
  });
});
