// Connections in memory whose bytes are a little wrong: frames of good traffic, and header blocks of
// good requests. No crash, no call and no connection left behind, and no memory: FUZZ_COUNT says how
// many inputs, FUZZ_SEED where to begin.
import { equal, ok } from "node:assert/strict";
import { Duplex } from "node:stream";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mutateBytes, Prng, silentLogger } from "@flotilla/base";
import { frameFlag, frameType } from "../../src/frame.ts";
import { createGrpcServer, type GrpcServer, type Method } from "../../src/index.ts";
import { clientPreface } from "../../src/preface.ts";
import {
  block,
  callHeaders,
  frame,
  huffman,
  message,
  setting,
  uint32,
  until,
} from "../fixtures.ts";

const count = Number(process.env["FUZZ_COUNT"] ?? 3_000);
const first = Number(process.env["FUZZ_SEED"] ?? 0);
/** Connections open at a time. */
const batchSize = 50;
/** What may be held when all connections are gone, beside noise. */
const leakBytesMax = 32 * 1024 * 1024;

/** The server's end of a connection: what comes is thrown in at once, what goes is dropped. */
class MemorySocket extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.push(null);
    done(error);
  }
}

const echo: Method = { kind: "unary", handle: (_call, request) => request };
const chat: Method = {
  kind: "bidi",
  async handle(call) {
    for await (const request of call.requests) if (!call.write(request)) await call.drained();
  },
};
const large: Method = {
  kind: "unary",
  handle: () => ({ messageBytes: 100_000, parts: [0, 1].map(() => Buffer.alloc(50_000)) }),
};

const { headers, data, settings, ping, windowUpdate, rstStream, continuation } = frameType;
const { endHeaders, endStream, ack, padded, priority } = frameFlag;
const list = block(callHeaders("/t.T/Echo"));

const traffic: readonly Buffer[] = [
  frame(settings, 0, 0, Buffer.concat([setting(1, 0), setting(4, 1000), setting(5, 16_384)])),
  frame(settings, ack, 0),
  frame(headers, endHeaders, 1, list),
  frame(data, endStream, 1, message("one")),
  frame(headers, endHeaders, 3, block(callHeaders("/t.T/Chat", [["grpc-timeout", "5S"]]))),
  frame(data, 0, 3, message("two")),
  frame(data, padded, 3, Buffer.concat([Buffer.from([2]), message("three"), Buffer.alloc(2)])),
  frame(ping, 0, 0, Buffer.alloc(8, 7)),
  frame(headers, 0, 5, list.subarray(0, 20)),
  frame(continuation, endHeaders, 5, list.subarray(20)),
  frame(data, endStream, 5, message("")),
  frame(windowUpdate, 0, 3, uint32(10_000)),
  frame(windowUpdate, 0, 0, uint32(100_000)),
  frame(headers, endHeaders, 7, block(callHeaders("/t.T/Large"))),
  frame(data, endStream, 7, message("x")),
  frame(settings, 0, 0, setting(4, 0)),
  frame(rstStream, 0, 7, uint32(8)),
  frame(headers, endHeaders | priority, 9, Buffer.concat([Buffer.alloc(5), list])),
  frame(2, 0, 9, Buffer.alloc(5)),
  frame(0xbe, 0, 0, Buffer.alloc(3)),
  frame(data, endStream, 3),
];

/** Header blocks: literals, indexed ones, Huffman, table sizes. */
const text = (value: string, isHuffman: boolean): Buffer => {
  const bytes = isHuffman ? huffman([...Buffer.from(value)]) : Buffer.from(value);
  return Buffer.concat([Buffer.from([(isHuffman ? 0x80 : 0) | bytes.length]), bytes]);
};
const indexing = (isHuffman: boolean): Buffer =>
  Buffer.concat([
    Buffer.from([0x20, 0x3f, 0xe1, 0x1f, 0x83, 0x86, 0x44]),
    text("/t.T/Echo", isHuffman),
    Buffer.from([0x5f]),
    text("application/grpc", isHuffman),
    Buffer.from([0x40]),
    text("te", isHuffman),
    text("trailers", isHuffman),
    Buffer.from([0x10]),
    text("grpc-timeout", isHuffman),
    text("1S", isHuffman),
  ]);
const blocks: readonly Buffer[] = [
  list,
  indexing(true),
  indexing(false),
  Buffer.from([0xbe, 0xbf, 0xc0]),
];

function trafficOf(prng: Prng): Uint8Array[] {
  const frames = traffic.filter(() => prng.chance(0.9));
  const bytes = Buffer.concat([frame(settings, 0, 0), ...frames]);
  const changed = mutateBytes(prng, bytes, traffic);
  const cut = prng.below(changed.length + 1);
  return [clientPreface, changed.subarray(0, cut), changed.subarray(cut)];
}

function blocksOf(prng: Prng): Uint8Array[] {
  const sent = Array.from({ length: 4 }, (_, at) => {
    const changed = Buffer.from(mutateBytes(prng, prng.pick(blocks), blocks));
    return frame(headers, endHeaders | endStream, 2 * at + 1, changed.subarray(0, 16_384));
  });
  return [clientPreface, frame(settings, 0, 0), ...sent];
}

describe("connections whose bytes are a little wrong", () => {
  let server: GrpcServer;
  before(() => {
    const methods = new Map<string, Method>([
      ["/t.T/Echo", echo],
      ["/t.T/Chat", chat],
      ["/t.T/Large", large],
    ]);
    server = createGrpcServer({
      methods,
      logger: silentLogger,
      onHttp1: (socket) => socket.destroy(),
    });
  });
  after(() => server.close({ graceMs: 0 }));

  async function attack(make: (prng: Prng) => Uint8Array[], from: number): Promise<void> {
    const sockets: MemorySocket[] = [];
    for (let seed = from; seed < from + batchSize; seed++) {
      const socket = new MemorySocket();
      sockets.push(socket);
      server.accept(socket);
      for (const chunk of make(new Prng(seed))) {
        if (chunk.length > 0 && !socket.destroyed) socket.push(chunk);
      }
    }
    // A turn for what came, and one for what became of it.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of sockets) socket.destroy();
    await until(() => server.connectionCount === 0, `end of the connections from seed=${from}`);
  }

  for (const [what, make] of [
    ["frames", trafficOf],
    ["header blocks", blocksOf],
  ] as const) {
    it(`serves, refuses and forgets them: ${what} (${count} inputs)`, async () => {
      let heldBytes = 0;
      const warmUp = Math.min(count, 2_000);
      for (let at = 0; at < count; at += batchSize) {
        await attack(make, first + at);
        if (at + batchSize === warmUp) heldBytes = usedBytes();
      }
      const more = usedBytes() - heldBytes;
      ok(more < leakBytesMax, `${more} bytes more are held`);
      equal(server.connectionCount, 0);
    });
  }
});

/** After a collection. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}
