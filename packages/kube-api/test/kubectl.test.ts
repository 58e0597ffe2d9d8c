/** The real kubectl against the API on a socket; every version that is found on this machine. */
import { equal, match, notEqual, ok } from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Prng, silentLogger } from "@flotilla/base";
import { createKubeApi } from "../src/api.ts";
import { bootstrap } from "../src/bootstrap.ts";
import { type KubeApiServer, serveKubeApi } from "../src/http/serve.ts";
import { memberStorage } from "../src/member-storage.ts";
import { systemTimers } from "../src/timers.ts";
import { apps, deployment, LoneMember } from "./fixtures.ts";

interface Run {
  readonly code: number;
  readonly out: string;
}

/** Every kubectl on PATH, and its siblings: those of a dispatcher carry the version in their name. */
function kubectls(): string[] {
  const found = new Set<string>();
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "kubectl");
    if (!existsSync(path)) continue;
    const real = realpathSync(path);
    const siblings = readdirSync(dirname(real)).filter((name) => /^kubectl\.1\.\d+$/.test(name));
    if (siblings.length === 0) found.add(real);
    for (const name of siblings) found.add(join(dirname(real), name));
  }
  return [...found].filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The whole tour with the newest; the short one with the others. */
const all = kubectls().sort((left, right) => versionOf(left) - versionOf(right));

/** Skipped where there is none, but never where the machine has to have it. */
if (all.length === 0 && process.env["REQUIRE_REAL_CLIENTS"] !== undefined) {
  throw new Error("kubectl is not on PATH, and REQUIRE_REAL_CLIENTS is set");
}

function versionOf(path: string): number {
  return Number(/kubectl\.1\.(\d+)$/.exec(path)?.[1] ?? 1_000);
}

const scratch = mkdtempSync(join(tmpdir(), "flotilla-kubectl-"));
let member: LoneMember;
let server: KubeApiServer;

before(async () => {
  member = new LoneMember();
  const api = createKubeApi({
    storage: memberStorage(member),
    random: new Prng(1),
    logger: silentLogger,
    timers: systemTimers,
  });
  await bootstrap(api);
  server = await serveKubeApi({
    api,
    host: "127.0.0.1",
    port: 0,
    defaultUser: { name: "tester", groups: [] },
  });
});

after(async () => {
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
});

function kubectl(binary: string, args: readonly string[], input = ""): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      binary,
      commandOf(binary, args),
      { timeout: 20_000, env: { HOME: scratch, PATH: process.env["PATH"] } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: stdout + stderr });
      },
    );
    child.stdin?.end(input);
  });
}

function commandOf(binary: string, args: readonly string[]): string[] {
  const cache = join(scratch, `cache-${versionOf(binary)}`);
  return ["-s", `http://127.0.0.1:${server.port}`, "--cache-dir", cache, ...args];
}

function file(name: string, content: unknown): string {
  const path = join(scratch, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

for (const binary of all) {
  const name = versionOf(binary) === 1_000 ? "kubectl" : `kubectl 1.${versionOf(binary)}`;
  describe(name, () => {
    const web = `web${versionOf(binary)}`;

    it("applies: created, unchanged, configured; and deletes", async () => {
      const path = file(`${web}.json`, deployment(web, 2));
      match((await kubectl(binary, ["apply", "-f", path])).out, /created/);
      match((await kubectl(binary, ["apply", "-f", path])).out, /unchanged/);
      match(
        (await kubectl(binary, ["apply", "-f", file(`${web}.json`, deployment(web, 3))])).out,
        /configured/,
      );
      const read = await kubectl(binary, ["get", "deploy", web, "-o", "jsonpath={.spec.replicas}"]);
      equal(read.out, "3");
      match(
        (await kubectl(binary, ["get", "deploy", web])).out,
        /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE/,
      );
      const deleted = await kubectl(binary, ["delete", "deploy", web]);
      equal(deleted.code, 0, deleted.out);
    });
  });
}

describe("the newest kubectl", {
  skip: all.length === 0 ? "no kubectl is installed" : false,
}, () => {
  const binary = all.at(-1) ?? "";

  it("creates a deployment from the command line, as protobuf", async () => {
    const run = await kubectl(binary, [
      "create",
      "deployment",
      "cli",
      "--image=host",
      "--replicas=2",
    ]);
    match(run.out, /deployment.apps\/cli created/);
    const read = await kubectl(binary, [
      "get",
      "deploy",
      "cli",
      "-o",
      "jsonpath={.spec.template.spec.containers[0].image}",
    ]);
    equal(read.out, "host");
  });

  it("shows objects as YAML, wide, and all of them", async () => {
    await kubectl(binary, ["apply", "-f", file("show.json", deployment("show", 1))]);
    match(
      (await kubectl(binary, ["get", "deploy", "show", "-o", "yaml"])).out,
      /^apiVersion: apps\/v1\nkind: Deployment/,
    );
    match(
      (await kubectl(binary, ["get", "deploy", "show", "-o", "wide"])).out,
      /CONTAINERS\s+IMAGES\s+SELECTOR/,
    );
    match((await kubectl(binary, ["get", "all"])).out, /deployment.apps\/show/);
    match((await kubectl(binary, ["get", "ns"])).out, /kube-system\s+Active/);
    const described = await kubectl(binary, ["describe", "deploy", "show"]);
    equal(described.code, 0, described.out);
    match(described.out, /StrategyType:\s+RollingUpdate/);
  });

  it("scales, labels, sets an image and restarts", async () => {
    await kubectl(binary, ["apply", "-f", file("ops.json", deployment("ops", 1))]);
    match((await kubectl(binary, ["scale", "deploy/ops", "--replicas=4"])).out, /scaled/);
    match(
      (await kubectl(binary, ["scale", "deploy/ops", "--current-replicas=4", "--replicas=2"])).out,
      /scaled/,
    );
    match((await kubectl(binary, ["label", "deploy/ops", "tier=web"])).out, /labeled/);
    match((await kubectl(binary, ["set", "image", "deploy/ops", "c=host:2"])).out, /image updated/);
    match((await kubectl(binary, ["rollout", "restart", "deploy/ops"])).out, /restarted/);
    match(
      (
        await kubectl(binary, [
          "get",
          "deploy/ops",
          "-o",
          "jsonpath={.spec.replicas} {.spec.template.spec.containers[*].image}",
        ])
      ).out,
      /^2 host:2$/,
    );
  });

  it("waits for a rollout", async () => {
    await kubectl(binary, ["apply", "-f", file("roll.json", deployment("roll", 1))]);
    const waiting = kubectl(binary, ["rollout", "status", "deploy/roll", "--timeout=15s"]);
    const patch = {
      status: {
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
      },
    };
    const report = await fetch(`http://127.0.0.1:${server.port}${apps}/deployments/roll/status`, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: JSON.stringify(patch),
    });
    equal(report.status, 200, await report.text());
    match((await waiting).out, /successfully rolled out/);
  });

  it("watches", async () => {
    const child = spawn(binary, commandOf(binary, ["get", "cm", "-w", "--no-headers"]), {
      env: { HOME: scratch, PATH: process.env["PATH"] },
    });
    let seen = "";
    const appeared = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not seen: ${seen}`)), 15_000);
      child.stdout.on("data", (chunk: Buffer) => {
        seen += chunk;
        if (!seen.includes("watched")) return;
        clearTimeout(timer);
        resolve();
      });
    });
    try {
      const created = await kubectl(binary, [
        "create",
        "configmap",
        "watched",
        "--from-literal=a=b",
      ]);
      match(created.out, /configmap\/watched created/);
      await appeared;
    } finally {
      child.kill();
    }
  });

  it("is told which field of a manifest is wrong", async () => {
    const typo = deployment("typo");
    typo.spec.replcas = 2;
    const strict = await kubectl(binary, ["apply", "-f", file("typo.json", typo)]);
    notEqual(strict.code, 0);
    match(strict.out, /unknown field "spec.replcas"/);
    const missing = deployment("missing");
    delete missing.spec.template.spec.containers[0].image;
    const invalid = await kubectl(binary, ["apply", "-f", file("missing.json", missing)]);
    match(invalid.out, /spec.template.spec.containers\[0\].image: Required value/);
  });

  it("cordons and drains", async () => {
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
    await kubectl(binary, ["create", "-f", file("node.json", node)]);
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "loner" },
      spec: {
        nodeName: "n1",
        terminationGracePeriodSeconds: 0,
        containers: [{ name: "c", image: "host" }],
      },
    };
    await kubectl(binary, ["create", "-f", file("pod.json", pod)]);
    const drained = await kubectl(binary, ["drain", "n1", "--force", "--timeout=10s"]);
    equal(drained.code, 0, drained.out);
    match(drained.out, /evict/);
    match((await kubectl(binary, ["get", "node", "n1"])).out, /SchedulingDisabled/);
    match((await kubectl(binary, ["get", "pod", "loner"])).out, /not found/);
  });

  it("deletes a namespace and waits until it is gone", async () => {
    match((await kubectl(binary, ["create", "ns", "short"])).out, /created/);
    await kubectl(binary, ["-n", "short", "create", "configmap", "x", "--from-literal=a=b"]);
    const run = await kubectl(binary, ["delete", "ns", "short", "--timeout=10s"]);
    equal(run.code, 0, run.out);
    ok(!(await kubectl(binary, ["get", "ns"])).out.includes("short"));
  });

  it("explains fields", async () => {
    match(
      (await kubectl(binary, ["explain", "deployment.spec.replicas"])).out,
      /FIELD: replicas <integer>/,
    );
  });
});
