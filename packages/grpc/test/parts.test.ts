import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { type LogFields, silentLogger } from "@flotilla/base";
import { frameType } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import { collectMessage, GrpcError, type Method, statusCode } from "../src/index.ts";
import { frame, RawClient, smallWindow, start, stopAll, uint32, until } from "./fixtures.ts";

afterEach(stopAll);

const windowUpdate = (streamId: number, bytes: number): Buffer =>
  frame(frameType.windowUpdate, 0, streamId, uint32(bytes));

/** Gives parts of `partBytes`, and counts those that were taken; `closed` when it was left early. */
class Source {
  taken = 0;
  closed = false;
  readonly messageBytes: number;
  readonly #partBytes: number;

  constructor(messageBytes: number, partBytes: number) {
    this.messageBytes = messageBytes;
    this.#partBytes = partBytes;
  }

  async *parts(): AsyncGenerator<Uint8Array> {
    let isThrough = false;
    try {
      for (let left = this.messageBytes; left > 0; left -= this.#partBytes) {
        this.taken++;
        yield Buffer.alloc(Math.min(left, this.#partBytes), this.taken);
      }
      isThrough = true;
    } finally {
      this.closed = !isThrough;
    }
  }

  get message(): { messageBytes: number; parts: AsyncGenerator<Uint8Array> } {
    return { messageBytes: this.messageBytes, parts: this.parts() };
  }
}

const large = (source: Source): Method => ({ kind: "unary", handle: async () => source.message });

function dataBytes(client: RawClient, streamId: number): number {
  return client.frames
    .filter(({ type, streamId: id }) => type === frameType.data && id === streamId)
    .reduce((bytes, { payload }) => bytes + payload.length, 0);
}

describe("a message in parts", () => {
  it("arrives as one message", async () => {
    const source = new Source(300_000, 70_000);
    const running = await start({ "/t.T/Large": large(source) });
    const client = await RawClient.open(running.port, smallWindow(2 ** 31 - 1));
    client.send(windowUpdate(0, 10_000_000));
    client.call(1, "/t.T/Large");
    const { messages, headers } = await client.answer(1);
    deepEqual(
      messages.map(({ length }) => length),
      [300_000],
    );
    equal(messages[0]?.[299_999], 5);
    equal(headers.get("grpc-status"), "0");
    equal(source.closed, false);
  });

  it("is taken no faster than the client reads it", async () => {
    const source = new Source(100_000_000, 50_000);
    const running = await start({ "/t.T/Large": large(source) }, { streamOutboxBytes: 200_000 });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Large");
    await until(() => dataBytes(client, 1) === 65_535, "a full window");
    await client.roundTrip();
    ok(source.taken <= 7, `${source.taken} parts were taken`);
    client.send(windowUpdate(1, 500_000), windowUpdate(0, 500_000));
    await until(() => dataBytes(client, 1) === 565_535, "half a million bytes more");
    await client.roundTrip();
    ok(source.taken <= 17, `${source.taken} parts were taken`);
    client.send(frame(frameType.rstStream, 0, 1, uint32(http2Code.cancel)));
    await until(() => source.closed, "the end of the source");
  });

  it("may be empty, and may come from an array", async () => {
    const running = await start({
      "/t.T/Empty": { kind: "unary", handle: () => ({ messageBytes: 0, parts: [] }) },
      "/t.T/Array": {
        kind: "unary",
        handle: () => ({ messageBytes: 3, parts: [Buffer.from("ab"), Buffer.from("c")] }),
      },
    });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Empty");
    equal((await client.answer(1)).messages.length, 1);
    client.call(3, "/t.T/Array");
    equal((await client.answer(3)).messages.join(), "abc");
  });

  it("of a stream stands between its other messages", async () => {
    const many: Method = {
      kind: "serverStream",
      async handle(call, request) {
        call.write(request);
        await call.writeInParts(new Source(100_000, 30_000).message);
        call.write(request);
      },
    };
    const running = await start({ "/t.T/Many": many });
    const client = await RawClient.open(running.port, smallWindow(1_000_000));
    client.send(windowUpdate(0, 1_000_000));
    client.call(1, "/t.T/Many", "x");
    const { messages } = await client.answer(1);
    deepEqual(
      messages.map(({ length }) => length),
      [1, 100_000, 1],
    );
  });

  it("that fails before its first part ends the call with that status", async () => {
    // biome-ignore lint/correctness/useYield: it fails before it could.
    async function* failing(): AsyncGenerator<Uint8Array> {
      throw new GrpcError(statusCode.unavailable, "not now");
    }
    const handle = () => ({ messageBytes: 10, parts: failing() });
    const running = await start({ "/t.T/Fails": { kind: "unary", handle } });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Fails");
    equal(await client.status(1), "14 not now");
  });

  it("that fails in the middle resets the stream and is logged", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(5);
      throw new Error("disk on fire");
    }
    const logged: (LogFields | undefined)[] = [];
    const logger = { ...silentLogger, error: (_: string, to?: LogFields) => logged.push(to) };
    const handle = () => ({ messageBytes: 10, parts: failing() });
    const running = await start({ "/t.T/Fails": { kind: "unary", handle } }, {}, { logger });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Fails");
    equal(await client.resetCode(1), http2Code.internalError);
    equal(logged[0]?.["error"], "Error: disk on fire");
    client.call(3, "/t.T/Echo", "a");
    equal((await client.answer(3)).messages.join(), "a");
  });

  it("holds up neither a small answer nor a ping", async () => {
    const source = new Source(20_000_000, 200_000);
    const running = await start({ "/t.T/Large": large(source) });
    const client = await RawClient.open(running.port, smallWindow(2 ** 31 - 1));
    client.send(windowUpdate(0, 2 ** 30));
    client.call(1, "/t.T/Large");
    await until(() => dataBytes(client, 1) > 0, "the beginning");
    client.call(3, "/t.T/Echo", "small");
    await client.roundTrip();
    await client.answer(3);
    ok(dataBytes(client, 1) < 15_000_000, `${dataBytes(client, 1)} bytes came before`);
    await client.answer(1);
  });
});

describe("collectMessage()", () => {
  it("gives the bytes of any message", async () => {
    equal((await collectMessage(Buffer.from("a"))).length, 1);
    equal((await collectMessage(new Source(100, 30).message)).length, 100);
    await rejects(collectMessage({ messageBytes: 5, parts: [Buffer.alloc(4)] }), /announced size/);
  });
});
