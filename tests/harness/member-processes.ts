/**
 * Members started by hand, as on several machines: no nodes, no Kubernetes, nothing that restarts them.
 * Members that join are started with the command that `flotilla member add` prints.
 */
import { ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Finished, run } from "./run.ts";
import { freePort, repository } from "./test-cluster.ts";
import { until } from "./wait.ts";

const program = join(repository, "packages", "cli", "bin", "flotilla.js");
/** Half of the defaults, as `flotilla up` has it. */
const pace = ["--heartbeat-interval", "100", "--election-timeout", "500"];

/** What `flotilla member list -o json` says. */
export interface Listing {
  readonly leader: string | null;
  readonly votes: number;
  readonly quorum: number;
  readonly tolerance: number;
  readonly isChanging: boolean;
  readonly epoch: number;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly votes: number;
    readonly lag: number;
    readonly isActive: boolean;
  }[];
}

interface Place {
  readonly peerUrl: string;
  readonly clientUrl: string;
  /** Everything behind `flotilla`. */
  args: readonly string[];
  process: ChildProcess | undefined;
  log: string;
}

export class MemberProcesses {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "flotilla-members-"));
  readonly #places = new Map<string, Place>();
  /** Flags that every member is given that is founded from now on. */
  flags: readonly string[] = [];

  /** Reserves addresses for a member; nothing is started. */
  async place(name: string): Promise<void> {
    const [peer, client] = [await freePort(), await freePort()];
    this.#places.set(name, {
      peerUrl: `http://127.0.0.1:${peer}`,
      clientUrl: `http://127.0.0.1:${client}`,
      args: [],
      process: undefined,
      log: "",
    });
  }

  /** Founds a cluster and waits for its leader. */
  async found(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.place(name);
    const initial = names.map((name) => `${name}=${this.peerUrl(name)}`).join(",");
    for (const name of names) {
      this.#at(name).args = [
        ...["member", "--name", name, "--data-dir", this.dataDir(name)],
        ...["--initial-advertise-peer-urls", this.peerUrl(name), "--initial-cluster", initial],
        ...this.#ownFlags(name),
        ...this.flags,
      ];
      this.start(name);
    }
    await this.leader();
  }

  /** `flotilla member add NAME FLAGS`, and the member that it tells how to start. */
  async join(name: string, ...flags: readonly string[]): Promise<void> {
    if (!this.#places.has(name)) await this.place(name);
    const urls = ["--peer-urls", this.peerUrl(name)];
    const told = await this.change("add", name, ...urls, ...flags);
    const command = /^\S.*flotilla(?:\.js)? (member --name .*)$/ms.exec(told)?.[1] ?? "";
    ok(command !== "", `add says how to start ${name}: ${told}`);
    const words = command.replaceAll("\\\n", " ").replaceAll("'", "").trim().split(/\s+/);
    this.#at(name).args = [...words, "--data-dir", this.dataDir(name), ...this.#ownFlags(name)];
    this.start(name);
  }

  /** `environment` is added to that of the tests. */
  start(name: string, environment: Readonly<Record<string, string>> = {}): void {
    const place = this.#at(name);
    const child = spawn(process.execPath, [program, ...place.args], {
      cwd: this.#folder,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    place.process = child;
    child.stderr?.on("data", (chunk) => {
      place.log = (place.log + chunk).slice(-20_000);
    });
  }

  /** SIGKILL. */
  async kill(name: string): Promise<void> {
    const child = this.#at(name).process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  hasEnded(name: string): boolean {
    const { process } = this.#at(name);
    return process?.exitCode !== null || process.signalCode !== null;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#at(name).process?.kill(signal);
  }

  /** Of its process; undefined while there is none. */
  pid(name: string): number | undefined {
    return this.hasEnded(name) ? undefined : this.#at(name).process?.pid;
  }

  /** Waits until a member has ended by itself; its exit code and log. */
  async ended(name: string): Promise<{ readonly code: number | null; readonly log: string }> {
    const place = this.#at(name);
    await until(`the end of ${name}`, 20_000, () => this.hasEnded(name));
    return { code: place.process?.exitCode ?? null, log: place.log };
  }

  /** `flotilla member VERB ...` with a yes; throws unless it ends with 0. */
  async change(...args: readonly string[]): Promise<string> {
    const done = await this.flotilla("member", ...args, "--yes", "--endpoints", this.#endpoints());
    if (done.code === 0) return done.stdout;
    throw new Error(`member ${args.join(" ")} ended with ${done.code}: ${done.stderr}`);
  }

  /** Any command. */
  flotilla(...args: readonly string[]): Promise<Finished> {
    return run(process.execPath, [program, ...args], { cwd: this.#folder });
  }

  /** `flotilla put` at these members, or at all. */
  put(key: string, value: string, ...names: readonly string[]): Promise<Finished> {
    return this.flotilla("put", key, value, "--endpoints", this.#endpoints(names));
  }

  /** Throws while there is no leader. */
  async list(): Promise<Listing> {
    const endpoints = ["--endpoints", this.#endpoints()];
    const done = await this.flotilla("member", "list", "-o", "json", ...endpoints);
    if (done.code === 0) return JSON.parse(done.stdout);
    throw new Error(`member list ended with ${done.code}: ${done.stderr}\n${this.logs()}`);
  }

  /** Waits until the listing is as it should be. */
  listed(what: string, isSo: (listing: Listing) => boolean, timeoutMs = 20_000): Promise<Listing> {
    return until(what, timeoutMs, async () => {
      const listing = await this.list();
      return isSo(listing) && listing;
    });
  }

  /** Name of the leader, once there is one that has told its name. */
  async leader(): Promise<string> {
    const nameOf = ({ members }: Listing) => members.find(({ role }) => role === "leader")?.name;
    const listing = await this.listed("a leader", (one) => (nameOf(one) ?? "") !== "");
    return nameOf(listing) ?? "";
  }

  peerUrl(name: string): string {
    return this.#at(name).peerUrl;
  }

  clientUrl(name: string): string {
    return this.#at(name).clientUrl;
  }

  dataDir(name: string): string {
    return join(this.#folder, name);
  }

  /** Deletes what a member holds. */
  wipe(name: string): void {
    rmSync(this.dataDir(name), { recursive: true, force: true });
  }

  logs(): string {
    return [...this.#places]
      .map(([name, { log }]) => `--- ${name}\n${log.slice(-2000)}`)
      .join("\n");
  }

  /** Ends whatever runs and deletes everything. */
  async close(): Promise<void> {
    for (const name of this.#places.keys()) await this.kill(name);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ownFlags(name: string): string[] {
    const { peerUrl, clientUrl } = this.#at(name);
    return [
      ...["--listen-peer-urls", peerUrl],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl, ...pace],
    ];
  }

  #endpoints(names: readonly string[] = []): string {
    const running = [...this.#places].filter(([name, { process }]) =>
      names.length > 0 ? names.includes(name) : process?.exitCode === null,
    );
    return running.map(([, { clientUrl }]) => clientUrl).join(",");
  }

  #at(name: string): Place {
    const place = this.#places.get(name);
    ok(place !== undefined, `there is a member ${name}`);
    return place;
  }
}
