import { deepEqual, equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { Timers } from "@flotilla/base";
import { Prng, silentLogger } from "@flotilla/base";
import { Ports } from "../../src/ports.ts";
import type { Frontend } from "../../src/proxy/frontends.ts";
import { ServiceProxy } from "../../src/proxy/service-proxy.ts";
import { systemTimers } from "../../src/timers.ts";
import { temporaryDirectory, until } from "../fixtures.ts";

const address = "127.0.0.1";

async function proxyOf(
  t: TestContext,
  dataDir = temporaryDirectory(),
  timers: Timers = systemTimers,
) {
  const random = new Prng(7);
  const ports = new Ports(address, random);
  const proxy = new ServiceProxy({
    random,
    timers,
    logger: silentLogger,
    ports,
    address,
    entryAddress: address,
    dataDir,
  });
  await proxy.start();
  t.after(() => proxy.close());
  const freePort = await ports.allocate();
  const serve = (backends: number[], more: Partial<Frontend> = {}) =>
    proxy.update([
      {
        key: "default/web/80",
        entryPort: undefined,
        nodePort: undefined,
        backends: backends.map((port) => ({ address, port })),
        ...more,
      },
    ]);
  return { proxy, serve, freePort, portOf: () => proxy.portOf("default/web/80")! };
}

/** A server that handles each connection by `onSocket`; its port. */
async function backendOf(t: TestContext, onSocket: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, address);
  await once(server, "listening");
  const kill = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  t.after(kill);
  return { port: (server.address() as { port: number }).port, kill };
}

const named = (t: TestContext, name: string) => backendOf(t, (socket) => socket.end(name));

/** Everything that a connection says until it ends; the error's code when it breaks. */
async function ask(port: number, say = ""): Promise<string> {
  const socket = connect({ host: address, port, allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
  });
  socket.end(say);
  return await new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("close", () => resolve(text));
  });
}

async function askMany(port: number, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let at = 0; at < count; at++) {
    const answer = await ask(port);
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

describe("ServiceProxy", () => {
  it("spreads connections over the backends", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const servers = [await named(t, "a"), await named(t, "b"), await named(t, "c")];
    await serve(servers.map(({ port }) => port));
    const counts = await askMany(portOf(), 90);
    deepEqual(Object.keys(counts).sort(), ["a", "b", "c"]);
    for (const count of Object.values(counts)) ok(count > 10, JSON.stringify(counts));
  });

  it("fails no connection while one backend lives", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const servers = [await named(t, "a"), await named(t, "b"), await named(t, "c")];
    await serve(servers.map(({ port }) => port));
    await servers[0]!.kill();
    deepEqual(Object.keys(await askMany(portOf(), 30)).sort(), ["b", "c"]);
    await servers[2]!.kill();
    deepEqual(await askMany(portOf(), 30), { b: 30 });
  });

  it("follows endpoints that come and go", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const a = await named(t, "a");
    const b = await named(t, "b");
    await serve([a.port]);
    deepEqual(await askMany(portOf(), 5), { a: 5 });
    await serve([b.port]);
    deepEqual(await askMany(portOf(), 5), { b: 5 });
  });

  it("leaves connections of a removed endpoint alone", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const echo = await backendOf(t, (socket) => socket.pipe(socket));
    await serve([echo.port]);
    const socket = connect(portOf(), address);
    socket.write("1");
    equal(String((await once(socket, "data"))[0]), "1");
    await serve([]);
    socket.write("2");
    equal(String((await once(socket, "data"))[0]), "2");
    socket.destroy();
  });

  it("holds a connection until an endpoint arrives, and loses nothing of it", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    await serve([]);
    const answer = ask(portOf(), "hello");
    const echo = await backendOf(t, (socket) => socket.pipe(socket));
    await serve([echo.port]);
    equal(await answer, "hello");
  });

  it("waits for a backend that restarts on its port", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const first = await named(t, "first");
    await serve([first.port]);
    await first.kill();
    const answer = ask(portOf());
    const again = createServer((socket) => socket.end("again")).listen(first.port, address);
    t.after(() => new Promise((resolve) => again.close(resolve)));
    equal(await answer, "again");
  });

  it("turns a connection away when no endpoint comes in time, and goes on listening", async (t) => {
    // Only the hold is cut short; everything else keeps its time.
    const timers: Timers = {
      after: (ms, callback) => systemTimers.after(ms === 3_000 ? 20 : ms, callback),
    };
    const { serve, portOf } = await proxyOf(t, undefined, timers);
    await serve([]);
    equal(await ask(portOf()), "");
    const a = await named(t, "a");
    await serve([a.port]);
    equal(await ask(portOf()), "a");
  });

  it("passes a half-close on: the answer may come after the request has ended", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const count = await backendOf(t, (socket) => {
      let size = 0;
      socket.on("data", (chunk) => {
        size += chunk.length;
      });
      socket.on("end", () => socket.end(`got ${size}`));
    });
    await serve([count.port]);
    equal(await ask(portOf(), "x".repeat(1_000_000)), "got 1000000");
  });

  it("delivers a large answer whole to a slow reader, though the backend closes at once", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const size = 8 * 1024 * 1024;
    const large = await backendOf(t, (socket) => socket.end(Buffer.alloc(size, 1)));
    await serve([large.port]);
    const socket = connect({ host: address, port: portOf() });
    let read = 0;
    for await (const chunk of socket) {
      read += (chunk as Buffer).length;
      if (read % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    equal(read, size);
  });

  it("does not cut an answer off when its backend refuses what is still sent to it", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const size = 4 * 1024 * 1024;
    const deaf = await backendOf(t, (socket) => {
      socket.end(Buffer.alloc(size, 1), () => socket.destroy()); // Reads nothing of the request.
    });
    await serve([deaf.port]);
    const socket = connect({ host: address, port: portOf() });
    let read = 0;
    let broke = "";
    socket.on("error", (error) => {
      broke = error.message;
    });
    socket.on("data", (chunk) => {
      read += chunk.length;
    });
    await once(socket, "end");
    deepEqual([read, broke], [size, ""]);
    socket.destroy();
  });

  it("passes a reset on as a reset: a broken answer must not look complete", async (t) => {
    const { serve, portOf } = await proxyOf(t);
    const breaks = await backendOf(t, (socket) => {
      socket.once("data", () => {
        socket.write("half");
        socket.once("data", () => socket.resetAndDestroy());
      });
    });
    await serve([breaks.port]);
    const socket = connect(portOf(), address);
    socket.write("1");
    equal(String((await once(socket, "data"))[0]), "half");
    // A reset that arrives together with data is told as an end by the event loop's library already.
    socket.write("2");
    const [error] = await once(socket, "error");
    equal(error.code, "ECONNRESET");
  });

  it("moves the entry to another node when its holder dies", async (t) => {
    const holder = await proxyOf(t);
    const heir = await proxyOf(t);
    const a = await named(t, "a");
    const b = await named(t, "b");
    const { freePort: entryPort } = holder;
    await holder.serve([a.port], { entryPort });
    await heir.serve([b.port], { entryPort });
    deepEqual(await askMany(entryPort, 5), { a: 5 });
    await holder.proxy.close();
    await until("the heir to listen", async () => (await ask(entryPort)) === "b", 2_000);
  });

  it("offers a node port", async (t) => {
    const { serve, freePort: nodePort } = await proxyOf(t);
    const a = await named(t, "a");
    await serve([a.port], { nodePort });
    equal(await ask(nodePort), "a");
    await serve([a.port]);
    equal(await ask(nodePort), "ECONNREFUSED");
  });

  it("keeps its own ports over a restart", async (t) => {
    const dataDir = temporaryDirectory();
    const first = await proxyOf(t, dataDir);
    await first.serve([]);
    const port = first.portOf();
    await first.proxy.close();
    const second = await proxyOf(t, dataDir);
    await second.serve([]);
    equal(second.portOf(), port);
  });

  it("stops listening for a service that is gone", async (t) => {
    const { proxy, serve, portOf } = await proxyOf(t);
    await serve([]);
    const port = portOf();
    await proxy.update([]);
    equal(await ask(port), "ECONNREFUSED");
    equal(portOf(), undefined);
  });
});
