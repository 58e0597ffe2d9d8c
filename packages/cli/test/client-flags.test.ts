// Commands that talk to members, of a member with TLS and users.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeMessage } from "@flotilla/base";
import { createEtcdClient } from "@flotilla/client";

const program = fileURLToPath(new URL("../../bin/flotilla.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flotilla-client-flags-"));
const cacert = join(folder, "m1", "fixtures", "client", "cert.pem");
const environment = { PATH: process.env["PATH"] ?? "" };
const member = spawn(
  process.execPath,
  [
    ...[program, "member", "--name", "m1", "--data-dir", "m1", "--auto-tls"],
    ...["--listen-client-urls", "https://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0"],
    ...["--advertise-client-urls", "https://127.0.0.1:0"],
  ],
  { cwd: folder, env: environment, stdio: ["ignore", "pipe", "ignore"] },
);
after(async () => {
  member.kill("SIGKILL");
  await once(member, "exit");
  rmSync(folder, { recursive: true, force: true });
});

async function flotilla(args: readonly string[], variables: Record<string, string> = {}) {
  const env = { ...environment, ...variables };
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  const [code] = await once(child, "close");
  return { code, ...text };
}

describe("commands that talk to members", () => {
  let url = "";
  before(async () => {
    let line = "";
    while (!line.includes("\n")) line += (await once(member.stdout, "data"))[0];
    url = /client-urls=(\S+)/.exec(line)?.[1] ?? "";
  });

  it("take etcdctl's flags of TLS, or its variables", async () => {
    const put = await flotilla(["put", "k", "v", "--endpoints", url, "--cacert", cacert]);
    equal(put.code, 0, put.stderr);
    const given = { ETCDCTL_CACERT: cacert, ETCDCTL_ENDPOINTS: url.replace("https://", "") };
    equal((await flotilla(["get", "k"], given)).stdout, "k\nv\n");
    match((await flotilla(["member", "list"], given)).stdout, /m1 +started +leader/);
    const weight = ["member", "weight", "m1", "3", "--yes"];
    match((await flotilla(weight, given)).stdout, /The votes are changed/);
    const stranger = await flotilla(["get", "k", "--endpoints", url]);
    equal(stranger.code, 2);
    match(stranger.stderr, /self-signed certificate\nName the authority .* with --cacert/);
  });

  it("skip the check of certificates only when they are told to", async () => {
    const get = ["get", "k", "--endpoints", url];
    equal((await flotilla([...get, "--insecure-skip-tls-verify"])).stdout, "k\nv\n");
    const codes = [];
    for (const value of ["true", "false"]) {
      codes.push((await flotilla(get, { ETCDCTL_INSECURE_SKIP_TLS_VERIFY: value })).code);
    }
    deepEqual(codes, [0, 2]);
  });

  it("say who asks", async () => {
    const tls = { rejectUnauthorized: false };
    using client = createEtcdClient({ endpoints: [url], tls });
    const auth = (method: string, ...fields: string[]) =>
      client.call(
        `/etcdserverpb.Auth/${method}`,
        encodeMessage((writer) => {
          for (const [at, field] of fields.entries()) writer.fieldText(at + 1, field);
        }),
      );
    await auth("UserAdd", "root", "secret");
    await auth("RoleAdd", "root");
    await auth("UserGrantRole", "root", "root");
    await auth("AuthEnable");
    const at = ["--endpoints", url, "--cacert", cacert];
    const nobody = await flotilla(["get", "k", ...at]);
    equal(nobody.code, 1);
    match(nobody.stderr, /refused: etcdserver: user name is empty/);
    const asRoot = ["--user", "root:secret"];
    equal((await flotilla(["put", "k", "w", ...at, ...asRoot])).code, 0);
    const named = { ETCDCTL_USER: "root", ETCDCTL_PASSWORD: "secret" };
    equal((await flotilla(["get", "k", ...at], named)).stdout, "k\nw\n");
    equal((await flotilla(["member", "weight", "m1", "1", "--yes", ...at, ...asRoot])).code, 0);
    const wrong = await flotilla(["get", "k", ...at, "--user", "root:guess"]);
    match(wrong.stderr, /refused: etcdserver: authentication failed/);
  });
});
