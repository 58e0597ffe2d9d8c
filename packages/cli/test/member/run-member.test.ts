// The process: what it prints, what it listens on, and how it ends.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../../bin/flotilla.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flotilla-run-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A member without HOME and without a single variable but PATH. */
class Member {
  readonly process: ChildProcess;
  stdout = "";
  readonly lines: { readonly level: string; readonly msg: string; readonly caller: string }[] = [];

  constructor(...args: string[]) {
    const env = { PATH: process.env["PATH"] ?? "" };
    this.process = spawn(process.execPath, [program, "member", ...args], { cwd: folder, env });
    let rest = "";
    this.process.stderr?.on("data", (chunk) => {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) this.lines.push(JSON.parse(line));
    });
  }

  /** The words of the ready line. */
  async ready(): Promise<ReadonlyMap<string, string>> {
    while (!this.stdout.includes("\n")) {
      const [chunk] = await once(this.process.stdout as NodeJS.ReadableStream, "data");
      this.stdout += String(chunk);
    }
    const words = this.stdout.trimEnd().split(" ").slice(1);
    return new Map(words.map((word) => word.split(/=(.*)/s) as [string, string]));
  }

  /** Exit code and signal. */
  async end(signal?: NodeJS.Signals): Promise<readonly unknown[]> {
    if (signal !== undefined) this.process.kill(signal);
    return once(this.process, "exit");
  }
}

const local = (flag: string, scheme = "http") => `--${flag}=${scheme}://127.0.0.1:0`;

async function bodyOf(url: string, ca?: Buffer): Promise<string> {
  const request = ca === undefined ? httpGet(url) : httpsGet(url, { ca });
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

describe("the process of a member", () => {
  it("says when it is ready, serves with TLS, logs in zap's shape, and ends by its signal", async () => {
    const member = new Member(
      ...["--name", "m1", "-data-dir=m1", "--auto-tls", "--peer-auto-tls", "--max-wals", "3"],
      ...[local("listen-client-urls", "https"), local("advertise-client-urls", "https")],
      ...[local("listen-peer-urls", "https"), local("initial-advertise-peer-urls", "https")],
    );
    const words = await member.ready();
    deepEqual([...words.keys()], ["name", "id", "client-urls", "peer-url"]);
    const ca = readFileSync(join(folder, "m1", "fixtures", "client", "cert.pem"));
    equal(await bodyOf(`${words.get("client-urls")}/health`, ca), '{"health":"true","reason":""}');
    match(words.get("peer-url") ?? "", /^https:\/\/127\.0\.0\.1:[1-9]/);
    const warned = member.lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);
    deepEqual(warned.slice(0, 1), ["flag has no effect here"]);
    ok(member.lines.every(({ caller }) => /^[\w-]+\/[\w/-]+\.js:\d+$/.test(caller)));
    deepEqual(await member.end("SIGTERM"), [null, "SIGTERM"]);
  });

  it("starts again with what it holds, whatever it is told of the cluster, and alone if forced", async () => {
    const urls = [
      local("listen-client-urls"),
      local("advertise-client-urls"),
      local("listen-peer-urls"),
    ];
    const same = ["--name", "m2", "--data-dir", "m2", ...urls];
    const first = new Member(...same, local("initial-advertise-peer-urls"));
    const id = (await first.ready()).get("id");
    await first.end("SIGINT");
    const second = new Member(
      ...[...same, "--force-new-cluster", "--initial-cluster", "other=http://127.0.0.1:1"],
      ...["--listen-client-http-urls=http://127.0.0.1:0"],
    );
    const words = await second.ready();
    equal(words.get("id"), id);
    await second.end("SIGTERM");
  });

  it("makes no file when it cannot make tokens", async () => {
    const member = new Member("--data-dir", "m4", "--auth-token", "jwt,sign-method=none");
    deepEqual(await member.end(), [1, null]);
    match(JSON.stringify(member.lines.at(-1)), /Cannot sign tokens by \\"none\\"/);
    equal(existsSync(join(folder, "m4")), false);
  });

  it("ends by its signal while it waits for members to join", async () => {
    const member = new Member(
      ...["--name", "m5", "--data-dir", "m5", "--initial-cluster-state", "existing"],
      ...["--initial-cluster", "other=http://127.0.0.1:1,m5=http://127.0.0.1:2"],
      ...["--initial-advertise-peer-urls", "http://127.0.0.1:2", local("listen-peer-urls")],
      ...[local("listen-client-urls"), local("advertise-client-urls")],
    );
    while (!existsSync(join(folder, "m5", "member", "lock"))) {
      equal(member.process.exitCode, null);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    deepEqual(await member.end("SIGTERM"), [null, "SIGTERM"]);
  });

  it("makes no file when a port is taken, and says which address it tried", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const url = `http://127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const others = [local("initial-advertise-peer-urls")];
    for (const urls of [
      [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, local("listen-peer-urls")],
      [`--listen-peer-urls=${url}`],
    ]) {
      const member = new Member("--data-dir", "m6", ...others, ...urls);
      deepEqual(await member.end(), [1, null]);
      const { error } = member.lines.at(-1) as { error?: string };
      equal(error?.startsWith(`Cannot listen on ${url}: listen EADDRINUSE`), true, error);
      equal(existsSync(join(folder, "m6")), false);
    }
    taken.close();
  });

  it("ends when its directory cannot be made", { skip: !existsSync("/proc") }, async () => {
    for (const flags of [[], ["--auto-tls", "--peer-auto-tls"]]) {
      const member = new Member(
        ...["--data-dir", "/proc/nope", ...flags, local("listen-peer-urls")],
        ...[local("listen-client-urls"), local("advertise-client-urls")],
      );
      deepEqual(await member.end(), [1, null]);
      match(JSON.stringify(member.lines.at(-1)), /Cannot make the directory .*\/proc\/nope/);
    }
  });

  it("ends with 1 and says why when it cannot listen", async () => {
    const member = new Member(
      ...["--data-dir", "m3", local("listen-peer-urls"), local("initial-advertise-peer-urls")],
      ...["--listen-client-urls=http://192.0.2.1:1", "--advertise-client-urls=http://192.0.2.1:1"],
    );
    deepEqual(await member.end(), [1, null]);
    deepEqual(member.lines.at(-1)?.level, "fatal");
  });
});
