/** A member with TLS, and clients that are known by their certificates: over HTTP/2, while a certificate is revoked. */
import { deepEqual, equal, match } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Authority, type Issued, loopback } from "@flotilla/pki/testing";
import { repository } from "./harness/index.ts";

const program = join(repository, "packages", "cli", "bin", "flotilla.js");

interface Answer {
  readonly status: number;
  readonly body: string;
}

describe("a member that knows its clients by their certificates", () => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-certificates-"));
  let authority: Authority;
  let alice: Issued;
  let root: Issued;
  let member: ChildProcess | undefined;
  let url = "";

  before(async () => {
    authority = await Authority.make();
    const server = await authority.issue({ name: "server", hosts: loopback });
    alice = await authority.issue({ name: "alice", uses: ["client"] });
    root = await authority.issue({ name: "root", uses: ["client"] });
    const local = "://127.0.0.1:0";
    member = spawn(
      process.execPath,
      [
        ...[program, "member", "--data-dir", join(folder, "data")],
        ...["--cert-file", server.certFile, "--key-file", server.keyFile, "--client-cert-auth"],
        ...["--trusted-ca-file", authority.caFile, "--client-crl-file", await authority.revoke([])],
        ...[`--listen-client-urls=https${local}`, `--advertise-client-urls=https${local}`],
        ...[`--listen-peer-urls=http${local}`, `--initial-advertise-peer-urls=http${local}`],
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    const [line] = await once(member.stdout as NodeJS.ReadableStream, "data");
    url = /client-urls=(\S+)/.exec(String(line))?.[1] ?? "";
  });
  after(async () => {
    if (member?.exitCode === null && member.kill("SIGKILL")) await once(member, "exit");
    authority.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** On a connection of its own; rejects when there is none. */
  async function ask(who: Issued, path: string, body?: unknown): Promise<Answer> {
    const session = connect(url, {
      ca: readFileSync(authority.caFile),
      cert: readFileSync(who.certFile),
      key: readFileSync(who.keyFile),
    });
    try {
      const failed = new Promise<never>((_, reject) => {
        session.on("error", reject);
        session.on("close", () => reject(new Error("the connection was closed")));
      });
      const method = body === undefined ? "GET" : "POST";
      const stream = session.request({ ":method": method, ":path": path });
      if (body !== undefined) stream.end(JSON.stringify(body));
      const answer = async (): Promise<Answer> => {
        const [headers] = await once(stream, "response");
        let text = "";
        for await (const chunk of stream) text += chunk;
        return { status: headers[":status"], body: text };
      };
      return await Promise.race([answer(), failed]);
    } finally {
      session.destroy();
    }
  }

  it("serves pages and the gateway over HTTP/2", async () => {
    deepEqual(await ask(alice, "/health"), {
      status: 200,
      body: '{"health":"true","reason":""}',
    });
    equal((await ask(alice, "/v3/kv/put", { key: "YQ==", value: "MQ==" })).status, 200);
    match((await ask(alice, "/metrics")).body, /^etcd_server_is_leader 1$/m);
  });

  it("refuses a certificate from when it is on the list until it is not", async () => {
    await authority.revoke([alice.serialNumber]);
    equal(
      await ask(alice, "/health").then(
        ({ status }) => status,
        () => "refused",
      ),
      "refused",
    );
    equal((await ask(root, "/health")).status, 200);
    await authority.revoke([]);
    equal((await ask(alice, "/health")).status, 200);
  });

  it("tells who has a name that the gateway does not look at it, once names count", async () => {
    for (const [path, body] of [
      ["user/add", { name: "root", password: "secret" }],
      ["role/add", { name: "root" }],
      ["user/grant", { user: "root", role: "root" }],
      ["enable", {}],
    ] as const) {
      equal((await ask(root, `/v3/auth/${path}`, body)).status, 200, path);
    }
    const { status, body } = await ask(root, "/v3/kv/range", { key: "YQ==" });
    equal(status, 400);
    match(body, /^CommonName of client sending a request against gateway will be ignored/);
    equal((await ask(root, "/health")).status, 200);
  });
});
