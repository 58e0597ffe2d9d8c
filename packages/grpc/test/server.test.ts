import { deepEqual, equal, match } from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterEach, describe, it } from "node:test";
import { silentLogger } from "@flotilla/base";
// biome-ignore lint/correctness/noUndeclaredDependencies: the workspace's root has it, for tests.
import * as grpcJs from "@grpc/grpc-js";
import { frameType } from "../src/frame.ts";
import { http2Code } from "../src/http2-error.ts";
import { GrpcError, type Method, statusCode } from "../src/index.ts";
import { callHeaders, message, RawClient, soon, start, stopAll, until } from "./fixtures.ts";

afterEach(stopAll);

const methods: Record<string, Method> = {
  "/t.T/Fail": {
    kind: "unary",
    handle() {
      throw new GrpcError(statusCode.notFound, "nicht da: 100 % weg 🚢");
    },
  },
  "/t.T/Reject": {
    kind: "unary",
    handle: () => Promise.reject(new Error("a secret of the server")),
  },
  "/t.T/Meta": {
    kind: "unary",
    handle: (call) =>
      Buffer.from(`${call.metadata.get("x")} ${call.metadata.getBinary("y-bin")[0]} ${call.path}`),
  },
  "/t.T/Count": {
    kind: "serverStream",
    async handle(call, request) {
      for (let sent = 0; sent < Number(Buffer.from(request)); sent++) {
        if (!call.write(Buffer.from(String(sent)))) await call.drained();
      }
    },
  },
  "/t.T/Half": {
    kind: "serverStream",
    async handle(call) {
      call.write(Buffer.from("one"));
      throw new GrpcError(statusCode.aborted, "enough");
    },
  },
  "/t.T/Sum": {
    kind: "clientStream",
    async handle(call) {
      let sum = 0;
      for await (const bytes of call.requests) sum += bytes.length;
      return Buffer.from(String(sum));
    },
  },
  "/t.T/Chat": {
    kind: "bidi",
    async handle(call) {
      for await (const bytes of call.requests) if (!call.write(bytes)) await call.drained();
    },
  },
};

/** A grpc-js client whose messages are bytes. */
function clientOf(port: number) {
  const bytes = (value: Buffer): Buffer => value;
  const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
    path,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  });
  const Client = grpcJs.makeGenericClientConstructor(
    { placeholder: method("/t.T/Echo", false, false) },
    "T",
  );
  const client = new Client(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
  return {
    client,
    unary(path: string, body: Buffer | string, metadata = new grpcJs.Metadata()): Promise<string> {
      return new Promise((resolve) => {
        client.makeUnaryRequest(
          path,
          bytes,
          bytes,
          Buffer.from(body as string),
          metadata,
          {},
          (error, value) =>
            resolve(error === null ? String(value) : `${error.code} ${error.details}`),
        );
      });
    },
    serverStream: (path: string, body: string) =>
      client.makeServerStreamRequest(path, bytes, bytes, Buffer.from(body)),
    clientStream: (path: string, done: (result: string) => void) =>
      client.makeClientStreamRequest(path, bytes, bytes, (error, value) =>
        done(error === null ? String(value) : error.details),
      ),
    bidi: (path: string) => client.makeBidiStreamRequest(path, bytes, bytes),
  };
}

describe("a grpc-js client", () => {
  it("makes unary calls", async () => {
    const running = await start(methods);
    const { unary, client } = clientOf(running.port);
    equal(await unary("/t.T/Echo", "hello"), "hello");
    equal(await unary("/t.T/Echo", ""), "");
    equal((await unary("/t.T/Echo", Buffer.alloc(1_500_000, 65))).length, 1_500_000);
    equal(await unary("/t.T/Fail", "a"), "5 nicht da: 100 % weg 🚢");
    equal(await unary("/t.T/Reject", "a"), "2 grpc: the server failed to handle the call");
    equal(await unary("/t.T/Nope", "a"), "12 unknown method Nope for service t.T");
    const metadata = new grpcJs.Metadata();
    metadata.set("x", "1");
    metadata.set("y-bin", Buffer.from([0, 255]));
    equal(await unary("/t.T/Meta", "a", metadata), "1 0,255 /t.T/Meta");
    const all = await Promise.all(
      Array.from({ length: 500 }, (_, at) => unary("/t.T/Echo", String(at))),
    );
    deepEqual(
      all,
      Array.from({ length: 500 }, (_, at) => String(at)),
    );
    client.close();
  });

  it("streams in every direction", async () => {
    const running = await start(methods);
    const { serverStream, clientStream, bidi, client } = clientOf(running.port);
    const counted: string[] = [];
    for await (const value of serverStream("/t.T/Count", "300")) counted.push(String(value));
    deepEqual(
      counted,
      Array.from({ length: 300 }, (_, at) => String(at)),
    );

    const half = serverStream("/t.T/Half", "");
    const got: string[] = [];
    half.on("data", (value) => got.push(String(value)));
    const [error] = await once(half, "error");
    equal(`${got} ${error.code} ${error.details}`, "one 10 enough");

    const sum = await new Promise<string>((resolve) => {
      const stream = clientStream("/t.T/Sum", resolve);
      for (let sent = 0; sent < 50; sent++) stream.write(Buffer.alloc(40_000));
      stream.end();
    });
    equal(sum, "2000000");

    const chat = bidi("/t.T/Chat");
    for (const word of ["a", "b", "c"]) {
      const answer = once(chat, "data");
      chat.write(Buffer.from(word));
      equal(String((await answer)[0]), word);
    }
    chat.end();
    await once(chat, "end");
    client.close();
  });

  it("cancels, and the handler hears of it", async () => {
    let aborted = false;
    const endless: Method = {
      kind: "bidi",
      async handle(call) {
        call.signal.addEventListener("abort", () => {
          aborted = true;
        });
        call.write(Buffer.from("started"));
        for await (const _ of call.requests) {
        }
      },
    };
    const running = await start({ "/t.T/Endless": endless });
    const { bidi, client } = clientOf(running.port);
    const call = bidi("/t.T/Endless");
    call.on("error", () => {});
    await once(call, "data");
    call.cancel();
    await until(() => aborted, "abort");
    client.close();
  });
});

describe("Node's HTTP/2 client", () => {
  it("is served, with its Huffman-coded and indexed headers", async () => {
    const running = await start(methods);
    const session = connectHttp2(`http://127.0.0.1:${running.port}`);
    for (let round = 0; round < 5; round++) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/t.T/Meta",
        "content-type": "application/grpc",
        te: "trailers",
        x: `~${"é|".repeat(round)}~`,
        "y-bin": "AA",
      });
      stream.end(message(""));
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      const [[trailers]] = await Promise.all([once(stream, "trailers"), once(stream, "end")]);
      equal(trailers["grpc-status"], "0");
      equal(Buffer.concat(chunks).subarray(5).toString(), `~${"é|".repeat(round)}~ 0 /t.T/Meta`);
    }
    session.close();
  });
});

describe("sockets", () => {
  it("hands over what does not speak HTTP/2, with its first bytes", async () => {
    const http = createHttpServer((request, response) => response.end(`you asked ${request.url}`));
    const running = await start(
      {},
      {},
      {
        onHttp1(socket, firstBytes) {
          socket.pause();
          socket.unshift(firstBytes);
          http.emit("connection", socket);
          socket.resume();
        },
      },
    );
    for (const cut of [1, 3, 20]) {
      const socket = connect({ port: running.port, host: "127.0.0.1", noDelay: true });
      const request = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
      socket.write(request.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(request.slice(cut));
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      await soon(once(socket, "close"), "close");
      match(text, /200 OK[\s\S]*you asked \/health/);
    }
    equal(running.server.connectionCount, 0);
  });

  it("closes what it cannot hand over", async () => {
    const running = await start();
    const client = await RawClient.dial(running.port);
    client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await until(() => client.closed, "close");
  });
});

describe("GrpcServer.close()", () => {
  it("lets unary calls finish, ends streams, and takes no new calls", async () => {
    const release: (() => void)[] = [];
    const hold: Method = {
      kind: "unary",
      handle: (_call, request) => new Promise((resolve) => release.push(() => resolve(request))),
    };
    const running = await start({ ...methods, "/t.T/Hold": hold });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Hold", "last words");
    client.headers(3, callHeaders("/t.T/Chat"));
    await client.roundTrip();
    const closed = running.server.close({ graceMs: 60_000 });
    equal(await client.status(3), "14 the server is shutting down");
    await client.find((f) => f.type === frameType.goaway, "GOAWAY");
    client.call(5, "/t.T/Echo", "was on its way");
    equal((await client.answer(5)).messages.join(), "was on its way");
    const ping = await client.find((f) => f.type === frameType.ping && f.flags === 0, "PING");
    client.send(Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0]), ping.payload);
    await client.find(
      (f) => f.type === frameType.goaway && f.payload.readUInt32BE(0) === 5,
      "final GOAWAY",
    );
    client.call(7, "/t.T/Echo", "too late");
    equal(await client.resetCode(7), http2Code.refusedStream);
    release[0]?.();
    equal((await client.answer(1)).messages.join(), "last words");
    await soon(closed, "end of close()");
    await until(() => client.closed, "close");
  });

  it("cuts what is left after its grace", async () => {
    const hold: Method = { kind: "unary", handle: () => new Promise(() => {}) };
    const running = await start({ "/t.T/Hold": hold });
    const client = await RawClient.open(running.port);
    const silent = await RawClient.dial(running.port);
    client.call(1, "/t.T/Hold", "a");
    await client.roundTrip();
    await soon(running.server.close({ graceMs: 1 }), "end of close()");
    await until(() => client.closed && silent.closed, "close");
  });

  it("logs what a handler throws, and does not tell the client", async () => {
    const lines: string[] = [];
    const logger = {
      ...silentLogger,
      error: (text: string, fields?: object) => lines.push(`${text} ${JSON.stringify(fields)}`),
    };
    const running = await start(methods, {}, { logger });
    const client = await RawClient.open(running.port);
    client.call(1, "/t.T/Reject", "a");
    equal(await client.status(1), "2 grpc: the server failed to handle the call");
    match(lines.join(), /handler failed.*Reject.*a secret of the server/);
  });
});
