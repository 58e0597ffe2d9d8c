// The quota holds for objects of Kubernetes as for keys of etcd.
import { deepEqual, equal, match } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../bin/flotilla.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flotilla-quota-"));
let member: ChildProcess | undefined;
after(async () => {
  if (member?.exitCode === null) {
    member.kill("SIGKILL");
    await once(member, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Starts it; resolves with the URL for clients of etcd. */
async function start(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, "member", "--data-dir", folder, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  member = child;
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += chunk;
    const [, url] = /client-urls=(\S+)/.exec(printed) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`it did not start: ${printed}`);
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("--quota-backend-bytes", () => {
  it("refuses objects of Kubernetes beyond it, says why, and lets room be made", async () => {
    const apiUrl = `http://127.0.0.1:${await freePort()}`;
    const etcd = await start(
      ...["--quota-backend-bytes=3000000", `--api-listen-url=${apiUrl}`],
      ...["--listen-client-urls=http://127.0.0.1:0", "--advertise-client-urls=http://127.0.0.1:0"],
      "--listen-peer-urls=http://127.0.0.1:0",
      "--initial-advertise-peer-urls=http://127.0.0.1:0",
    );
    const objects = `${apiUrl}/api/v1/namespaces/default/configmaps`;
    const create = (name: string): Promise<Response> =>
      post(objects, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name },
        data: { text: "x".repeat(400_000) },
      });
    let made = 0;
    let refused = await create("c0");
    // The first namespace is made by the control plane, a moment after the start.
    for (let more = 500; refused.status === 404 && more > 0; more--) refused = await create("c0");
    while (refused.status === 201 && made < 20) refused = await create(`c${++made}`);
    const { reason, message, code } = (await refused.json()) as Record<string, string>;
    deepEqual([refused.status, reason, code], [503, "ServiceUnavailable", 503]);
    match(String(message), /^the store has reached its quota/);
    const alarms = await (await post(`${etcd}/v3/maintenance/alarm`, {})).json();
    match(JSON.stringify(alarms), /"alarm":"NOSPACE"/);
    const gone = await fetch(`${objects}/c0`, { method: "DELETE" });
    equal(gone.status, 200);
  });
});
