/**
 * Several servers of either kind as one cluster, on the loopback, each of them killed and started at
 * will; on request with TLS at every port, where clients and members have to show certificates.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, type Issued, loopback } from "@flotilla/pki/testing";
import { freePort, until } from "../harness/index.ts";
import { RawClient, type TlsFiles } from "./client.ts";
import { decodeMessage, type Message } from "./protobuf.ts";
import { methodOf } from "./schema.ts";
import { commandOf, type Side } from "./servers.ts";
import { idOf } from "./status.ts";

/** How a cluster is started. */
export interface ClusterOptions {
  /** Those that found it. */
  readonly names: readonly string[];
  /** etcd's flags, which both sides are given. */
  readonly flags?: readonly string[];
  readonly tls?: boolean;
}

interface Place {
  readonly peerUrl: string;
  readonly clientUrl: string;
  /** `--initial-cluster`, and what it is at the first start. */
  initial: string;
  state: "new" | "existing";
  process: ChildProcess | undefined;
  log: string;
}

interface Certificates {
  readonly authority: Authority;
  readonly server: Issued;
  readonly client: Issued;
}

const readyMs = 20_000;
const statusMs = 1_500;
/** The usual heartbeat, half of the usual patience. */
const pace = ["--heartbeat-interval", "100", "--election-timeout", "500"];

export class ServerCluster {
  readonly side: Side;
  readonly #folder: string;
  readonly #flags: readonly string[];
  readonly #certificates: Certificates | undefined;
  readonly #places = new Map<string, Place>();

  private constructor(side: Side, flags: readonly string[], certificates?: Certificates) {
    this.side = side;
    this.#folder = mkdtempSync(join(tmpdir(), `flotilla-oracle-${side}-`));
    this.#flags = flags;
    this.#certificates = certificates;
  }

  /** Starts a cluster, and resolves once each of its members knows the leader. */
  static async start(side: Side, options: ClusterOptions): Promise<ServerCluster> {
    const certificates = options.tls ? await issueCertificates() : undefined;
    const cluster = new ServerCluster(side, options.flags ?? [], certificates);
    try {
      for (const name of options.names) await cluster.place(name);
      const initial = cluster.initialCluster(...options.names);
      for (const name of options.names) cluster.#at(name).initial = initial;
      for (const name of options.names) cluster.start(name);
      await cluster.settled();
    } catch (error) {
      const log = cluster.logs();
      await cluster.close();
      throw new Error(`${side} did not start: ${log}`, { cause: error });
    }
    return cluster;
  }

  /** Reserves addresses for a member. */
  async place(name: string): Promise<void> {
    const scheme = this.#certificates === undefined ? "http" : "https";
    this.#places.set(name, {
      peerUrl: `${scheme}://127.0.0.1:${await freePort()}`,
      clientUrl: `${scheme}://127.0.0.1:${await freePort()}`,
      initial: "",
      state: "new",
      process: undefined,
      log: "",
    });
  }

  /** As `--initial-cluster` has it. */
  initialCluster(...names: readonly string[]): string {
    return names.map((name) => `${name}=${this.peerUrl(name)}`).join(",");
  }

  /** Starts a member that was added to the cluster of these. */
  join(name: string, ...founders: readonly string[]): void {
    const place = this.#at(name);
    place.initial = this.initialCluster(...founders, name);
    place.state = "existing";
    this.start(name);
  }

  start(name: string): void {
    const place = this.#at(name);
    const [program, ...first] = commandOf(this.side);
    const args = [...first, ...this.#args(name, place)];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (chunk) => {
      place.log = (place.log + chunk).slice(-4000);
    });
    place.process = child;
  }

  async kill(name: string): Promise<void> {
    const child = this.#at(name).process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  peerUrl(name: string): string {
    return this.#at(name).peerUrl;
  }

  clientUrl(name: string): string {
    return this.#at(name).clientUrl;
  }

  /** `host:port`. */
  endpoint(name: string): string {
    return new URL(this.clientUrl(name)).host;
  }

  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** A place for the files of a client. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** What a client shows, where it has to. */
  get tls(): TlsFiles | undefined {
    if (this.#certificates === undefined) return undefined;
    const { authority, client } = this.#certificates;
    return { caFile: authority.caFile, ...client };
  }

  connect(name: string): RawClient {
    return new RawClient(this.endpoint(name), this.tls);
  }

  /** `Maintenance/Status` of one, or nothing when it does not answer. */
  async status(name: string): Promise<Message | undefined> {
    const { path, response } = methodOf("Maintenance/Status");
    const client = this.connect(name);
    try {
      const { answer } = await client.unary(path, Buffer.alloc(0), {}, statusMs);
      return answer && decodeMessage(response, answer);
    } finally {
      client.close();
    }
  }

  /** Waits until these, by default all that run, answer and agree on who leads. Returns its name. */
  settled(names: readonly string[] = this.#running()): Promise<string> {
    return until(`${names} to have a leader`, readyMs, async () => {
      const found = await Promise.all(names.map((name) => this.status(name)));
      const [leader, ...others] = new Set(found.map((status) => String(status?.["leader"] ?? "")));
      if (leader === undefined || leader === "" || others.length > 0) return undefined;
      return names.find((_, at) => String(idOf(found[at])) === leader);
    });
  }

  /** Waits until a member answers, whatever it knows. */
  async answers(name: string): Promise<void> {
    await until(`${name} to answer`, readyMs, () => this.status(name));
  }

  /** Waits until a member says that it has no leader. */
  async leaderless(name: string): Promise<void> {
    await until(`${name} to miss its leader`, readyMs, async () => {
      const status = await this.status(name);
      return status !== undefined && status["leader"] === undefined;
    });
  }

  logs(): string {
    return [...this.#places].map(([name, { log }]) => `--- ${name}\n${log}`).join("\n");
  }

  async close(): Promise<void> {
    for (const name of this.names) await this.kill(name);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#certificates?.authority.remove();
  }

  #running(): readonly string[] {
    return this.names.filter((name) => {
      const { process } = this.#at(name);
      return process !== undefined && process.exitCode === null && process.signalCode === null;
    });
  }

  #args(name: string, place: Place): readonly string[] {
    const { peerUrl, clientUrl, initial, state } = place;
    return [
      ...["--name", name, "--data-dir", join(this.#folder, name), "--initial-cluster", initial],
      ...["--initial-cluster-state", state],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--log-level", "error", ...pace, ...this.#tlsFlags(), ...this.#flags],
    ];
  }

  #tlsFlags(): readonly string[] {
    if (this.#certificates === undefined) return [];
    const { authority, server } = this.#certificates;
    const { certFile, keyFile } = server;
    return [
      ...["--cert-file", certFile, "--key-file", keyFile],
      ...["--trusted-ca-file", authority.caFile, "--client-cert-auth"],
      ...["--peer-cert-file", certFile, "--peer-key-file", keyFile],
      ...["--peer-trusted-ca-file", authority.caFile, "--peer-client-cert-auth"],
    ];
  }

  #at(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`there is no member ${name}`);
    return place;
  }
}

async function issueCertificates(): Promise<Certificates> {
  const authority = await Authority.make();
  return {
    authority,
    server: await authority.issue({ name: "server", hosts: loopback }),
    client: await authority.issue({ name: "client" }),
  };
}
