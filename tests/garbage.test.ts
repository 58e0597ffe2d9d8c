// Bytes from strangers at every open port: no crash, and no stall for those who behave.
import { equal, ok } from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { TestCluster, until } from "./harness/index.ts";

/** Connects, writes, and resolves when the other side closes or `holdMs` are over. Never rejects. */
function throwAt(port: number, chunks: readonly Uint8Array[], holdMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(holdMs, end);
    socket.on("error", end);
    socket.on("close", end);
    socket.on("data", () => {});
    for (const chunk of chunks) socket.write(chunk);
  });
}

const http2Preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe("garbage at every port", () => {
  const cluster = TestCluster.create();
  let ports: { readonly name: string; readonly port: number }[] = [];
  before(async () => {
    await cluster.up("--nodes", "1");
    const port = (url: string) => Number(new URL(url).port);
    const { members, apiUrl } = cluster.record;
    ports = [
      ...members.flatMap(({ name, clientUrl, peerUrl, apiUrl }) => [
        { name: `${name} client`, port: port(clientUrl) },
        { name: `${name} peer`, port: port(peerUrl) },
        { name: `${name} api`, port: port(apiUrl) },
      ]),
      { name: "shared api", port: port(apiUrl) },
    ];
  });
  after(() => cluster.close());

  /** Same processes, same term, and a put goes through within a second and a half. */
  async function unharmed(term: number) {
    for (const { pid, name } of cluster.record.members) {
      ok(process.kill(pid, 0), `${name} lives`);
    }
    const began = performance.now();
    await cluster.command("put", "after", "garbage");
    ok(performance.now() - began < 3000, `a put took ${performance.now() - began} ms`);
    const members = await cluster.members();
    for (const member of members) equal(member.term, term, `${member.name} kept its term`);
  }
  const term = async () => (await cluster.members())[0]?.term ?? 0;

  it("random bytes", async () => {
    const before = await term();
    for (const { port } of ports) {
      const attacks = Array.from({ length: 40 }, (_, seed) => {
        const prng = new Prng(seed + port);
        const noise = Uint8Array.from({ length: 1 + prng.below(4000) }, () => prng.below(256));
        return throwAt(port, seed % 2 === 0 ? [noise] : [http2Preface, emptySettings, noise], 300);
      });
      await Promise.all(attacks);
    }
    await unharmed(before);
  });

  it("half frames and a length prefix of 1 GB", async () => {
    const before = await term();
    const gigabyte = new Uint8Array([0x40, 0, 0, 0, 1, 2, 3, 4]);
    const halfHeaders = Buffer.from([0, 0, 200, 1, 4, 0, 0, 0, 1, 0x82]);
    const dataOfAGigabyte = Buffer.from([0, 0, 5, 0, 0, 0, 0, 0, 1, 0, 0x40, 0, 0, 0]);
    for (const { port } of ports) {
      await Promise.all([
        throwAt(port, [gigabyte], 300),
        throwAt(port, [http2Preface, emptySettings, halfHeaders], 300),
        throwAt(port, [http2Preface, emptySettings, dataOfAGigabyte], 300),
        throwAt(port, [http2Preface.subarray(0, 10)], 300),
        throwAt(
          port,
          [Buffer.from("POST /v3/kv/put HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n{")],
          300,
        ),
      ]);
    }
    await unharmed(before);
  });

  it("10,000 idle connections", async () => {
    const before = await term();
    const idle: Socket[] = [];
    const each = Math.floor(10_000 / ports.length);
    for (const { port } of ports) {
      for (let count = 0; count < each; count++) {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => {}); // Refusing it is allowed.
        idle.push(socket);
      }
      const last = idle.at(-1);
      await until("the last of a port to be answered", 20_000, () => last?.connecting === false);
    }
    await unharmed(before);
    for (const socket of idle) socket.destroy();
    await unharmed(before);
  });
});
