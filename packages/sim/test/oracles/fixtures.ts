/**
 * Servers as the observer sees them, moved by hand. A log is written as its terms: "112" is index 1
 * to 3 in terms 1, 1, 2. Every entry's data says its index and term, so that equal places are equal.
 */
import { equal, fail } from "node:assert/strict";
import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  encodeConfiguration,
  type NodeId,
  type Role,
} from "@flotilla/consensus";
import {
  createInvariantOracle,
  type InvariantOracle,
  LogMirror,
  type ServerView,
  type Violation,
} from "../../src/oracles/index.ts";

export function configurationOf(
  voters: string,
  more: Partial<Configuration> & { readonly old?: string } = {},
): Configuration {
  const { old = "", ...rest } = more;
  return { voters: votersOf(voters), outgoing: votersOf(old), learners: [], ...rest };
}

/** "a b c=3": votes are 1 when not said. */
function votersOf(text: string): { readonly id: NodeId; readonly votes: number }[] {
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const [id = "", votes = "1"] = word.split("=");
      return { id, votes: Number(votes) };
    });
}

export function command(index: number, term: number, text = `${index}/${term}`): Entry {
  return { index, term, kind: "command", data: new TextEncoder().encode(text) };
}

export function configurationEntry(
  index: number,
  term: number,
  configuration: Configuration,
): Entry {
  return { index, term, kind: "config", data: encodeConfiguration(configuration) };
}

export class TestServer implements ServerView {
  readonly id: NodeId;
  isUp = true;
  start = 1;
  disk = 1;
  role: Role = "follower";
  term = 0;
  vote: NodeId = "";
  supersededBy = 0;
  leader: NodeId = "";
  commitIndex = 0;
  appliedIndex = 0;
  configuration: Configuration;
  log = new LogMirror();
  durable = new LogMirror();

  constructor(id: NodeId, configuration: Configuration) {
    this.id = id;
    this.configuration = configuration;
  }

  enter(term: number, vote: NodeId = ""): this {
    this.term = term;
    this.vote = vote;
    this.role = "follower";
    return this;
  }

  /** In memory: the entries from `first` on are these, given by their terms or themselves. */
  write(first: number, entries: string | readonly Entry[]): this {
    const list =
      typeof entries === "string"
        ? [...entries].map((term, at) => command(first + at, Number(term)))
        : entries;
    this.log.write({ entries: list });
    this.term = Math.max(this.term, list.at(-1)?.term ?? 0);
    const last = list.findLast((entry) => entry.kind === "config");
    this.configuration = decodeConfiguration(last?.data ?? new Uint8Array()) ?? this.configuration;
    return this;
  }

  /** In memory: all that is in the log of the other one. */
  copy(other: TestServer): this {
    const entries: Entry[] = [];
    for (let index = 1; index <= other.log.lastIndex; index++) {
      entries.push(other.log.entryAt(index) ?? fail("the other one has compacted"));
    }
    return this.write(1, entries);
  }

  /** Everything in memory is on the disk now. */
  sync(): this {
    const { term, vote, log } = this;
    const entries: Entry[] = [];
    for (let index = log.firstIndex; index <= log.lastIndex; index++) {
      entries.push(log.entryAt(index) ?? fail());
    }
    const snapshot = { index: log.firstIndex - 1, term: log.termAt(log.firstIndex - 1) ?? 0 };
    const { supersededBy } = this;
    const hardState = { term, vote, commit: 0, supersededBy };
    this.durable.restart({ hardState, snapshot, entries });
    return this;
  }

  commit(index: number): this {
    this.commitIndex = index;
    return this;
  }

  apply(index: number): this {
    this.appliedIndex = index;
    return this;
  }

  /** The process ends; its memory stays to be looked at. */
  stop(): this {
    this.isUp = false;
    return this;
  }

  /** A new process starts from what is on the disk. */
  restart(): this {
    const { durable } = this;
    const entries: Entry[] = [];
    for (let index = durable.firstIndex; index <= durable.lastIndex; index++) {
      entries.push(durable.entryAt(index) ?? fail());
    }
    const snapshot = {
      index: durable.firstIndex - 1,
      term: durable.termAt(durable.firstIndex - 1) ?? 0,
    };
    const hardState = { term: durable.term, vote: durable.vote, commit: 0 };
    this.log.restart({ hardState, snapshot, entries });
    this.start++;
    this.isUp = true;
    this.role = "follower";
    this.term = Math.max(durable.term, durable.termAt(durable.lastIndex) ?? 0);
    this.vote = durable.vote;
    this.commitIndex = snapshot.index;
    this.appliedIndex = snapshot.index;
    return this;
  }
}

export class TestCluster {
  readonly oracle: InvariantOracle;
  readonly configuration: Configuration;
  readonly servers = new Map<NodeId, TestServer>();

  constructor(configuration: Configuration = configurationOf("a b c")) {
    this.configuration = configuration;
    this.oracle = createInvariantOracle({ configuration });
    const { voters, outgoing, learners } = configuration;
    for (const id of [...[...voters, ...outgoing].map((voter) => voter.id), ...learners]) {
      if (this.servers.has(id)) continue;
      this.servers.set(id, new TestServer(id, configuration));
      this.sees(this.at(id));
    }
  }

  at(id: NodeId): TestServer {
    return this.servers.get(id) ?? fail(`no server ${id}`);
  }

  /** A server with an empty disk that knows nobody. */
  join(id: NodeId): TestServer {
    const server = new TestServer(id, configurationOf(""));
    this.servers.set(id, server);
    return server;
  }

  /** All is well after this. */
  sees(...servers: readonly TestServer[]): void {
    for (const server of servers) holds(this.oracle.observe(server));
  }

  /** It breaks this promise, and its message has these facts. */
  breaks(server: TestServer, oracle: string, facts: RegExp): void {
    isBroken(this.oracle.observe(server), oracle, facts);
  }

  /** `leader` gets the durable votes of itself and `voters` and leads; nothing is appended. */
  elect(leader: NodeId, term: number, ...voters: readonly NodeId[]): TestServer {
    for (const id of [leader, ...voters]) this.sees(this.at(id).enter(term, leader).sync());
    this.at(leader).role = "leader";
    this.sees(this.at(leader));
    return this.at(leader);
  }

  /** Entries that are in the log and on the disk of all these, after what they have. */
  replicate(first: number, entries: string | readonly Entry[], ...ids: readonly NodeId[]): void {
    const list =
      typeof entries === "string"
        ? [...entries].map((term, at) => command(first + at, Number(term)))
        : entries;
    for (const id of ids) this.sees(this.at(id).write(first, list).sync());
  }

  /** They call it committed, the leader first. */
  commit(index: number, ...ids: readonly NodeId[]): void {
    for (const id of ids) this.sees(this.at(id).commit(index));
  }
}

/** Term 1: a leads, entries 1 and 2 are on a and b and committed there. c has nothing. */
export function settled(): TestCluster {
  const cluster = new TestCluster();
  cluster.elect("a", 1, "b");
  cluster.replicate(1, "11", "a", "b");
  cluster.commit(2, "a", "b");
  return cluster;
}

export function holds(found: Violation | undefined): void {
  equal(found === undefined ? "" : `${found.oracle}: ${found.message}`, "");
}

export function isBroken(found: Violation | undefined, oracle: string, facts: RegExp): void {
  equal(found?.oracle, oracle, found?.message ?? "nothing was found");
  if (!facts.test(found?.message ?? "")) fail(`${found?.message} does not match ${facts}`);
}
