import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { emptyBytes, Prng, textOf, utf8 } from "@flotilla/base";
import { frameHead, frameKind } from "../src/frames.ts";
import { encodeHello } from "../src/hello.ts";
import {
  handshakeMs,
  pingMs,
  sendBufferBytesMax,
  silentPingsMax,
  strangersMax,
} from "../src/limits.ts";
import { freePort, ManualTimers, pair, rawConnection, talker, turns, until } from "./fixtures.ts";

describe("messages", () => {
  it("arrive in order, both ways, long ones too", async () => {
    const { a, b, close } = await pair();
    const long = "x".repeat(3_000_000);
    const sent = Array.from({ length: 200 }, (_, at) => (at === 100 ? long : `message ${at}`));
    await until(() => !a.unreachable.includes("b"), "start");
    const flowing = async (from: typeof a, to: typeof b, peer: string) => {
      await until(() => {
        from.transport.send(peer, utf8("hello"));
        return to.received.length > 0;
      }, "the first message");
    };
    await flowing(a, b, "b");
    await flowing(b, a, "a");
    a.received.length = 0;
    b.received.length = 0;
    for (const text of sent) a.transport.send("b", utf8(text));
    for (const text of sent) b.transport.send("a", utf8(text));
    const rest = (all: string[]) => all.filter((text) => !text.endsWith("hello"));
    await until(() => rest(b.received).length === 200 && rest(a.received).length === 200, "all");
    deepEqual(
      rest(b.received),
      sent.map((text) => `a ${text}`),
    );
    deepEqual(
      rest(a.received),
      sent.map((text) => `b ${text}`),
    );
    await close();
  });

  it("wait for the first connection", async () => {
    const { a, b, close } = await pair();
    b.transport.send("a", utf8("early")); // a listens already; the connection is being made.
    await until(() => a.received.length === 1, "the early message");
    deepEqual(a.received, ["b early"]);
    await close();
  });

  it("flow again after the peer came back, and it is reported meanwhile", async () => {
    const { a, b, portA, portB } = await pair();
    await until(() => {
      a.transport.send("b", utf8("1"));
      return b.received.length > 0;
    }, "connection");
    await b.transport.close();
    await until(() => {
      a.transport.send("b", utf8("lost"));
      return a.unreachable.length > 0;
    }, "report");
    const again = await talker("b", { a: portA }, { port: portB });
    await until(() => {
      a.transport.send("b", utf8("2"));
      return again.received.includes("a 2");
    }, "reconnection");
    await Promise.all([a.transport.close(), again.transport.close()]);
  });

  it("are dropped and reported when the peer does not read, in bounded memory", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.pause();
        socket.write(frameHead(frameKind.welcome, emptyBytes));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const a = await talker("a", { b: port });
    await until(() => sockets.length === 1, "connection");
    const message = new Uint8Array(1024 * 1024);
    let sent = 0;
    await until(() => {
      a.transport.send("b", message);
      sent += message.length;
      return a.unreachable.length > 0 && sent > sendBufferBytesMax;
    }, "report");
    ok(sent < 3 * sendBufferBytesMax, `${sent} bytes before the report`);
    await a.transport.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("strangers", () => {
  it("that send garbage are closed, and the peers stay (100 seeds)", async () => {
    const { a, b, portB, close } = await pair();
    for (let seed = 0; seed < 100; seed++) {
      const prng = new Prng(seed);
      const { socket, closed } = await rawConnection(portB);
      const garbage = new Uint8Array(prng.between(9, 5000));
      for (let at = 0; at < garbage.length; at++) garbage[at] = prng.below(256);
      socket.write(garbage);
      await until(closed, `close, seed=${seed}`);
    }
    await until(() => {
      a.transport.send("b", utf8("still there"));
      return b.received.length > 0;
    }, "a message");
    await close();
  });

  it("that announce a frame of 1 GB are closed on sight of it, also after a good hello", async () => {
    const { portB, close } = await pair();
    const giant = new Uint8Array(9);
    new DataView(giant.buffer).setUint32(0, 2 ** 30, true);
    const hello = encodeHello({ purpose: "messages", clusterId: 7n, from: "a", to: "b", url: "" });
    for (const before of [[], [frameHead(frameKind.hello, hello), hello]]) {
      const { socket, closed } = await rawConnection(portB);
      for (const bytes of before) socket.write(bytes);
      socket.write(giant);
      await until(closed, "close");
    }
    await close();
  });

  it("that say nothing do not keep a peer out, and are closed in time", async () => {
    const timers = new ManualTimers();
    const portB = await freePort();
    const b = await talker("b", { a: 1 }, { port: portB, timers });
    const idle = await Promise.all(
      Array.from({ length: 3 * strangersMax }, () => rawConnection(portB)),
    );
    await until(() => idle.filter(({ closed }) => closed()).length >= 2 * strangersMax, "eviction");
    const a = await talker("a", { b: portB });
    await until(() => {
      a.transport.send("b", utf8("let me in"));
      return b.received.length > 0;
    }, "a message past the idle ones");
    timers.advance(handshakeMs);
    await until(() => idle.every(({ closed }) => closed()), "time-out of the idle");
    await Promise.all([a.transport.close(), b.transport.close()]);
  });

  const refusals = [
    ["another cluster", { clusterId: 8n }, "a", "b", /cluster 8, this is 7/],
    ["one that means somebody else", {}, "a", "c", /member c is meant, this is b/],
  ] as const;
  for (const [name, more, from, to, reason] of refusals) {
    it(`are told why they are refused: ${name}`, async () => {
      const portB = await freePort();
      const b = await talker("b", { a: 1 }, { port: portB });
      const other = await talker(from, { [to]: portB }, more);
      await until(() => other.warnings.some((line) => reason.test(line)), "the caller's log line");
      ok(
        b.warnings.some((line) => reason.test(line)),
        "the listener's log line",
      );
      await until(() => {
        other.transport.send(to, utf8("?"));
        return other.unreachable.length > 0;
      }, "unreachable");
      equal(b.received.length, 0);
      await Promise.all([other.transport.close(), b.transport.close()]);
    });
  }
});

describe("a silent connection", () => {
  it("is given up by both sides and made anew", async () => {
    const timers = new ManualTimers();
    const { a, b, close } = await pair({ timers });
    await until(() => {
      timers.advance(5);
      a.transport.send("b", utf8("1"));
      return b.received.length > 0;
    }, "connection");
    // Timers run without the loop reading in between: nobody hears a ping.
    a.unreachable.length = 0;
    for (let tick = 0; tick <= silentPingsMax; tick++) timers.advance(pingMs);
    ok(a.unreachable.includes("b"));
    match(a.warnings.join(), /silent/);
    await until(() => {
      timers.advance(20);
      a.transport.send("b", utf8("2"));
      return b.received.includes("a 2");
    }, "a new connection");
    await close();
  });

  it("is kept alive by pings when there is nothing to say", async () => {
    const timers = new ManualTimers();
    const { a, b, close } = await pair({ timers });
    await until(() => {
      timers.advance(5);
      a.transport.send("b", utf8("1"));
      return b.received.length > 0;
    }, "connection");
    a.unreachable.length = 0;
    a.warnings.length = 0;
    for (let tick = 0; tick < 4 * silentPingsMax; tick++) {
      timers.advance(pingMs);
      await turns(20); // The pings travel.
    }
    equal(a.unreachable.length, 0);
    deepEqual(a.warnings, []);
    await close();
  });
});

describe("calls", () => {
  it("are answered, many at a time", async () => {
    const { a, close } = await pair();
    const asked = Array.from({ length: 500 }, (_, at) =>
      a.transport.call("b", utf8(`${at}`), 5000),
    );
    for (const [at, outcome] of (await Promise.all(asked)).entries()) {
      ok(outcome.kind === "answered");
      equal(textOf(outcome.response), `a asked ${at}`);
    }
    await close();
  });

  it("fail with a reason: time-out, refusal, no peer, peer gone", async () => {
    const timers = new ManualTimers();
    const { a, b, close } = await pair({
      timers,
      handlers: {
        onCall: (_, request) =>
          textOf(request) === "refuse" ? Promise.reject(new Error("no")) : new Promise(() => {}),
      },
    });
    const reason = async (call: ReturnType<typeof a.transport.call>) => {
      const outcome = await call;
      return outcome.kind === "failed" ? outcome.reason : "answered";
    };
    equal(await reason(a.transport.call("b", utf8("refuse"), 1000)), "no");
    const waiting = a.transport.call("b", utf8("wait"), 1000);
    timers.advance(1000);
    equal(await reason(waiting), "timeout");
    match(await reason(a.transport.call("nobody", emptyBytes, 1000)), /no way/);
    const cutOff = a.transport.call("b", utf8("wait"), 1000);
    await b.transport.close();
    match(await reason(cutOff), /closed|reach|ECONN/);
    match(await reason(a.transport.call("b", emptyBytes, 1000)), /Cannot reach b/);
    await close();
  });
});
