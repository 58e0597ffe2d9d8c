import { equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
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
});
