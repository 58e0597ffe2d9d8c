import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { emptyBytes, textOf, utf8 } from "@flotilla/base";
import { askPeer } from "../src/ask.ts";
import { FrameReader, frameHead, frameKind } from "../src/frames.ts";
import { parseHello } from "../src/hello.ts";
import {
  bulkBufferBytesMax,
  handshakeMs,
  idleCheckMs,
  idleChecksMax,
  joinBytesMax,
  strangersMax,
} from "../src/limits.ts";
import {
  addresses,
  arrives,
  freePort,
  loopback,
  ManualTimers,
  pair,
  rawConnection,
  talker,
  turns,
  until,
} from "./fixtures.ts";

describe("peers", () => {
  it("come, move and go", async () => {
    const a = await talker("a", {});
    const b = await talker("b", {});
    a.transport.send("b", utf8("nowhere"));
    a.transport.setPeers(addresses({ b: b.transport.port }));
    await arrives(a, "b", b, "hello");
    await b.transport.close();
    const moved = await talker("b", {});
    a.transport.setPeers(addresses({ b: moved.transport.port }));
    await arrives(a, "b", moved, "hello again");
    a.transport.setPeers(addresses({}));
    await arrives(a, "b", moved, "you are out");
    await Promise.all([a.transport.close(), moved.transport.close()]);
  });

  it("with several addresses are reached by one that answers, in all ways", async () => {
    const nobody = await freePort();
    const ports = [await freePort(), await freePort()];
    const listen = ports.map((port) => ({ host: "127.0.0.1", port }));
    const a = await talker("a", { b: [nobody, ...ports] });
    const b = await talker("b", {}, { listen });
    await arrives(a, "b", b, "hello");
    const outcome = await a.transport.call("b", utf8("are you there"), 5000);
    ok(outcome.kind === "answered");
    await b.transport.close();
    const moved = await talker("b", {}, { port: ports[1] ?? 0 });
    await arrives(a, "b", moved, "hello again");
    a.transport.sendBulk("b", utf8("bulk"));
    await until(() => moved.bulk.length > 0, "bulk");
    await Promise.all([a.transport.close(), moved.transport.close()]);
  });

  it("hear nothing of each other while one is cut off, and all that follows once it is not", async () => {
    const { a, b, portB, close } = await pair();
    await arrives(a, "b", b, "hello");
    await arrives(b, "a", a, "hello");
    a.transport.cutOff(new Set(["b"]));
    await until(() => a.unreachable.length + b.unreachable.length > 0, "a lost connection");
    const before = [a.received.length, b.received.length];
    a.transport.setPeers(addresses({ b: portB, c: await freePort() }));
    const calls = [a.transport.call("b", utf8("x"), 500), b.transport.call("a", utf8("x"), 500)];
    a.transport.send("b", utf8("lost"));
    b.transport.send("a", utf8("lost"));
    deepEqual(
      (await Promise.all(calls)).map(({ kind }) => kind),
      ["failed", "failed"],
    );
    deepEqual([a.received.length, b.received.length], before);
    a.transport.cutOff(new Set());
    await arrives(a, "b", b, "again");
    await arrives(b, "a", a, "again");
    await close();
  });

  it("stay where they are when nothing has changed for them", async () => {
    const { a, b, portB, close } = await pair();
    await arrives(a, "b", b, "hello");
    a.transport.setPeers(addresses({ b: portB, c: await freePort() }));
    a.transport.send("b", utf8("at once")); // A new connection would have to be made first.
    await until(() => b.received.includes("a at once"), "the message");
    ok(!a.warnings.some((line) => line.startsWith("peer lost")));
    await close();
  });
});

describe("guests", () => {
  it("are heard and answered, in all ways (trap T15)", async () => {
    const lagging = await talker("b", {});
    const candidate = await talker("a", { b: lagging.transport.port });
    await arrives(candidate, "b", lagging, "vote for me");
    await arrives(lagging, "a", candidate, "you have my vote");
    const outcome = await lagging.transport.call("a", utf8("who are you"), 5000);
    ok(outcome.kind === "answered");
    lagging.transport.sendBulk("a", utf8("bulk"));
    await until(() => candidate.bulk.length > 0, "bulk");
    await Promise.all([candidate.transport.close(), lagging.transport.close()]);
  });

  it("leave when nothing is said, with all connections, and may come again", async () => {
    const timers = new ManualTimers();
    const host = await talker("b", {}, { timers });
    const guest = await talker("a", { b: host.transport.port });
    await arrives(guest, "b", host, "hello");
    await turns(50); // The last of them.
    for (let check = 0; check <= idleChecksMax; check++) {
      timers.advance(idleCheckMs);
      await turns(5);
    }
    await until(() => guest.unreachable.includes("b"), "the end of its connection");
    await arrives(guest, "b", host, "me again");
    await Promise.all([guest.transport.close(), host.transport.close()]);
  });
});

/** A listener that welcomes everybody, and reads messages but no bulk until it is told to. */
async function deafForBulk() {
  const sockets: { socket: Socket; purpose: string; bytes: number }[] = [];
  const messages: string[] = [];
  const server = createServer((socket) => {
    const known = { socket, purpose: "", bytes: 0 };
    sockets.push(known);
    const reader = new FrameReader(2 ** 26, (kind, body) => {
      if (kind === frameKind.message) messages.push(textOf(body));
      if (kind !== frameKind.hello) return;
      const outcome = parseHello(body);
      if (outcome.kind === "hello") known.purpose = outcome.hello.purpose;
      if (known.purpose === "bulk") socket.pause();
      socket.write(frameHead(frameKind.welcome, emptyBytes));
    });
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      known.bytes += bytes.length;
      reader.push(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const close = () => {
    for (const { socket } of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port, messages, bulk: () => sockets.filter(({ purpose }) => purpose === "bulk"), close };
}

describe("bulk", () => {
  it("arrives in order, beside messages", async () => {
    const { a, b, close } = await pair();
    await arrives(a, "b", b, "hello");
    for (let at = 0; at < 30; at++) a.transport.sendBulk("b", new Uint8Array(60_000).fill(at));
    await until(() => b.bulk.length === 30, "all frames");
    deepEqual(
      b.bulk.map(({ from, frame }) => `${from} ${frame.length} ${frame[59_999]}`),
      Array.from({ length: 30 }, (_, at) => `a 60000 ${at}`),
    );
    await close();
  });

  it("is dropped beyond 4 MiB, holds up no message, and nobody is reported", async () => {
    const deaf = await deafForBulk();
    const a = await talker("a", { b: deaf.port });
    const frame = new Uint8Array(256 * 1024);
    await until(() => {
      a.transport.sendBulk("b", frame);
      return deaf.bulk().length > 0;
    }, "the connection for bulk");
    for (let sent = 0; sent < 50 * bulkBufferBytesMax; sent += frame.length) {
      a.transport.sendBulk("b", frame);
      if (sent % bulkBufferBytesMax === 0) await turns(1);
    }
    await until(() => {
      a.transport.send("b", utf8("heartbeat"));
      return deaf.messages.length > 0;
    }, "a heartbeat");
    deepEqual(a.unreachable, []);
    const [connection] = deaf.bulk();
    ok(connection !== undefined);
    connection.socket.resume();
    let before = -1;
    for (let quiet = 0; quiet < 200; quiet = connection.bytes === before ? quiet + 1 : 0) {
      before = connection.bytes;
      await turns(1);
    }
    // What the system's buffers took comes on top of ours.
    ok(connection.bytes >= bulkBufferBytesMax / 2, `${connection.bytes} bytes arrived`);
    ok(connection.bytes < 5 * bulkBufferBytesMax, `${connection.bytes} bytes arrived`);
    await a.transport.close();
    await deaf.close();
  });

  it("closes its connection when it is not used, and makes it again", async () => {
    const timers = new ManualTimers();
    const { a, b, close } = await pair({ timers });
    const flows = async (count: number) => {
      await until(() => {
        timers.advance(5);
        a.transport.sendBulk("b", utf8("chunk"));
        return b.bulk.length >= count;
      }, "a frame");
    };
    await flows(1);
    const connections = () => a.connected.filter((purpose) => purpose === "bulk").length;
    equal(connections(), 1);
    await turns(50); // The last of them.
    const all = b.bulk.length;
    a.unreachable.length = 0;
    for (let check = 0; check <= idleChecksMax; check++) {
      timers.advance(idleCheckMs);
      await turns(10);
    }
    await flows(all + 1);
    equal(connections(), 2);
    deepEqual(a.unreachable, [], "the connection for messages stays");
    await close();
  });
});

describe("askPeer()", () => {
  it("asks whoever listens there, without saying who it is", async () => {
    const b = await talker("b", {});
    const outcome = await askPeer(loopback(b.transport.port), utf8("who are you"), 5000);
    ok(outcome.kind === "answered");
    equal(textOf(outcome.response), "somebody asked who are you");
    await b.transport.close();
  });

  it("takes answers up to the limit, and asks no question beyond it", async () => {
    const long = new Uint8Array(joinBytesMax - 100).fill(7);
    const b = await talker("b", {}, { handlers: { onJoin: async () => long } });
    const address = loopback(b.transport.port);
    const outcome = await askPeer(address, long, 5000);
    ok(outcome.kind === "answered");
    deepEqual(outcome.response, long);
    const refused = await askPeer(address, new Uint8Array(joinBytesMax + 1), 5000);
    deepEqual(refused, { kind: "failed", reason: "the question is too long" });
    await b.transport.close();
  });

  it("fails with a reason: refusal, nobody there, silence", async () => {
    const b = await talker(
      "b",
      {},
      { handlers: { onJoin: () => Promise.reject(new Error("no")) } },
    );
    const address = loopback(b.transport.port);
    deepEqual(await askPeer(address, emptyBytes, 5000), { kind: "failed", reason: "no" });
    await b.transport.close();
    const absent = await askPeer(address, emptyBytes, 5000);
    ok(absent.kind === "failed");
    match(absent.reason, /Cannot reach http:\/\/127.0.0.1:\d+: .*ECONNREFUSED/);
    const silent = await talker("c", {}, { handlers: { onJoin: () => new Promise(() => {}) } });
    const timers = new ManualTimers();
    const waiting = askPeer(loopback(silent.transport.port), emptyBytes, 1000, { timers });
    await turns(20);
    timers.advance(1000);
    deepEqual(await waiting, { kind: "failed", reason: "timeout" });
    await silent.transport.close();
  });

  it("cannot stay, nor keep others out", async () => {
    const timers = new ManualTimers();
    let asked = 0;
    const handlers = {
      onJoin: () => {
        asked++;
        return new Promise<Uint8Array>(() => {});
      },
    };
    const b = await talker("b", {}, { timers, handlers });
    const address = loopback(b.transport.port);
    const waiting = askPeer(address, emptyBytes, 60_000);
    await until(() => asked === 1, "the question");
    let end = "";
    void waiting.then(({ kind }) => {
      end = kind;
    });
    timers.advance(handshakeMs);
    await until(() => end === "failed", "the end of the connection");
    const many = Array.from({ length: 2 * strangersMax }, () => rawConnection(address.port));
    await Promise.all(many);
    const last = askPeer(address, emptyBytes, 60_000);
    await until(() => asked === 2, "the last question");
    await b.transport.close();
    equal((await last).kind, "failed");
  });
});
