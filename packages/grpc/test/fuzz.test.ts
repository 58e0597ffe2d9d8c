import { equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { frameFlag, frameType } from "../src/frame.ts";
import type { Method } from "../src/index.ts";
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
  until,
} from "./fixtures.ts";

const streaming: Method = {
  kind: "bidi",
  async handle(call) {
    for await (const bytes of call.requests) if (!call.write(bytes)) await call.drained();
  },
};

let running: Running;
before(async () => {
  running = await start({ "/t.T/Stream": streaming }, { concurrentStreams: 8 });
});
after(() => running.stop());

/** Still serves others, and holds no connection that it has given up. */
async function stillServes(hint: string): Promise<void> {
  const client = await RawClient.open(running.port);
  client.call(1, "/t.T/Echo", "alive");
  equal((await client.answer(1)).messages.join(), "alive", hint);
  await client.end();
  await until(() => running.server.connectionCount === 0, `closed connections, ${hint}`);
}

function randomBytes(prng: Prng, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => prng.below(256)));
}

/** A frame that a client might send: mostly meaningful, its fields a little off. */
function randomFrame(prng: Prng): Buffer {
  const streamId = prng.chance(0.1) ? prng.below(2 ** 31) : prng.below(12);
  const path = prng.pick(["/t.T/Echo", "/t.T/Stream", "/t.T/Nope"]);
  const payloads = [
    () => message(randomBytes(prng, prng.below(50))),
    () => block(callHeaders(path)),
    () => Buffer.alloc(5),
    () => uint32(prng.below(12)),
    () => setting(prng.below(8), prng.pick([0, 1, 100, 70_000, 2 ** 31 - 1, 2 ** 32 - 1])),
    () => Buffer.alloc(4),
    () => Buffer.alloc(8),
    () => Buffer.alloc(8),
    () => uint32(prng.pick([0, 1, 1000, 2 ** 31 - 1])),
    () => block(callHeaders(path)).subarray(0, prng.below(100)),
  ];
  const type = prng.below(11);
  const make = prng.chance(0.9) ? (payloads[type] ?? payloads[0]) : prng.pick(payloads);
  const flags = prng.chance(0.7) ? prng.pick([0, 1, 4, 5]) : prng.below(256);
  return frame(type, flags, streamId, (make as () => Buffer)());
}

describe("a hostile client", () => {
  it("that sends garbage is cut off or ignored (60 seeds)", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const prng = new Prng(seed);
      const client = await RawClient.dial(running.port);
      if (prng.chance(0.8)) client.send(clientPreface);
      if (prng.chance(0.5)) client.send(frame(frameType.settings, 0, 0));
      client.send(randomBytes(prng, prng.below(2000)));
      client.socket.end();
      await until(() => client.closed, `close, seed=${seed}`);
    }
    await stillServes("garbage");
  });

  it("that sends plausible frames in any order is answered or cut off (150 seeds)", async () => {
    for (let seed = 0; seed < 150; seed++) {
      const prng = new Prng(seed);
      const client = await RawClient.dial(running.port);
      client.send(clientPreface, frame(frameType.settings, 0, 0));
      for (let sent = 0; sent < 40 && !client.closed; sent++) client.send(randomFrame(prng));
      client.socket.end();
      await until(() => client.closed, `close, seed=${seed}`);
    }
    await stillServes("plausible frames");
  });

  it("that changes bytes of good traffic, and its chunks, is answered or cut off (150 seeds)", async () => {
    const good = [frame(frameType.settings, 0, 0), frame(frameType.settings, frameFlag.ack, 0)];
    for (let id = 1; id < 20; id += 2) {
      const path = id % 3 === 0 ? "/t.T/Stream" : "/t.T/Echo";
      good.push(frame(1, frameFlag.endHeaders, id, block(callHeaders(path))));
      good.push(frame(0, frameFlag.endStream, id, message("some bytes")));
      good.push(frame(8, 0, 0, uint32(100)));
    }
    for (let seed = 0; seed < 150; seed++) {
      const prng = new Prng(seed);
      const bytes = Buffer.concat(good);
      for (let changes = prng.between(1, 5); changes > 0; changes--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      const client = await RawClient.dial(running.port);
      client.send(clientPreface);
      for (let at = 0; at < bytes.length && !client.closed; ) {
        const end = at + prng.between(1, 400);
        client.send(bytes.subarray(at, end));
        at = end;
      }
      client.socket.end();
      await until(() => client.closed, `close, seed=${seed}`);
    }
    await stillServes("changed bytes");
  });

  it("that leaves in the middle of anything leaves nothing behind (50 seeds)", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const prng = new Prng(seed);
      const client = await RawClient.open(running.port);
      for (let id = 1; id < 16; id += 2) {
        client.headers(id, callHeaders(prng.pick(["/t.T/Stream", "/t.T/Echo"])));
        client.data(id, message(randomBytes(prng, 100)).subarray(0, prng.below(100)));
      }
      if (prng.chance(0.5)) client.socket.resetAndDestroy();
      else client.socket.destroy();
      await until(() => client.closed, `close, seed=${seed}`);
    }
    await stillServes("leaving");
  });
});
