/** Clusters in one process: real sockets, real disks, and links that can be cut. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, Prng, textOf, utf8 } from "@flotilla/base";
import { getRequest, putRequest } from "@flotilla/store";
import type { ProposeOutcome } from "../src/contract.ts";
import { memberId, nodeIdOf } from "../src/identity.ts";
import type { MemberOptions, RunningMember } from "../src/options.ts";
import { startMember } from "../src/start-member.ts";

/** Resolves once `condition` holds; fails after `deadlineMs`, saying what did not happen. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
) {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`did not happen in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export class ManualClock implements Clock {
  #now = 0;
  nowMs(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}

/** The address that a member advertises: whatever it listens on, and only while not cut. */
class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  target = 0;
  isCut = false;

  constructor() {
    this.#server = createServer((socket) => this.#forward(socket));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(socket: Socket): void {
    this.#watch(socket);
    if (this.isCut || this.target === 0) {
      socket.destroy();
      return;
    }
    const onward = connect(this.target, "127.0.0.1");
    this.#watch(onward);
    socket.pipe(onward).pipe(socket);
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/** Members m1, m2, ... with fast timers. */
export class Cluster {
  readonly directory: string;
  readonly members: RunningMember[] = [];
  readonly links: Link[] = [];
  readonly warnings: string[] = [];
  readonly #options: Partial<MemberOptions>;
  #founders = 0;
  #urls: string[] = [];

  private constructor(directory: string, options: Partial<MemberOptions>) {
    this.directory = directory;
    this.#options = options;
  }

  static async start(size: number, options: Partial<MemberOptions> = {}): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-member-"));
    const cluster = new Cluster(directory, options);
    for (let at = 0; at < size; at++) await cluster.addLink();
    cluster.#founders = size;
    await Promise.all(cluster.links.map((_, at) => cluster.startOne(at)));
    return cluster;
  }

  /** A place for one more member; returns its number. */
  async addLink(): Promise<number> {
    const link = new Link();
    this.#urls.push(await link.listen());
    return this.links.push(link) - 1;
  }

  /** Adds a member to the cluster by a change through `via`, and starts it. */
  async grow(
    via: RunningMember,
    role: { votes: number; witness?: boolean },
  ): Promise<RunningMember> {
    const at = await this.addLink();
    const urls = this.urlsOf(at);
    const id = nodeIdOf(memberId(urls, "added"));
    const outcome = await via.changeMembers([{ kind: "add", id, urls, ...role }]);
    if (outcome.kind !== "changed") throw new Error(`not added: ${JSON.stringify(outcome)}`);
    return this.startOne(at);
  }

  urlsOf(at: number): string[] {
    return [this.#urls[at] as string];
  }

  get initialCluster() {
    return this.#urls.map((peerUrl, at) => ({ name: `m${at + 1}`, peerUrl }));
  }

  optionsOf(at: number): MemberOptions {
    const note = (message: string, fields?: object) =>
      this.warnings.push(`m${at + 1} ${message} ${JSON.stringify(fields)}`);
    const isFounder = at < this.#founders;
    return {
      name: `m${at + 1}`,
      dataDir: join(this.directory, `m${at + 1}`),
      listenPeerUrl: "http://127.0.0.1:0",
      initialCluster: isFounder
        ? this.initialCluster.slice(0, this.#founders)
        : this.initialCluster,
      initialClusterState: isFounder ? "new" : "existing",
      clientUrls: [`http://client-${at + 1}`],
      heartbeatMs: 30,
      electionMs: 300,
      random: new Prng(at),
      logger: { debug() {}, info() {}, warn: note, error: note },
      ...this.#options,
    };
  }

  async startOne(at: number): Promise<RunningMember> {
    const member = await startMember(this.optionsOf(at));
    this.members[at] = member;
    const link = this.links[at] as Link;
    link.target = Number(new URL(member.peerUrl).port);
    return member;
  }

  /** Waits for one leader that all of `members` follow. */
  async leader(members: readonly RunningMember[] = this.members): Promise<RunningMember> {
    let leader: RunningMember | undefined;
    await until(() => {
      leader = members.find((member) => member.status().isLeader);
      return members.every((member) => member.status().leaderId === leader?.id);
    }, "a leader that all follow");
    return leader as RunningMember;
  }

  async follower(): Promise<RunningMember> {
    const leader = await this.leader();
    return this.members.find((member) => member !== leader) as RunningMember;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  async close(): Promise<void> {
    await this.stopAll();
    await Promise.all(this.links.map((link) => link.close()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function put(member: RunningMember, key: string, value = "v", onlyInTerm = 0) {
  const request = putRequest(utf8(key), utf8(value));
  return member.propose({ kind: "put", request }, { onlyInTerm });
}

/** What `member` has under `key`, locally. */
export function read(
  member: RunningMember,
  key: string,
): { value: string; version: number } | undefined {
  const result = member.store.range(getRequest(utf8(key)));
  if (result.kind !== "range") throw new Error(result.error);
  const [kv] = result.kvs;
  return kv && { value: textOf(kv.value), version: kv.version };
}

export function revisionOf(outcome: ProposeOutcome): number {
  if (outcome.kind !== "applied" || outcome.result.kind === "refused") {
    throw new Error(`not applied: ${JSON.stringify(outcome)}`);
  }
  return outcome.result.revision;
}
