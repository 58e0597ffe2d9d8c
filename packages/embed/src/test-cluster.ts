/**
 * A cluster for a test suite: members in processes of their own, on loopback and in a temporary
 * directory, that can be killed, paused and cut off as machines are.
 */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEtcdClient, type EtcdClient, type EtcdClientOptions } from "@flotilla/client";
import type { EtcdApiOptions } from "@flotilla/etcd-api";
import { EmbedError } from "./errors.ts";
import { electionMsDefault, heartbeatMsDefault, lookMs, membersMax, startMs } from "./limits.ts";
import { PeerLinks } from "./peer-links.ts";
import { untilServed } from "./start-member.ts";
import { TestMember } from "./test-member.ts";

export interface TestClusterOptions {
  /** How many: 1 to 9. Default 3. */
  readonly members?: number;
  /** `memory`: on a file system in memory where the machine has one, which spares each sync. Default `disk`. */
  readonly storage?: "disk" | "memory";
  /** Default 50. */
  readonly heartbeatMs?: number;
  /** Default 500. */
  readonly electionMs?: number;
  /** Of etcd's API, at all members; what goes through JSON. */
  readonly api?: Partial<EtcdApiOptions>;
}

export class TestCluster {
  /** m1, m2, ... */
  readonly members: readonly TestMember[];
  /** Over all members; closed by {@link stop}. */
  readonly client: EtcdClient;
  readonly #directory: string;
  readonly #links: PeerLinks;
  readonly #clients: EtcdClient[] = [];
  #stopping: Promise<void> | undefined;

  constructor(members: readonly TestMember[], links: PeerLinks, directory: string) {
    this.members = members;
    this.#links = links;
    this.#directory = directory;
    this.client = this.connect();
  }

  get clientUrls(): readonly string[] {
    return this.members.map((member) => member.clientUrl);
  }

  /** Another client, of all members unless `endpoints` says otherwise; closed by {@link stop}. */
  connect(options: Partial<EtcdClientOptions> = {}): EtcdClient {
    const client = createEtcdClient({ endpoints: this.clientUrls, ...options });
    this.#clients.push(client);
    return client;
  }

  /** The leader that a majority follows, once there is one. Rejects with `noLeader`. */
  async leader(): Promise<TestMember> {
    const endMs = performance.now() + startMs;
    while (performance.now() < endMs) {
      const leader = await this.#findLeader();
      if (leader !== undefined) return leader;
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    throw new EmbedError("noLeader", `There was no leader in ${startMs} ms`);
  }

  /** One that runs and does not lead. */
  async follower(): Promise<TestMember> {
    const leader = await this.leader();
    const follower = this.members.find((member) => member !== leader && member.isRunning);
    if (follower !== undefined) return follower;
    throw new EmbedError("badState", "No member runs beside the leader");
  }

  /** Ends everything and removes what members kept. Does nothing the second time. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    // Nothing of what they keep is needed any more.
    await Promise.all(this.members.map((member) => member.kill()));
    await this.#links.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #findLeader(): Promise<TestMember | undefined> {
    const views = await Promise.all(this.members.map((member) => this.#viewOf(member)));
    const majority = Math.floor(this.members.length / 2) + 1;
    return this.members.find((_, at) => {
      const own = views[at];
      if (own === undefined || own.leader !== own.id) return false;
      const followers = views.filter((view) => view?.leader === own.id && view.term === own.term);
      return followers.length >= majority;
    });
  }

  async #viewOf(member: TestMember) {
    if (!member.isRunning) return undefined;
    try {
      const options = { endpoint: member.clientUrl, timeoutMs: 500 };
      const { header, leaderId, raftTerm } = await this.client.maintenance.status(options);
      return { id: header.memberId, leader: leaderId, term: raftTerm };
    } catch {
      return undefined; // Paused, or it has just ended: it leads nobody.
    }
  }
}

/** Starts members that have just been made; resolves once they have a leader. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { members: count = 3 } = options;
  if (!Number.isInteger(count) || count < 1 || count > membersMax) {
    throw new EmbedError("badState", `A test cluster has 1 to ${membersMax} members, not ${count}`);
  }
  const directory = await mkdtemp(join(parentDirectory(options.storage), "flotilla-cluster-"));
  const links = await PeerLinks.open(count);
  const initialCluster = links.links.map(({ url }, at) => ({ name: `m${at + 1}`, peerUrl: url }));
  const members = links.links.map((link, at) => {
    const name = `m${at + 1}`;
    const start = {
      name,
      initialCluster,
      dataDir: join(directory, name),
      clusterDir: directory,
      heartbeatMs: options.heartbeatMs ?? heartbeatMsDefault,
      electionMs: options.electionMs ?? electionMsDefault,
      api: options.api ?? {},
    };
    return new TestMember(start, link);
  });
  try {
    await Promise.all(members.map((member) => member.start()));
    const cluster = new TestCluster(members, links, directory);
    await untilServed(cluster.client);
    return cluster;
  } catch (error) {
    await Promise.all(members.map((member) => member.kill()));
    await links.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Linux has a file system in memory there. */
const memoryDirectory = "/dev/shm";

function parentDirectory(storage: "disk" | "memory" = "disk"): string {
  return storage === "memory" && existsSync(memoryDirectory) ? memoryDirectory : tmpdir();
}
