import { deepEqual, equal, match } from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { emptyBytes, silentLogger, textOf, utf8 } from "@flotilla/base";
import { selfSignedPair, TlsMaterial } from "@flotilla/pki";
import { type PeerAddress, parsePeerUrl, peerUrlOf } from "../src/address.ts";
import { askPeer } from "../src/ask.ts";
import { PeerError } from "../src/errors.ts";
import { arrives, freePort, talker, until } from "./fixtures.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-peer-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** A certificate that is its own authority, so that only its holders trust each other. */
async function material(name: string, hosts = ["127.0.0.1"]): Promise<TlsMaterial> {
  const pair = await selfSignedPair({ directory: join(directory, name), hosts, validityYears: 1 });
  const checks = { clientCertAuth: true, checksClientAddress: true };
  return new TlsMaterial({ ...pair, ...checks, trustedCaFile: pair.certFile }, silentLogger);
}

const secure = (port: number): PeerAddress => ({ host: "127.0.0.1", port, isSecure: true });

/** Two members, each with its own material, at secure addresses. */
async function securePair(tlsOfA: TlsMaterial, tlsOfB: TlsMaterial) {
  const [portA, portB] = [await freePort(), await freePort()];
  const a = await talker("a", { b: secure(portB) }, { listen: secure(portA), tls: tlsOfA });
  const b = await talker("b", { a: secure(portA) }, { listen: secure(portB), tls: tlsOfB });
  const close = () => Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, portA, portB, close };
}

describe("TLS between members", () => {
  it("carries messages, bulk and calls both ways", async () => {
    const tls = await material("cluster");
    const { a, b, portB, close } = await securePair(tls, tls);
    await arrives(a, "b", b, "to b");
    await arrives(b, "a", a, "to a");
    a.transport.sendBulk("b", utf8("bulk"));
    await until(() => b.bulk.length === 1, "bulk");
    const call = await a.transport.call("b", utf8("why"), 5000);
    equal(call.kind === "answered" ? textOf(call.response) : call.reason, "a asked why");
    const join = await askPeer(secure(portB), emptyBytes, 5000, { tls });
    equal(join.kind, "answered");
    await close();
  });

  it("refuses who has another authority's certificate, and goes on", async () => {
    const [ours, theirs] = [await material("ours"), await material("theirs")];
    const { a, b, portB, close } = await securePair(ours, theirs);
    const complains = (at: typeof a) => at.warnings.some((line) => line.includes("certificate"));
    await until(() => complains(a) && complains(b), "complaints on both sides");
    const join = await askPeer(secure(portB), emptyBytes, 5000, { tls: ours });
    match(join.kind === "failed" ? join.reason : "answered", /certificate/);
    await close();
  });

  it("refuses a certificate that names another place", async () => {
    const tls = await material("elsewhere", ["10.1.2.3"]);
    const { a, close } = await securePair(tls, tls);
    await until(() => a.warnings.some((line) => line.includes("10.1.2.3")), "the name in the log");
    await close();
  });

  it("does not mind who speaks no TLS", async () => {
    const tls = await material("strict");
    const port = await freePort();
    const b = await talker("b", {}, { listen: secure(port), tls });
    const a = await talker("a", { b: port });
    await until(() => b.warnings.length > 0 && a.warnings.length > 0, "complaints on both sides");
    match(b.warnings[0] ?? "", /^rejected connection on peer endpoint/);
    await Promise.all([a.transport.close(), b.transport.close()]);
  });

  it("uses certificates that were replaced, without a restart", async () => {
    const [before, fresh] = [await material("before"), await material("fresh")];
    const port = await freePort();
    const b = await talker("b", {}, { listen: secure(port), tls: before });
    const ask = async (tls: TlsMaterial) =>
      (await askPeer(secure(port), emptyBytes, 5000, { tls })).kind;
    equal(await ask(fresh), "failed");
    const replace = (name: string) =>
      cpSync(join(directory, "fresh", name), join(directory, "before", name));
    for (const name of ["cert.pem", "key.pem"]) replace(name);
    equal(await ask(fresh), "answered");
    await b.transport.close();
  });

  it("cannot listen without a certificate", async () => {
    const refused = talker("a", {}, { listen: secure(0) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await refused;
    equal(error instanceof PeerError && error.code, "cannotListen");
  });
});

describe("several addresses", () => {
  it("is reached at each, the file system included", async () => {
    const port = await freePort();
    const path = join(directory, "b.sock");
    const listen = [{ host: "127.0.0.1", port }, parsePeerUrl(`unix://${path}`)];
    const first = await talker("b", {}, { listen });
    equal(first.transport.port, port);
    for (const address of listen)
      equal((await askPeer(address, emptyBytes, 5000)).kind, "answered");
    await first.transport.close();
  });
});

describe("parsePeerUrl()", () => {
  it("reads what peerUrlOf() writes", () => {
    const urls = ["http://a:1", "https://a:2", "https://[::1]:3", "unix:///a/b", "unixs://m:1"];
    deepEqual(
      urls.map((url) => peerUrlOf(parsePeerUrl(url))),
      urls,
    );
  });
});
