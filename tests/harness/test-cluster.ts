/** A real cluster for one test: `flotilla up` in a folder of its own, and everything that can be done to it. */
import { ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHttpClient, type HttpClient, parseKubeconfig } from "@flotilla/client";
import { pods } from "@flotilla/objects";
import { type Finished, run } from "./run.ts";
import { until } from "./wait.ts";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));
const program = join(repository, "packages", "cli", "bin", "flotilla.js");

export interface MemberRecord {
  readonly name: string;
  readonly pid: number;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly apiUrl: string;
  readonly dataDir: string;
}
export interface ClusterRecord {
  readonly members: readonly MemberRecord[];
  readonly nodes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly dataDir: string;
  }[];
  readonly apiUrl: string;
  readonly kubeconfig: string;
  readonly entry: string;
}

export interface MemberStatus {
  readonly name: string;
  readonly process: string;
  readonly role: string;
  readonly term: number;
  readonly appliedIndex: number;
  readonly revision: number;
}

/** Ports that were given out: the system may name one twice while nobody listens on it yet. */
const givenPorts = new Set<number>();

/** A port that was free a moment ago, and another one with each call. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await probedPort();
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    return port;
  }
}

function probedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

export class TestCluster {
  readonly dataDir: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.dataDir = join(folder, "cluster");
  }

  /** A folder; nothing runs yet. */
  static create(): TestCluster {
    return new TestCluster(mkdtempSync(join(tmpdir(), "flotilla-test-")));
  }

  /** The example shop with its entry on a free port. */
  async shopManifest(): Promise<string> {
    const original = readFileSync(join(repository, "examples", "shop", "shop.yaml"), "utf8");
    const port = await freePort();
    const changed = original.replace(/port: 8080$/m, `port: ${port}`);
    ok(changed !== original, "the shop's manifest has its entry at `port: 8080`");
    const path = join(this.#folder, "shop.yaml");
    writeFileSync(path, changed);
    return path;
  }

  flotilla(...args: string[]): Promise<Finished> {
    return run(process.execPath, [program, ...args], { cwd: repository });
  }

  /** `flotilla up --detach`; throws with what it printed unless it ends with 0. */
  async up(...args: string[]): Promise<Finished> {
    const done = await this.flotilla(
      "up",
      "--detach",
      "--no-example",
      "--data-dir",
      this.dataDir,
      ...args,
    );
    if (done.code !== 0)
      throw new Error(`up ended with ${done.code}: ${done.stdout}\n${done.stderr}\n${this.logs()}`);
    return done;
  }

  /** Every command of the CLI that takes a data directory. Throws unless it ends with 0. */
  async command(...args: string[]): Promise<string> {
    const done = await this.flotilla(...args, "--data-dir", this.dataDir);
    if (done.code !== 0)
      throw new Error(`${args.join(" ")} ended with ${done.code}: ${done.stderr}`);
    return done.stdout;
  }

  get record(): ClusterRecord {
    return JSON.parse(readFileSync(join(this.dataDir, "cluster.json"), "utf8"));
  }

  member(name: string): MemberRecord {
    const found = this.record.members.find((member) => member.name === name);
    ok(found !== undefined, `there is a member ${name}`);
    return found;
  }

  /** What `flotilla status -o json` says, also when it ends with 1 because there is no leader. */
  async members(): Promise<readonly MemberStatus[]> {
    const done = await this.flotilla("status", "-o", "json", "--data-dir", this.dataDir);
    return JSON.parse(done.stdout).members;
  }

  async leader(): Promise<MemberRecord> {
    const name = await until(
      "a leader",
      20_000,
      async () => (await this.members()).find(({ role }) => role === "leader")?.name,
    );
    return this.member(name);
  }

  async followers(): Promise<readonly MemberRecord[]> {
    const leader = await this.leader();
    return this.record.members.filter(({ name }) => name !== leader.name);
  }

  /** The Kubernetes API as the administrator, over all members. */
  kube(): HttpClient {
    const record = this.record;
    return createHttpClient({
      ...parseKubeconfig(readFileSync(record.kubeconfig, "utf8")),
      servers: record.members.map(({ apiUrl }) => apiUrl),
    });
  }

  /** Names of the Ready pods with this label, and the node of each. */
  async readyPods(
    app: string,
  ): Promise<readonly { readonly name: string; readonly node: string }[]> {
    const { items } = await this.kube().list(pods, {
      namespace: "default",
      labelSelector: `app=${app}`,
    });
    return items
      .filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
      )
      .map(({ metadata, spec }) => ({ name: metadata.name, node: spec.nodeName ?? "" }));
  }

  /** The end of every process's log, for the message of a failure. */
  logs(): string {
    const folders = [...this.record.members, ...this.record.nodes];
    return folders
      .map(({ name, dataDir }) => {
        const lines = readFileSync(join(dataDir, "flotilla.log"), "utf8").trimEnd().split("\n");
        return `--- ${name}\n${lines.slice(-15).join("\n")}`;
      })
      .join("\n");
  }

  /** Stops whatever runs and deletes the folder. */
  async close(): Promise<void> {
    await this.flotilla("down", "--purge", "--data-dir", this.dataDir);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
