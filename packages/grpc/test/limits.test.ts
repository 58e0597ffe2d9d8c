import { equal, ok } from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { afterEach, describe, it } from "node:test";
import { frameFlag, frameType } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import type { Method, WriterCall } from "../src/index.ts";
import { clientPreface } from "../src/preface.ts";
import {
  block,
  callHeaders,
  frame,
  ManualTimers,
  message,
  RawClient,
  smallWindow,
  start,
  stopAll,
  uint32,
  until,
} from "./fixtures.ts";

/** A method whose handlers the test ends. */
function held(): { readonly method: Method; readonly release: (() => void)[]; started: number } {
  const state = {
    started: 0,
    release: [] as (() => void)[],
    method: {
      kind: "unary",
      handle: (_call, request) => {
        state.started++;
        return new Promise<Uint8Array>((resolve) => state.release.push(() => resolve(request)));
      },
    } as Method,
  };
  return state;
}

afterEach(stopAll);

describe("limits", () => {
  it("refuses calls beyond concurrentStreams and takes more when some have ended", async () => {
    const hold = held();
    const running = await start({ "/t.T/Hold": hold.method }, { concurrentStreams: 3 });
    const client = await RawClient.open(running.port);
    for (const id of [1, 3, 5, 7]) client.call(id, "/t.T/Hold", "a");
    equal(await client.resetCode(7), http2Code.refusedStream);
    equal(hold.started, 3);
    hold.release[0]?.();
    await client.answer(1);
    client.call(9, "/t.T/Echo", "a");
    equal((await client.answer(9)).messages.join(), "a");
  });

  it("counts handlers of cancelled calls: rapid reset starts no more than the limit", async () => {
    const hold = held();
    const running = await start({ "/t.T/Hold": hold.method }, { concurrentStreams: 10 });
    const client = await RawClient.open(running.port);
    for (let id = 1; id < 400; id += 2) {
      client.call(id, "/t.T/Hold", "a");
      client.send(frame(frameType.rstStream, 0, id, uint32(http2Code.cancel)));
    }
    await client.roundTrip();
    equal(hold.started, 10);
    for (const release of hold.release) release();
    await client.roundTrip();
    client.call(401, "/t.T/Echo", "a");
    equal((await client.answer(401)).messages.join(), "a");
  });

  // biome-ignore format: a table
  const floods: readonly (readonly [string, (id: number) => Buffer])[] = [
    ["PING", () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ["SETTINGS", () => frame(frameType.settings, 0, 0)],
    ["empty DATA", (id) => Buffer.concat([id === 1 ? frame(1, frameFlag.endHeaders, 1, block(callHeaders("/t.T/Echo"))) : Buffer.alloc(0), frame(0, 0, 1)])],
    ["PRIORITY", (id) => frame(frameType.priority, 0, id, Buffer.alloc(5))],
    ["unknown frames", () => frame(0xaa, 0, 0)],
    ["WINDOW_UPDATE", () => frame(frameType.windowUpdate, 0, 0, uint32(1))],
    ["malformed calls", (id) => frame(1, frameFlag.endHeaders, id, block([["x", "y"]]))],
    ["DATA on closed streams", (id) => Buffer.concat([id === 1 ? frame(1, 5, 999, block(callHeaders("/t.T/Echo"))) : Buffer.alloc(0), frame(0, 0, id, Buffer.alloc(1))])],
    ["cancelled calls", (id) => Buffer.concat([frame(1, frameFlag.endHeaders, id, block(callHeaders("/t.T/Echo"))), frame(3, 0, id, uint32(8))])],
  ];
  for (const [name, flood] of floods) {
    it(`ends a connection that floods it with ${name}`, async () => {
      const limits = { controlFramesBurst: 100, controlFramesPerSecond: 10 };
      const running = await start({}, limits, { timers: new ManualTimers() });
      const client = await RawClient.open(running.port);
      client.send(...Array.from({ length: 150 }, (_, at) => flood(2 * at + 1)));
      equal(await client.goawayCode(), http2Code.enhanceYourCalm);
    });
  }

  it("does not take pings between calls for a flood", async () => {
    const limits = { controlFramesBurst: 20, controlFramesPerSecond: 1 };
    const running = await start({}, limits, { timers: new ManualTimers() });
    const client = await RawClient.open(running.port);
    for (let id = 1; id < 200; id += 2) {
      client.call(id, "/t.T/Echo", "a");
      await client.answer(id);
      await client.roundTrip();
    }
    equal(
      client.frames.some((f) => f.type === frameType.goaway),
      false,
    );
  });

  it("ends a header block that never ends", async () => {
    const running = await start();
    const many = await RawClient.open(running.port);
    many.send(frame(1, 0, 1, Buffer.from([0x82])));
    for (let at = 0; at < 20; at++) many.send(frame(frameType.continuation, 0, 1));
    equal(await many.goawayCode(), http2Code.enhanceYourCalm);
    const large = await RawClient.open(running.port);
    large.send(frame(1, 0, 1, Buffer.from([0x82])));
    large.send(frame(frameType.continuation, 0, 1, Buffer.alloc(16_384, 0x82)));
    equal(await large.goawayCode(), http2Code.enhanceYourCalm);
  });

  it("answers a header list that is too long with 431", async () => {
    const running = await start({}, { headerListBytes: 2000 });
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Echo", [["x", "y".repeat(2000)]]), true);
    equal((await client.answer(1)).headers.get(":status"), "431");
    client.call(3, "/t.T/Echo", "a");
    equal((await client.answer(3)).messages.join(), "a");
  });

  it("refuses a message of 1 GB at its prefix", async () => {
    const running = await start();
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Echo"));
    client.data(1, Buffer.from([0, 0x40, 0, 0, 0, 1, 2, 3]));
    equal(
      await client.status(1),
      "8 grpc: received message larger than max (1073741824 vs. 2097152)",
    );
    equal(await client.resetCode(1), http2Code.noError);
  });

  it("bounds what a connection holds for unfinished messages", async () => {
    const running = await start({}, { heldRequestBytes: 100_000, messageBytes: 1_000_000 });
    const client = await RawClient.open(running.port);
    for (let id = 1; id <= 21; id += 2) {
      client.headers(id, callHeaders("/t.T/Echo"));
      client.data(id, message(Buffer.alloc(50_000)).subarray(0, 10_000));
    }
    equal(await client.status(21), "8 grpc: too many requests held");
    for (let id = 3; id < 21; id += 2) client.send(frame(frameType.rstStream, 0, id, uint32(8)));
    client.data(1, message(Buffer.alloc(50_000)).subarray(10_000), true);
    equal((await client.answer(1)).messages[0]?.length, 50_000);
  });

  it("takes more long messages at once than it would hold, one after the other", async () => {
    const limits = { heldRequestBytes: 800_000, messageBytes: 200_000, streamWindowBytes: 10_000 };
    const running = await start({}, limits);
    const session = connectHttp2(`http://127.0.0.1:${running.port}`);
    const ask = (length: number): { readonly end: Promise<string>; leave(): void } => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/t.T/Echo",
        "content-type": "application/grpc",
        te: "trailers",
      });
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      const end = new Promise<string>((resolve) => {
        let status = "none";
        stream.on("response", (fields) => {
          status = `${fields["grpc-status"] ?? status}`;
        });
        stream.on("trailers", (fields) => {
          status = `${fields["grpc-status"]}`;
        });
        stream.on("error", () => {});
        stream.on("close", () => resolve(`${status} ${bytes}`));
      });
      stream.end(message(Buffer.alloc(length)));
      return { end, leave: () => stream.close(8) };
    };
    const calls = Array.from({ length: 20 }, () => ask(100_000));
    calls[0]?.leave(); // The oldest one never comes to its end: the next one is then.
    calls[7]?.leave();
    for (const [at, { end }] of calls.entries()) {
      if (at !== 0 && at !== 7) equal(await end, "0 100005", `call ${at}`);
    }
    equal(await ask(150_000).end, "0 150005");
    session.destroy();
  });

  it("closes connections beyond the limit", async () => {
    const running = await start({}, { connections: 2 });
    const first = await RawClient.open(running.port);
    const silent = await RawClient.dial(running.port);
    await first.roundTrip();
    const third = await RawClient.dial(running.port);
    await until(() => third.closed, "close");
    await silent.end();
    const fourth = await RawClient.open(running.port);
    await fourth.roundTrip();
  });

  it("ends a call whose handler ignores back-pressure", async () => {
    const many: Method = {
      kind: "serverStream",
      async handle(call: WriterCall, request: Uint8Array) {
        while (!call.ended) call.write(request);
      },
    };
    const running = await start({ "/t.T/Many": many }, { streamOutboxBytes: 10_000 });
    const client = await RawClient.open(running.port, smallWindow(0));
    client.call(1, "/t.T/Many", Buffer.alloc(1000));
    equal(await client.resetCode(1), http2Code.cancel);
  });
});

describe("what is held for clients that do not read", () => {
  const kilobyte: Method = { kind: "unary", handle: () => Buffer.alloc(1000) };

  it("makes further calls be refused unserved, until they read", async () => {
    const running = await start({ "/t.T/Kilobyte": kilobyte }, { heldResponseBytes: 10_000 });
    const client = await RawClient.open(running.port, smallWindow(0));
    for (let id = 1; id < 21; id += 2) client.call(id, "/t.T/Kilobyte");
    client.call(23, "/t.T/Kilobyte");
    equal(await client.status(23), "8 grpc: too many responses held");
    for (let id = 1; id < 21; id += 2) {
      client.send(frame(frameType.windowUpdate, 0, id, uint32(2000)));
    }
    client.call(25, "/t.T/Kilobyte");
    client.send(frame(frameType.windowUpdate, 0, 25, uint32(2000)));
    equal((await client.answer(25)).messages[0]?.length, 1000);
  });

  it("is given back when calls are cancelled", async () => {
    const running = await start({ "/t.T/Kilobyte": kilobyte }, { heldResponseBytes: 10_000 });
    const client = await RawClient.open(running.port, smallWindow(0));
    for (let id = 1; id < 200; id += 2) {
      client.call(id, "/t.T/Kilobyte");
      client.send(frame(frameType.rstStream, 0, id, uint32(http2Code.cancel)));
    }
    client.call(201, "/t.T/Kilobyte");
    client.send(frame(frameType.windowUpdate, 0, 201, uint32(2000)));
    equal((await client.answer(201)).messages[0]?.length, 1000);
  });

  it("ends a connection that makes it too much", async () => {
    const release: (() => void)[] = [];
    const held: Method = {
      kind: "unary",
      handle: () => new Promise((resolve) => release.push(() => resolve(Buffer.alloc(1000)))),
    };
    const running = await start({ "/t.T/Held": held }, { heldResponseBytes: 10_000 });
    const client = await RawClient.open(running.port, smallWindow(0));
    for (let id = 1; id < 121; id += 2) client.call(id, "/t.T/Held");
    await until(() => release.length === 60, "all calls");
    for (const answer of release) answer();
    equal(await client.goawayCode(), http2Code.enhanceYourCalm);
    await until(() => running.server.connectionCount === 0, "closed connection");
  });
});

describe("a turn of the event loop", () => {
  it("handles no more than a share of what one client sends", async () => {
    let inTurn = 0;
    let most = 0;
    const count: Method = {
      kind: "unary",
      handle: (_call, request) => {
        if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
        most = Math.max(most, inTurn);
        return request;
      },
    };
    const running = await start({ "/t.T/Count": count }, { turnBytes: 1 });
    const client = await RawClient.open(running.port);
    const one = Buffer.concat([
      frame(frameType.headers, frameFlag.endHeaders, 1, block(callHeaders("/t.T/Count"))),
      frame(frameType.data, frameFlag.endStream, 1, message("a")),
    ]);
    const calls = Array.from({ length: 4000 }, (_, at) => {
      const call = Buffer.from(one);
      call.writeUInt32BE(2 * at + 1, 5);
      call.writeUInt32BE(2 * at + 1, one.length - 10);
      return call;
    });
    client.send(...calls);
    await client.answer(7999);
    const inOneRead = Math.ceil(65_536 / one.length) + 1; // What a socket is read by at a time.
    ok(most <= inOneRead, `${most} calls in a turn, ${inOneRead} in one read`);
  });
});

describe("time", () => {
  it("closes a connection that does not finish its preface", async () => {
    const timers = new ManualTimers();
    const running = await start({}, { prefaceMs: 1000 }, { timers });
    const silent = await RawClient.dial(running.port);
    const half = await RawClient.dial(running.port);
    half.send(clientPreface.subarray(0, 10));
    const noSettings = await RawClient.dial(running.port);
    noSettings.send(clientPreface);
    await noSettings.find((f) => f.type === frameType.settings, "SETTINGS");
    const good = await RawClient.open(running.port);
    await good.roundTrip();
    timers.advance(999);
    await good.roundTrip();
    equal(silent.closed || half.closed || noSettings.closed, false);
    timers.advance(1);
    await until(() => silent.closed && half.closed && noSettings.closed, "close");
    await good.roundTrip();
  });

  it("asks a silent client, and closes when it does not answer", async () => {
    const timers = new ManualTimers();
    const running = await start({}, { idleMs: 1000, answerMs: 100 }, { timers });
    const client = await RawClient.open(running.port);
    await client.roundTrip();
    timers.advance(1000); // It was heard since: the next silence counts.
    await client.roundTrip();
    timers.advance(1000);
    timers.advance(1000);
    const ping = await client.find(
      (f) => f.type === frameType.ping && f.flags === 0,
      "PING of the server",
    );
    client.send(frame(frameType.ping, frameFlag.ack, 0, ping.payload));
    await client.roundTrip();
    timers.advance(100);
    await client.roundTrip();
    timers.advance(1000); // Heard since.
    timers.advance(1000); // Not heard: asked.
    timers.advance(100);
    await until(() => client.closed, "close");
  });

  it("ends a call at its deadline, tells its handler, and ignores what that gives", async () => {
    const timers = new ManualTimers();
    const hold = held();
    let aborted = 0;
    const method: Method = {
      kind: "unary",
      handle: (call, request) => {
        call.signal.addEventListener("abort", () => aborted++);
        return hold.method.kind === "unary" ? hold.method.handle(call, request) : request;
      },
    };
    const running = await start({ "/t.T/Hold": method }, {}, { timers });
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Hold", [["grpc-timeout", "50m"]]));
    client.data(1, message("a"), true);
    await client.roundTrip();
    timers.advance(49);
    await client.roundTrip();
    equal(aborted, 0);
    timers.advance(1);
    equal(await client.status(1), "4 context deadline exceeded");
    equal(aborted, 1);
    hold.release[0]?.();
    await client.roundTrip();
    equal(client.frames.filter((f) => f.streamId === 1).length, 1);
  });

  it("does not end a call that was answered before its deadline", async () => {
    const timers = new ManualTimers();
    const running = await start({}, {}, { timers });
    const client = await RawClient.open(running.port);
    client.headers(1, callHeaders("/t.T/Echo", [["grpc-timeout", "1S"]]));
    client.data(1, message("a"), true);
    equal(await client.status(1), "0");
    timers.advance(1000);
    await client.roundTrip();
    ok(client.frames.every((f) => f.type !== frameType.rstStream));
  });
});
