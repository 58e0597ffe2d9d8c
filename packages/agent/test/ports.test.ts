import { equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { Ports, portCount, portFirst } from "../src/ports.ts";

const address = "127.0.0.1";

describe("Ports", () => {
  it("gives out ports of its range, none twice until it is released", async () => {
    const ports = new Ports(address, new Prng(3));
    const given = new Set<number>();
    for (let at = 0; at < 20; at++) given.add(await ports.allocate());
    equal(given.size, 20);
    for (const port of given) ok(port >= portFirst && port < portFirst + portCount);
  });

  it("passes over ports that somebody else listens on", async (t) => {
    // The same seed picks the same port first.
    const wanted = await new Ports(address, new Prng(5)).allocate();
    const server = createServer().listen(wanted, address);
    t.after(() => server.close());
    await once(server, "listening");
    const ports = new Ports(address, new Prng(5));
    equal(await ports.isFree(wanted), false);
    ok((await ports.allocate()) !== wanted);
  });

  it("passes over ports that are reserved", async () => {
    const wanted = await new Ports(address, new Prng(9)).allocate();
    const ports = new Ports(address, new Prng(9));
    ports.reserve(wanted);
    ok((await ports.allocate()) !== wanted);
  });

  it("is not held up by clients that look for somebody else on the port", async (t) => {
    const ports = new Ports(address, new Prng(11));
    const port = await ports.allocate();
    let isOver = false;
    const clients = Array.from({ length: 20 }, async () => {
      while (!isOver) {
        const socket = connect(port, address);
        t.after(() => socket.destroy());
        await new Promise((resolve) => socket.once("error", resolve).once("close", resolve));
      }
    });
    for (let at = 0; at < 50; at++) equal(await ports.isFree(port), true);
    isOver = true;
    await Promise.all(clients);
  });
});
