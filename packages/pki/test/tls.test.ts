import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectPlain, type Server } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { silentLogger } from "@flotilla/base";
import {
  connectTls,
  createTlsServer,
  PkiError,
  selfSignedPair,
  TlsMaterial,
  type TlsOptions,
} from "../src/index.ts";
import { objectionToAddress } from "../src/verify.ts";
import { Authority, type Issued, loopback } from "./authority.ts";
import { RecordedLog, until } from "./fixtures.ts";

let authority: Authority;
let server: Issued;
let alice: Issued;

before(async () => {
  authority = await Authority.make();
  server = await authority.issue({ name: "server", hosts: loopback });
  alice = await authority.issue({ name: "alice", uses: ["client"] });
});
after(() => authority.remove());

const pairOf = ({ certFile, keyFile }: Issued) => ({ certFile, keyFile });

/** What a server with `options` says to a client with `client`: the name it heard, or the complaint in its log. */
async function meet(options: TlsOptions, client: TlsOptions): Promise<string> {
  const log = new RecordedLog();
  await using listening = await Listening.open(options, log);
  const outcome = await listening.dial(client);
  if (outcome === "refused") {
    const complaint = log.lines.find(({ message }) => message.startsWith("rejected connection"));
    return String(complaint?.fields["error"] ?? "the client refused");
  }
  return outcome;
}

class Listening {
  readonly #server: Server;

  private constructor(listener: Server) {
    this.#server = listener;
  }

  static async open(options: TlsOptions, log: RecordedLog): Promise<Listening> {
    const listener = createTlsServer({
      material: new TlsMaterial(options, log),
      logger: log,
      endpoint: "client",
      chooseProtocol: (offered) => offered.find((protocol) => protocol === "h2"),
      onConnection: (socket, clientName) => {
        socket.on("error", () => {});
        socket.end(`hello ${clientName ?? "stranger"}`);
      },
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new Listening(listener);
  }

  /** What was read until the end, or `refused`. */
  async dial(client: TlsOptions, seen: (socket: TLSSocket) => void = () => {}): Promise<string> {
    const { port } = this;
    const socket: TLSSocket = connectTls(
      { host: "127.0.0.1", port },
      new TlsMaterial(client, silentLogger),
      () => seen(socket),
    );
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("error", () => {});
    await new Promise((done) => socket.on("close", done));
    return text === "" ? "refused" : text;
  }

  /** What a client is told that shows `client`, if anything: its error's code, or `end`. */
  async told(client: TlsOptions, maxVersion: "TLSv1.2" | "TLSv1.3"): Promise<string> {
    const options = { host: "127.0.0.1", port: this.port };
    const socket = connectTls(
      options,
      new TlsMaterial({ ...client, maxVersion }, silentLogger),
      () => socket.write("what a client of HTTP/2 says first"),
    );
    socket.resume();
    return new Promise((done) => {
      socket.on("error", (error) => done("code" in error ? String(error.code) : error.message));
      socket.on("end", () => done("end"));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What the two agree on. */
  async offer(protocols: string[]): Promise<string> {
    const { port } = this;
    const ca = readFileSync(authority.caFile);
    const socket = connect({ host: "127.0.0.1", port, ca, ALPNProtocols: protocols });
    return new Promise((done) => {
      socket.on("secureConnect", () => done(String(socket.alpnProtocol)));
      socket.on("error", () => done("refused"));
      socket.resume();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((done) => this.#server.close(done));
  }
}

describe("TLS server and dial", () => {
  const trusting = () => ({ trustedCaFile: authority.caFile });

  it("admits who trusts its authority, without asking for a certificate", async () => {
    assert.equal(await meet(pairOf(server), trusting()), "hello stranger");
  });

  it("is refused by who does not know its authority", async () => {
    const foreign = await Authority.make();
    const said = await meet(pairOf(server), { trustedCaFile: foreign.caFile });
    foreign.remove();
    assert.match(said, /unknown ca|the client refused/i);
  });

  it("asks for a certificate as soon as there is an authority, and names its holder", async () => {
    const options = { ...pairOf(server), ...trusting() };
    assert.equal(await meet(options, { ...trusting(), ...pairOf(alice) }), "hello alice");
    assert.equal(await meet(options, trusting()), "tls: client didn't provide a certificate");
  });

  it("tells who shows no certificate by an alert", async () => {
    const options = { ...pairOf(server), ...trusting() };
    await using listening = await Listening.open(options, new RecordedLog());
    assert.equal(
      await listening.told(trusting(), "TLSv1.3"),
      "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    );
    assert.equal(
      await listening.told(trusting(), "TLSv1.2"),
      "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    );
  });

  it("ends a connection that it refuses, without a reset", async () => {
    const options = { ...pairOf(server), ...trusting(), allowedNames: ["bob"] };
    await using listening = await Listening.open(options, new RecordedLog());
    assert.equal(await listening.told({ ...trusting(), ...pairOf(alice) }, "TLSv1.3"), "end");
  });

  it("logs who hangs up in the handshake, or does not speak TLS, in etcd's words", async () => {
    const log = new RecordedLog();
    await using listening = await Listening.open({ ...pairOf(server), ...trusting() }, log);
    for (const bytes of ["", "\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n", "not TLS at all"]) {
      const socket = connectPlain({ host: "127.0.0.1", port: listening.port }, () => {
        if (bytes === "") socket.end();
        else socket.write(bytes, "latin1", () => bytes.length > 3 || socket.end());
      });
      const { length } = log.lines;
      await once(socket, "connect");
      const from = `127.0.0.1:${socket.localPort}`;
      await once(socket.resume(), "close");
      await until(() => log.lines.length > length);
      assert.equal(log.lines.at(-1)?.fields["remote-addr"], from);
    }
    assert.deepEqual(
      log.lines.map(({ fields }) => fields["error"]),
      [
        "EOF",
        "EOF",
        "tls: first record does not look like a TLS handshake",
        "tls: first record does not look like a TLS handshake",
      ],
    );
  });

  it("takes the last of several common names, as etcd does", async () => {
    const options = { ...pairOf(server), ...trusting() };
    const both = await authority.issue({ name: "bob, CN=carol", uses: ["client"], file: "both" });
    assert.equal(await meet(options, { ...trusting(), ...pairOf(both) }), "hello carol");
    const named = await meet(
      { ...options, allowedNames: ["bob"] },
      { ...trusting(), ...pairOf(both) },
    );
    assert.match(named, /^CommonName authentication failed: "carol"/);
  });

  it("refuses a certificate of another authority, and one that is for servers only", async () => {
    const options = { ...pairOf(server), ...trusting() };
    const foreign = await Authority.make();
    const stranger = await foreign.issue({ name: "alice", uses: ["client"] });
    assert.match(await meet(options, { ...trusting(), ...pairOf(stranger) }), /verify|certificate/);
    foreign.remove();
    const only = await authority.issue({ name: "only-server", uses: ["server"] });
    assert.match(await meet(options, { ...trusting(), ...pairOf(only) }), /purpose|verify/);
  });

  it("checks common names and host names where they are limited", async () => {
    const options = { ...pairOf(server), ...trusting() };
    const client = { ...trusting(), ...pairOf(alice) };
    assert.equal(await meet({ ...options, allowedNames: ["bob", "alice"] }, client), "hello alice");
    assert.match(
      await meet({ ...options, allowedNames: ["bob"] }, client),
      /^CommonName authentication failed/,
    );
    const named = await authority.issue({ name: "named", hosts: ["a.example"], uses: ["client"] });
    const other = { ...trusting(), ...pairOf(named) };
    assert.equal(await meet({ ...options, allowedHostnames: ["a.example"] }, other), "hello named");
    assert.match(
      await meet({ ...options, allowedHostnames: ["b.example"] }, other),
      /^hostname authentication/,
    );
  });

  it("checks where a member comes from", async () => {
    const options = { ...pairOf(server), ...trusting(), checksClientAddress: true };
    const [here, there] = await Promise.all([
      authority.issue({ name: "here", hosts: ["127.0.0.1"] }),
      authority.issue({ name: "there", hosts: ["10.9.8.7"] }),
    ]);
    assert.equal(await meet(options, { ...trusting(), ...pairOf(here) }), "hello here");
    assert.match(await meet(options, { ...trusting(), ...pairOf(there) }), /does not match any/);
    assert.equal(await meet(options, { ...trusting(), ...pairOf(alice) }), "hello alice");
  });

  for (const form of ["pem", "der"] as const) {
    it(`refuses what its list of revoked certificates names (${form})`, async () => {
      const bob = await authority.issue({ name: "bob", uses: ["client"] });
      const crlFile = await authority.revoke([bob.serialNumber], form);
      const options = { ...pairOf(server), ...trusting(), crlFile };
      assert.equal(
        await meet(options, { ...trusting(), ...pairOf(bob) }),
        "certificate is revoked",
      );
      assert.equal(await meet(options, { ...trusting(), ...pairOf(alice) }), "hello alice");
    });
  }

  it("refuses what an authority has issued that is itself revoked", async () => {
    const below = await authority.delegate();
    const dave = await below.issue({ name: "dave", uses: ["client"] });
    const client = { ...trusting(), ...pairOf(dave) };
    const options = { ...pairOf(server), ...trusting(), crlFile: await authority.revoke([]) };
    assert.equal(await meet(options, client), "hello dave");
    await authority.revoke([below.serialNumber]);
    assert.equal(await meet(options, client), "certificate is revoked");
    below.remove();
  });

  it("takes no common name for a host name", async () => {
    const options = { ...pairOf(server), ...trusting(), allowedHostnames: ["a.example"] };
    const named = await authority.issue({ name: "a.example", uses: ["client"] });
    const said = await meet(options, { ...trusting(), ...pairOf(named) });
    assert.match(said, /^hostname authentication/);
  });

  it("shows a new certificate, asks a new list and keeps the last good files, without a restart", async () => {
    const names = ["127.0.0.1"];
    const first = await authority.issue({ name: "first", hosts: names, file: "rotated" });
    const crlFile = await authority.revoke([]);
    const log = new RecordedLog();
    const trusted = join(authority.directory, "trusted.crt");
    writeFileSync(trusted, readFileSync(authority.caFile));
    const options = { ...pairOf(first), trustedCaFile: trusted, crlFile };
    await using listening = await Listening.open(options, log);
    const shown: unknown[] = [];
    const client = { ...trusting(), ...pairOf(alice) };
    const dial = () =>
      listening.dial(client, (socket) => shown.push(socket.getPeerCertificate().subject.CN));
    assert.equal(await dial(), "hello alice");
    const second = await authority.issue({ name: "second", hosts: names, file: "rotated" });
    assert.equal(await dial(), "hello alice");
    writeFileSync(second.certFile, "half a cer");
    assert.equal(await dial(), "hello alice");
    const authorities = readFileSync(trusted);
    for (const part of [authorities.subarray(0, 0), authorities.subarray(0, 200)]) {
      writeFileSync(trusted, part);
      assert.equal(await dial(), "hello alice");
    }
    writeFileSync(trusted, authorities);
    assert.deepEqual(shown, ["first", "second", "second", "second", "second"]);
    assert.equal(
      log.lines.at(-1)?.message,
      "TLS files cannot be used, going on with those of before",
    );
    await authority.revoke([alice.serialNumber]);
    await dial();
    assert.equal(log.lines.at(-1)?.fields["error"], "certificate is revoked");
  });

  it("serves with a certificate of its own making", async () => {
    const directory = join(authority.directory, "auto");
    const asked = { directory, hosts: ["127.0.0.1"], validityYears: 1 };
    const pair = await selfSignedPair(asked);
    assert.deepEqual(await selfSignedPair({ ...asked, hosts: ["other"] }), pair);
    assert.equal(await meet(pair, { isSelfSigned: true }), "hello stranger");
    assert.equal(await meet(pair, { trustedCaFile: pair.certFile }), "hello stranger");
  });

  it("makes a pair anew of which only half is there, and keeps its key from others", async () => {
    const directory = join(authority.directory, "half");
    mkdirSync(directory);
    writeFileSync(join(directory, "key.pem"), "an older one", { mode: 0o644 });
    const pair = await selfSignedPair({ directory, hosts: ["127.0.0.1"], validityYears: 1 });
    assert.equal(statSync(pair.keyFile).mode & 0o777, 0o600);
    assert.equal(await meet(pair, { isSelfSigned: true }), "hello stranger");
  });

  it("speaks the protocol that it chooses from those offered, or not at all", async () => {
    const log = new RecordedLog();
    await using listening = await Listening.open(pairOf(server), log);
    assert.equal(await listening.offer(["http/1.1", "h2"]), "h2");
    assert.equal(await listening.offer(["http/1.1"]), "refused");
  });
});

describe("TlsMaterial", () => {
  const bad: readonly (readonly [string, TlsOptions, PkiError["code"]])[] = [
    ["a certificate without a key", { certFile: "a" }, "badOptions"],
    ["a client key without a certificate", { clientKeyFile: "a" }, "badOptions"],
    [
      "versions that exclude each other",
      { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" },
      "badOptions",
    ],
    ["files that are not there", { certFile: "/nowhere/a", keyFile: "/nowhere/b" }, "noFile"],
  ];
  for (const [what, options, code] of bad) {
    it(`refuses ${what}`, async () => {
      assert.throws(
        () => new TlsMaterial(options, silentLogger).check("server"),
        (error) => error instanceof PkiError && error.code === code,
      );
    });
  }

  it("refuses a file that is no certificate", async () => {
    const path = join(authority.directory, "text");
    writeFileSync(path, "no certificate");
    assert.throws(
      () => new TlsMaterial({ certFile: path, keyFile: path }, silentLogger).check("server"),
      (error) => error instanceof PkiError && error.code === "badMaterial",
    );
  });
});

describe("where a certificate's holder comes from", () => {
  const names = {
    nameOf: async (address: string) => (address === "10.0.0.1" ? "m1.example" : undefined),
    addressesOf: async (name: string) => (name === "m2.example" ? ["10.0.0.2"] : []),
  };
  const cases = [
    ["DNS:*.example", "10.0.0.1", true],
    ["DNS:*.example", "::ffff:10.0.0.1", true],
    ["DNS:*.ample", "10.0.0.1", false],
    ["DNS:m1.example", "10.0.0.1", true],
    ["DNS:*.example", "10.0.0.2", false],
    ["DNS:other, DNS:m2.example", "10.0.0.2", true],
    ['DNS:"x, DNS:m2.example, y"', "10.0.0.2", false],
    ["IP Address:10.0.0.3", "10.0.0.3", true],
    ["IP Address:10.0.0.3", "10.0.0.4", false],
    ["email:a@example", "10.0.0.4", true],
  ] as const;
  for (const [subjectaltname, address, isRight] of cases) {
    it(`is ${isRight ? "" : "not "}${address} by ${subjectaltname}`, async () => {
      const certificate = { subject: {}, subjectaltname } as PeerCertificate;
      assert.equal((await objectionToAddress(certificate, address, names)) === undefined, isRight);
    });
  }
});
