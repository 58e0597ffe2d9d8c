import { equal, ok } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { Pki } from "../src/cluster/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-pki-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("Pki", () => {
  it("signs certificates that a server and a client accept of each other", async () => {
    const pki = await Pki.open(folder);
    const server = await pki.server("m1", ["localhost", "127.0.0.1"]);
    const client = await pki.client("admin", {
      commonName: "admin",
      organization: "system:masters",
    });
    const listener = createServer(
      { ...server, ca: pki.caCert, requestCert: true, rejectUnauthorized: true },
      (incoming, response) => {
        const { subject } = (incoming.socket as TLSSocket).getPeerCertificate();
        response.end(`${subject.CN} ${subject.O}`);
      },
    );
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const { port } = listener.address() as { port: number };
    const answer = await new Promise<string>((resolve, reject) => {
      const outgoing = request(
        { host: "127.0.0.1", port, ...client, ca: pki.caCert, agent: false },
        (incoming) => {
          let body = "";
          incoming.on("data", (chunk) => {
            body += chunk;
          });
          incoming.on("end", () => resolve(body));
        },
      );
      outgoing.on("error", reject);
      outgoing.end();
    });
    listener.close();
    equal(answer, "admin system:masters");
  });

  it("gives the same authority and certificates when opened again, and keeps keys to itself", async () => {
    const [first, second] = [await Pki.open(folder), await Pki.open(folder)];
    equal(first.caCert, second.caCert);
    equal(
      (await first.server("m1", ["localhost"])).cert,
      (await second.server("m1", ["localhost"])).cert,
    );
    for (const name of ["ca", "m1", "admin"]) {
      equal(statSync(join(folder, "pki", `${name}.key`)).mode & 0o077, 0, name);
    }
    ok(new X509Certificate(first.caCert).ca);
  });
});
