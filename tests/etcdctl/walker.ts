/**
 * Runs commands of etcdctl against three members with TLS, and tells what each printed in a form that can
 * be compared with what it prints against another cluster.
 *
 * What only this cluster could say has a name: `$m1` for the id of a member, `$c1` and `$p1` for where its
 * clients and peers find it, `$all` for every endpoint, and what a command has bound.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { Message } from "../etcd-oracle/protobuf.ts";
import { ServerCluster } from "../etcd-oracle/server-cluster.ts";
import { type Side, snapshotCommandOf } from "../etcd-oracle/servers.ts";
import { until } from "../harness/index.ts";
import { masked } from "./masks.ts";

/** A command, with names in its arguments. */
export interface Command {
  readonly run: readonly string[];
  /** What it reads. */
  readonly input?: string;
  /** Which endpoints it is given; by default all three. */
  readonly on?: string;
  /** Minor version of the first etcdctl that has it. */
  readonly since?: number;
  /** Minor version of the first etcdctl that has it no more. */
  readonly before?: number;
  /** It does not end by itself, and is interrupted once it has printed this. */
  readonly until?: RegExp;
  /** Names for the first group of each pattern in what it prints. */
  readonly bind?: Readonly<Record<string, RegExp>>;
  /** What it prints is nobody's business but its own; only its exit code is compared. */
  readonly silent?: boolean;
  /** Lines come in no order. */
  readonly unordered?: boolean;
  /** Which member said what does not matter, as with one that leads: they are all called the same. */
  readonly anyone?: boolean;
  /** It is repeated until it ends well and has printed this. */
  readonly patient?: RegExp;
}

/** One step of a walk. */
export type Action =
  | Command
  /** Goes on in the background; the next action waits until it has printed `until`. */
  | (Command & { readonly begin: string; readonly until: RegExp })
  /** Waits until what was begun has printed this too, interrupts it and tells what it printed. */
  | { readonly end: string; readonly until: RegExp }
  /** A program of the side's own, for files: etcdutl, or ours. */
  | { readonly local: readonly string[]; readonly silent?: boolean }
  | Preparation;

/** What is done between commands, and prints nothing. */
export type Preparation =
  /** Puts large values to a key until one is refused. */
  | { readonly fill: string }
  /** Gives up all history but the latest revision. */
  | { readonly compact: "latest" }
  /** Waits until every member has applied the same: commands go to any of them. */
  | { readonly level: true }
  /** Starts a member that was added. */
  | { readonly join: string }
  /** Gives `$leader` and `$other` their values: ids of whoever leads now, and of one that does not. */
  | { readonly find: "leader" };

/** What came of an action. */
export interface Outcome {
  readonly command: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Actions, made up as they go: what is yielded is answered by its outcome. */
export type Walk = Generator<Action, void, Outcome>;

interface Client {
  readonly program: string;
  readonly minor: number;
}

interface Background {
  readonly command: string;
  readonly child: ChildProcessWithoutNullStreams;
  readonly printed: { stdout: string; stderr: string };
}

const commandMs = 15_000;
/** The longest, `check perf`, takes a minute. */
const endMs = 150_000;
const valueBytes = 1_000_000;
const founders = ["m1", "m2", "m3"];
/** What members are started with: a quota that can be filled, and etcd's own limit of learners. */
export const smallStore: readonly string[] = [
  "--quota-backend-bytes",
  "16777216",
  "--max-learners",
  "1",
];

export class Walker {
  readonly cluster: ServerCluster;
  readonly #client: Client;
  readonly #values = new Map<string, string>();
  readonly #background = new Map<string, Background>();

  private constructor(cluster: ServerCluster, client: Client) {
    this.cluster = cluster;
    this.#client = client;
  }

  static async start(side: Side, client: Client, flags: readonly string[]): Promise<Walker> {
    const cluster = await ServerCluster.start(side, { names: founders, flags, tls: true });
    const walker = new Walker(cluster, client);
    await cluster.place("m4");
    for (const name of founders) await walker.#name(name);
    walker.#nameUrls("m4");
    const endpoints = founders.map((name) => cluster.clientUrl(name));
    walker.#values.set("$all", endpoints.join(","));
    walker.#values.set("$folder", cluster.file(""));
    for (const [name, file] of Object.entries(cluster.tls ?? {})) {
      walker.#values.set(`$${name}`, file);
    }
    return walker;
  }

  /** Every outcome of a walk, in order; commands that this etcdctl does not have are in `lacking`. */
  async walk(walk: Walk): Promise<{ outcomes: readonly Outcome[]; lacking: readonly string[] }> {
    const outcomes: Outcome[] = [];
    const lacking: string[] = [];
    const none: Outcome = { command: "", code: 0, stdout: "", stderr: "" };
    for (let next = walk.next(); !next.done; ) {
      const action = next.value;
      if ("run" in action && !this.#has(action)) {
        lacking.push(action.run.join(" "));
        next = walk.next(none);
        continue;
      }
      const outcome = await this.#do(action);
      if (outcome !== undefined) outcomes.push(outcome);
      next = walk.next(outcome ?? none);
    }
    return { outcomes, lacking };
  }

  async close(): Promise<void> {
    for (const { child } of this.#background.values()) child.kill("SIGKILL");
    await this.cluster.close();
  }

  #has({ since = 0, before = Number.POSITIVE_INFINITY }: Command): boolean {
    return this.#client.minor >= since && this.#client.minor < before;
  }

  /** Nothing for what prints nothing. */
  async #do(action: Action): Promise<Outcome | undefined> {
    if ("end" in action) return this.#end(action.end, action.until);
    if ("local" in action) {
      const [program, ...first] = snapshotCommandOf(this.cluster.side);
      const background = this.#spawn(program, [...first, ...action.local.map(this.#resolve)]);
      return this.#finished(action.local.join(" "), background, action);
    }
    if ("begin" in action) await this.#begin(action);
    else if ("run" in action) return this.#runPatiently(action);
    else await this.#prepare(action);
    return undefined;
  }

  async #prepare(action: Preparation): Promise<void> {
    if ("join" in action) {
      this.cluster.join(action.join, ...founders);
      await until(`${action.join} to answer`, commandMs, () => this.cluster.status(action.join));
    } else if ("level" in action) {
      await until("all to have applied the same", commandMs, async () => {
        const found = await Promise.all(founders.map((name) => this.cluster.status(name)));
        return new Set(found.map((status) => status?.["raftAppliedIndex"])).size === 1;
      });
    } else if ("fill" in action) {
      const put: Command = { run: ["put", action.fill], input: "x".repeat(valueBytes) };
      await until("a full store", commandMs, async () => (await this.#run(put)).code !== 0);
    } else if ("compact" in action) {
      const status = await this.cluster.status("m1");
      const { revision } = (status?.["header"] ?? {}) as Message;
      await this.#run({ run: ["compaction", String(revision), "--physical"] });
    } else await this.#findLeader();
  }

  #runPatiently(command: Command): Promise<Outcome> {
    const { patient, silent } = command;
    if (patient === undefined) return this.#run(command);
    return until(`${command.run.join(" ")} to print ${patient}`, commandMs, async () => {
      const outcome = await this.#run({ ...command, silent: false });
      if (outcome.code !== 0 || !patient.test(outcome.stdout)) return undefined;
      return silent ? { ...outcome, stdout: "", stderr: "" } : outcome;
    });
  }

  async #run(command: Command): Promise<Outcome> {
    const background = this.#start(command);
    const { child, printed } = background;
    if (command.until !== undefined) {
      await this.#printed(background, command.until);
      child.kill("SIGINT");
    }
    const outcome = await this.#finished(command.run.join(" "), background, command);
    for (const [name, pattern] of Object.entries(command.bind ?? {})) {
      const found = pattern.exec(printed.stdout)?.[1];
      if (found !== undefined) this.#values.set(name, found);
    }
    return outcome;
  }

  async #begin(command: Command & { readonly begin: string; readonly until: RegExp }) {
    const background = this.#start(command);
    this.#background.set(command.begin, background);
    await this.#printed(background, command.until);
  }

  async #end(name: string, pattern: RegExp): Promise<Outcome> {
    const background = this.#background.get(name);
    if (background === undefined) throw new Error(`nothing was begun as ${name}`);
    await this.#printed(background, pattern);
    background.child.kill("SIGINT");
    this.#background.delete(name);
    return this.#finished(background.command, background);
  }

  async #printed({ printed, command, child }: Background, pattern: RegExp): Promise<void> {
    await until(`${command} to print ${pattern}`, commandMs, () => {
      return pattern.test(printed.stdout) || child.exitCode !== null;
    });
    if (pattern.test(printed.stdout)) return;
    throw new Error(`${command} ended with ${child.exitCode}: ${printed.stderr}`);
  }

  #start({ run, on = "$all", input, until }: Command): Background {
    const { caFile = "", certFile = "", keyFile = "" } = this.cluster.tls ?? {};
    const tls = ["--cacert", caFile, "--cert", certFile, "--key", keyFile];
    const args = ["--endpoints", this.#resolve(on), ...tls, ...run.map(this.#resolve)];
    const background = this.#spawn(this.#client.program, args, run.join(" "));
    background.child.stdin.write(input ?? "");
    if (until === undefined) background.child.stdin.end(); // What is interrupted may go on reading.
    return background;
  }

  #spawn(program: string, args: readonly string[], command: string = program): Background {
    const api = this.#client.minor < 5 ? { ETCDCTL_API: "3" } : {};
    const child = spawn(program, args, { env: { ...process.env, ...api } });
    const printed = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      printed.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      printed.stderr += chunk;
    });
    child.stdin.on("error", () => {}); // It may end without reading its input.
    return { command, child, printed };
  }

  async #finished(
    command: string,
    { child, printed }: Background,
    { silent, ...looks }: Pick<Command, "silent" | "unordered" | "anyone"> = {},
  ): Promise<Outcome> {
    const timer = setTimeout(() => child.kill("SIGKILL"), endMs);
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    clearTimeout(timer);
    const code = child.exitCode ?? -1;
    if (silent) return { command, code, stdout: "", stderr: "" };
    const told = (text: string): string => masked(this.#named(text), looks);
    return {
      command,
      code,
      stdout: told(printed.stdout),
      stderr: told(withoutLog(printed.stderr)),
    };
  }

  async #findLeader(): Promise<void> {
    const leader = await this.cluster.settled(founders);
    const other = founders.find((name) => name !== leader) ?? "";
    this.#values.set("$leader", this.#valueOf(`$${leader}`));
    this.#values.set("$other", this.#valueOf(`$${other}`));
    this.#values.set("$cleader", this.cluster.clientUrl(leader));
    this.#values.set("$cother", this.cluster.clientUrl(other));
  }

  async #name(name: string): Promise<void> {
    this.#nameUrls(name);
    const status = await this.cluster.status(name);
    const { member_id, cluster_id } = (status?.["header"] ?? {}) as Message;
    this.#values.set(`$${name}`, hexOf(member_id));
    this.#values.set("$cluster", hexOf(cluster_id));
  }

  #nameUrls(name: string): void {
    this.#values.set(name.replace("m", "$c"), this.cluster.clientUrl(name));
    this.#values.set(name.replace("m", "$p"), this.cluster.peerUrl(name));
  }

  #valueOf(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`nothing is called ${name}`);
    return value;
  }

  readonly #resolve = (text: string): string =>
    text.replace(/\$[a-zA-Z]+\d*/g, (name) => this.#values.get(name) ?? name);

  /** Puts in names for what they stand for, the longest first. */
  #named(text: string): string {
    let told = text;
    const values = [...this.#values].filter(([name]) => !/leader|other/.test(name));
    for (const [name, value] of values.toSorted((a, b) => b[1].length - a[1].length)) {
      told = told.replaceAll(value, name);
      if (/^[0-9a-f]{12,16}$/.test(value))
        told = told.replaceAll(String(BigInt(`0x${value}`)), name);
    }
    return told;
  }
}

function hexOf(id: unknown): string {
  return BigInt(String(id)).toString(16);
}

/** Without etcdctl's own log, which is JSON. */
function withoutLog(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("{"))
    .join("\n");
}
