import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { silentLogger } from "@flotilla/base";
import { selfSignedPair, TlsMaterial } from "@flotilla/pki";
import { Authority } from "@flotilla/pki/testing";
import { type ListenAddress, type Listener, openListener } from "../src/listen.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-listen-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A listener that says hello. */
function greeter(address: ListenAddress): Promise<Listener> {
  return openListener(address, silentLogger, (socket) => {
    socket.on("error", () => {});
    socket.end("hello");
  });
}

async function heard(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

describe("openListener()", () => {
  let pair: { readonly certFile: string; readonly keyFile: string };
  before(async () => {
    pair = await selfSignedPair({ directory: folder, hosts: ["127.0.0.1"], validityYears: 1 });
  });

  /** What a client that offers `protocols` is answered with; `none` when the handshake fails. */
  async function protocolOf(serves: ListenAddress["serves"], protocols: string[]): Promise<string> {
    const tls = new TlsMaterial(pair, silentLogger);
    const more = serves === undefined ? {} : { serves };
    const listener = await greeter({ host: "127.0.0.1", port: 0, tls, ...more });
    const ca = readFileSync(pair.certFile);
    const options = { host: "127.0.0.1", port: listener.port, ca };
    const socket = connectTls({ ...options, ALPNProtocols: protocols });
    const agreed = await once(socket, "secureConnect").then(
      () => String(socket.alpnProtocol),
      () => "none",
    );
    socket.destroy();
    await listener.close();
    return agreed;
  }

  // biome-ignore format: a table
  const cases: readonly (readonly [string, ListenAddress["serves"], string[], string])[] = [
    ["gRPC's clients",                     undefined, ["h2"],             "h2"],
    ["who knows both",                     undefined, ["http/1.1", "h2"], "h2"],
    ["whoever knows both, without HTTP",   "grpc",    ["h2", "http/1.1"], "h2"],
    ["who knows only HTTP/1.1",            "all",     ["http/1.1"],       "http/1.1"],
    ["who wants neither",                  undefined, ["spdy/3"],         "none"],
    ["gRPC's clients, where HTTP is",      "http",    ["h2"],             "none"],
    ["scrapers, where metrics are",        "metrics", ["h2", "http/1.1"], "http/1.1"],
  ];
  for (const [who, serves, offered, want] of cases) {
    it(`agrees on ${want} with ${who}`, async () => {
      equal(await protocolOf(serves, offered), want);
    });
  }

  it("takes the name in a certificate for who it is only where the option says so", async (context) => {
    const authority = await Authority.make();
    context.after(() => authority.remove());
    const { certFile, keyFile } = await authority.issue({ name: "root" });
    const nameAt = async (clientCertAuth: boolean): Promise<string> => {
      const options = { certFile, keyFile, trustedCaFile: authority.caFile, clientCertAuth };
      const tls = new TlsMaterial(options, silentLogger);
      const listener = await openListener(
        { host: "127.0.0.1", port: 0, tls },
        silentLogger,
        (socket, clientName) => {
          socket.on("error", () => {});
          socket.end(clientName ?? "nobody");
        },
      );
      const { context } = tls.current("client");
      const address = { host: "127.0.0.1", port: listener.port, secureContext: context };
      const socket = connectTls({ ...address, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
      const name = await heard(socket);
      await listener.close();
      return name;
    };
    deepEqual([await nameAt(true), await nameAt(false)], ["root", "nobody"]);
  });

  it("listens in the file system, also where a dead process has left its socket", async () => {
    const path = join(folder, "sock");
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(path, resolve));
    const listener = await greeter({ host: "", port: 0, path }); // As if nobody answered there.
    deepEqual([listener.port, await heard(connect(path))], [0, "hello"]);
    await listener.close();
    await new Promise((resolve) => dead.close(resolve));
    equal(existsSync(path), false);
  });

  it("does not touch a file that is no socket", async () => {
    await rejects(greeter({ host: "", port: 0, path: pair.certFile }), { code: "EADDRINUSE" });
    match(readFileSync(pair.certFile, "latin1"), /BEGIN CERTIFICATE/);
  });
});
