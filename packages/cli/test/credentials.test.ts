// A server that is reached by its address: its certificate has to be for that address.
import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Pki } from "../src/cluster/certificates.ts";
import { clientTlsOf, userOf } from "../src/credentials.ts";
import { EtcdCaller } from "../src/etcd-caller.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-credentials-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("a call in TLS", () => {
  it("is made to who has a certificate for the address, and to nobody else", async () => {
    const pki = await Pki.open(folder);
    const cacert = join(folder, "authority");
    writeFileSync(cacert, pki.caCert);
    for (const [address, outcome] of [
      ["127.0.0.1", /did not answer: the answer has HTTP status 404/],
      ["127.0.0.2", /does not match certificate's altnames/],
    ] as const) {
      const server = createSecureServer({ ...(await pki.server(address, [address])) });
      server.on("stream", (stream) => stream.respond({ ":status": 404 }, { endStream: true }));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const caller = new EtcdCaller(`https://127.0.0.1:${port}`, { cacert });
      await rejects(caller.status(2000), (error: Error) => {
        match(error.message, outcome);
        return true;
      });
      caller.close();
      server.close();
    }
  });
});

describe("who asks", () => {
  it("is named with a password, in either way", () => {
    equal(userOf({}), undefined);
    deepEqual(userOf({ user: "a:b:c" }), { username: "a", password: "b:c" });
    deepEqual(userOf({ user: "a:b", password: "c" }), { username: "a:b", password: "c" });
    throws(() => userOf({ user: "a" }), /No password for user a/);
  });

  it("has a certificate and its key, which can be read", () => {
    throws(() => clientTlsOf({ cert: "x" }), /--cert and --key are given together/);
    throws(() => clientTlsOf({ cacert: join(folder, "none") }), /Cannot read .*none: ENOENT/);
  });
});
