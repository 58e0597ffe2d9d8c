/**
 * A cluster in memory, driven by hand or by a random schedule: nothing happens by itself.
 *
 * Each member executes the effects of its engine as a driver has to: writes are queued and complete
 * in order when told to, messages go to a network that is a plain list, committed entries go to a
 * state machine that is the list of what was applied. A crash loses the engine, the queued writes
 * and, down to its last checkpoint, the state machine.
 */
import { strict as assert } from "node:assert";
import { Prng, textOf, utf8 } from "@flotilla/base";
import { isWitness } from "../src/configuration.ts";
import type {
  Configuration,
  ConfigurationChange,
  Effects,
  EngineOptions,
  EngineState,
  Entry,
  HardState,
  Message,
  NodeId,
  Persist,
  SnapshotMeta,
} from "../src/contract.ts";
import { Raft } from "../src/raft/raft.ts";

/** One vote for each of `ids`. */
export function votersOf(...ids: readonly NodeId[]): Configuration {
  return { voters: ids.map((id) => ({ id, votes: 1 })), learners: [], outgoing: [] };
}

/** That of a server that is new. */
export const blank: Configuration = { voters: [], learners: [], outgoing: [] };

/** What a member keeps across crashes. */
export interface Disk {
  hardState: HardState;
  snapshot: SnapshotMeta;
  entries: Entry[];
  /** The state machine up to `snapshot.index`, one text for each index from 1. */
  machine: string[];
}

interface Write {
  readonly persist: Persist | undefined;
  readonly messages: readonly Message[];
}

export interface ReadResult {
  readonly requestId: number;
  readonly index: number;
}

/** Sees every effect before it is executed, and every message when it leaves. */
export interface Observer {
  readonly effects: (member: Member, effects: Effects) => void;
  readonly sent: (message: Message) => void;
}

export class Member {
  readonly id: NodeId;
  readonly disk: Disk;
  raft: Raft;
  isUp = true;
  /** Queued writes, oldest first, with the messages that wait for them. */
  writes: Write[] = [];
  /** What was applied, one text for each index from 1. */
  machine: string[] = [];
  reads: ReadResult[] = [];
  droppedReads: number[] = [];
  /** What its clock shows; leases need one. */
  nowMs: number | undefined;
  /** Once a witness, always one: what it applies is only counted. */
  isWitness = false;
  /** Snapshot bytes by index, as they arrived from a leader. */
  readonly received = new Map<number, string[]>();
  options: Omit<EngineOptions, "id">;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, id: NodeId, disk: Disk, options: Omit<EngineOptions, "id">) {
    this.id = id;
    this.disk = disk;
    this.#cluster = cluster;
    this.options = options;
    this.raft = this.#start();
  }

  #start(): Raft {
    const { hardState, snapshot, entries, machine } = this.disk;
    this.machine = [...machine];
    const state: EngineState = {
      hardState,
      snapshot,
      entries: [...entries],
      appliedIndex: snapshot.index,
    };
    return new Raft({ ...this.options, id: this.id }, state);
  }

  get server(): Raft["server"] {
    return this.raft.server;
  }

  get isLeader(): boolean {
    return this.isUp && this.server.role === "leader";
  }

  /** One input, then everything that it causes here at once. */
  input(act: (raft: Raft) => void): void {
    if (!this.isUp) return;
    act(this.raft);
    this.pump();
  }

  /** Changes the configuration, if this is the leader; says what became of it. */
  change(...changes: readonly ConfigurationChange[]): string {
    const outcome = this.raft.change(changes);
    this.pump();
    return outcome.kind === "appended" ? outcome.kind : outcome.reason;
  }

  /** Executes effects until there are none; writes are only queued. */
  pump(): void {
    for (let round = 0; ; round++) {
      assert.ok(round < 100, `${this.id}: effects never end`);
      this.isWitness ||= isWitness(this.raft.configuration, this.id);
      const effects = this.raft.takeEffects(this.nowMs);
      if (effects === undefined) return;
      this.#cluster.observer?.effects(this, effects);
      this.#execute(effects);
    }
  }

  #execute(effects: Effects): void {
    for (const message of effects.messages) this.#cluster.send(this, message);
    this.writes.push({ persist: effects.persist, messages: effects.messagesAfterPersist });
    for (const entry of effects.committed) {
      assert.equal(entry.index, this.machine.length + 1, `${this.id}: applied out of order`);
      this.machine.push(this.isWitness ? placeOf(entry) : textOfEntry(entry));
    }
    const last = effects.committed.at(-1);
    if (last !== undefined) this.raft.applied(last.index);
    this.reads.push(...effects.reads);
    this.droppedReads.push(...effects.droppedReads);
    if (this.#cluster.syncsAtOnce) this.completeWrites();
  }

  /** The oldest `count` queued writes become durable, in order. */
  completeWrites(count = Number.POSITIVE_INFINITY): void {
    for (let done = 0; done < count; done++) {
      const write = this.writes.shift();
      if (write === undefined) return;
      if (write.persist !== undefined) this.#store(write.persist);
      for (const message of write.messages) this.#cluster.send(this, message);
      if (write.persist !== undefined) this.raft.persisted(write.persist.token);
      this.pump();
    }
  }

  #store(persist: Persist): void {
    const { disk } = this;
    if (persist.hardState !== undefined) disk.hardState = persist.hardState;
    if (persist.snapshot !== undefined) this.#install(persist.snapshot);
    const first = persist.entries[0];
    if (first === undefined) return;
    disk.entries = disk.entries.filter((entry) => entry.index < first.index);
    disk.entries.push(...persist.entries);
    assert.equal(disk.entries[0]?.index, disk.snapshot.index + 1, `${this.id}: hole on disk`);
  }

  #install(snapshot: SnapshotMeta): void {
    const nothing = Array<string>(snapshot.index).fill("-");
    const machine = this.isWitness ? nothing : this.received.get(snapshot.index);
    assert.ok(machine !== undefined, `${this.id}: no bytes for snapshot ${snapshot.index}`);
    this.disk.snapshot = snapshot;
    this.disk.entries = [];
    this.disk.machine = machine;
    this.machine = [...machine];
    this.raft.snapshotInstalled(snapshot);
  }

  /** Makes a checkpoint of the state machine and drops the log up to `index`, on disk as well. */
  compact(index: number): void {
    const term = this.server.log.termAt(index);
    if (term === undefined || index > this.server.appliedIndex) return;
    const configuration = this.server.configurations.at(index);
    this.disk.snapshot = { index, term, configuration };
    this.disk.machine = this.machine.slice(0, index);
    this.disk.entries = this.disk.entries.filter((entry) => entry.index > index);
    this.input((raft) => raft.compact(index));
  }

  crash(): void {
    this.isUp = false;
    this.writes = [];
    this.received.clear();
  }

  restart(): void {
    this.crash();
    this.isUp = true;
    this.raft = this.#start();
    this.pump();
  }

  /** Comes back with an empty disk, as `incarnation`. */
  wipe(incarnation: number): void {
    this.disk.hardState = { term: 0, vote: "", commit: 0 };
    this.disk.snapshot = { index: 0, term: 0, configuration: blank };
    this.disk.entries = [];
    this.disk.machine = [];
    this.options = { ...this.options, incarnation };
    this.restart();
  }
}

export interface ClusterOptions {
  readonly configuration: Configuration;
  /** Servers that exist; those of the configuration when left out. */
  readonly ids?: readonly NodeId[];
  readonly seed?: number;
  readonly incarnations?: Readonly<Record<NodeId, number>>;
  readonly engine?: Partial<Omit<EngineOptions, "id" | "random">>;
  /** Logs to start with: each as its terms, so that "112" is index 1 to 3 with terms 1, 1, 2. */
  readonly logs?: Readonly<Record<NodeId, string>>;
  readonly terms?: Readonly<Record<NodeId, number>>;
  /** False: writes wait for `completeWrites`. */
  readonly syncsAtOnce?: boolean;
  readonly observer?: Observer;
}

export class Cluster {
  readonly members = new Map<NodeId, Member>();
  /** On their way, oldest first. */
  network: Message[] = [];
  syncsAtOnce: boolean;
  /** What the state machine was when a snapshot was sent. */
  readonly #bytes = new WeakMap<Message, string[]>();
  readonly observer: Observer | undefined;
  readonly #prng: Prng;
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    const { configuration, logs = {}, terms = {} } = options;
    this.syncsAtOnce = options.syncsAtOnce ?? true;
    this.observer = options.observer;
    this.#options = options;
    this.#prng = new Prng(options.seed ?? 1);
    const ids = options.ids ?? configuration.voters.map((voter) => voter.id);
    for (const id of ids) {
      const entries = entriesOf(logs[id] ?? "");
      const term = terms[id] ?? entries.at(-1)?.term ?? 0;
      this.#add(id, {
        hardState: { term, vote: "", commit: 0 },
        snapshot: { index: 0, term: 0, configuration },
        entries,
        machine: [],
      });
    }
  }

  #add(id: NodeId, disk: Disk): Member {
    const { engine = {}, incarnations = {} } = this.#options;
    const incarnation = incarnations[id] ?? 0;
    const member = new Member(this, id, disk, {
      ...engine,
      incarnation,
      random: this.#prng.split(),
    });
    this.members.set(id, member);
    return member;
  }

  /** A server that is new, and waits to be added. */
  join(id: NodeId): Member {
    return this.#add(id, {
      hardState: { term: 0, vote: "", commit: 0 },
      snapshot: { index: 0, term: 0, configuration: blank },
      entries: [],
      machine: [],
    });
  }

  get(id: NodeId): Member {
    const member = this.members.get(id);
    assert.ok(member !== undefined, `no member ${id}`);
    return member;
  }

  get up(): Member[] {
    return [...this.members.values()].filter((member) => member.isUp);
  }

  get leaders(): Member[] {
    return this.up.filter((member) => member.isLeader);
  }

  /** The leader of the highest term. */
  get leader(): Member | undefined {
    return this.leaders.sort((left, right) => right.server.term - left.server.term)[0];
  }

  send(from: Member, message: Message): void {
    assert.equal(message.from, from.id, "a message with a wrong sender");
    if (message.kind === "installSnapshot") {
      assert.equal(message.snapshot.index, from.machine.length, "a snapshot of another state");
      this.#bytes.set(message, [...from.machine]);
    }
    this.observer?.sent(message);
    this.network.push(message);
  }

  /** Hands over one message; the bytes of a snapshot travel with it. */
  deliver(message: Message): void {
    const to = this.members.get(message.to);
    if (to === undefined || !to.isUp) {
      this.lose(message);
      return;
    }
    if (message.kind !== "installSnapshot") {
      to.input((raft) => raft.step(message));
      return;
    }
    to.received.set(message.snapshot.index, this.#bytes.get(message) ?? []);
    to.input((raft) => raft.step(message));
    this.get(message.from).input((raft) => raft.snapshotSent(message.to, true));
  }

  /** The message does not arrive. Only the sender of a snapshot gets to know. */
  lose(message: Message): void {
    if (message.kind !== "installSnapshot") return;
    this.get(message.from).input((raft) => raft.snapshotSent(message.to, false));
  }

  /** Delivers what is on its way and what that causes; drops what `isLost` says. */
  settle(isLost: (message: Message) => boolean = () => false): void {
    for (let count = 0; this.network.length > 0; count++) {
      assert.ok(count < 100_000, "messages never end");
      const message = this.network.shift() as Message;
      if (isLost(message)) this.lose(message);
      else this.deliver(message);
    }
  }

  /** Takes the messages for which `isWanted` off the network. */
  take(isWanted: (message: Message) => boolean): Message[] {
    const taken = this.network.filter(isWanted);
    this.network = this.network.filter((message) => !isWanted(message));
    return taken;
  }

  /** `count` ticks for everybody, delivering everything after each. */
  run(count: number, isLost: (message: Message) => boolean = () => false): void {
    for (let tick = 0; tick < count; tick++) {
      for (const member of this.up) member.input((raft) => raft.tick());
      this.settle(isLost);
    }
  }

  /** Only `id` gets ticks, until it has won with whoever can be reached. */
  elect(id: NodeId, isLost: (message: Message) => boolean = () => false): void {
    const member = this.get(id);
    for (let tick = 0; tick < 100 && !member.isLeader; tick++) {
      // The others have not heard of a leader for a while, or stickiness would protect it.
      for (const each of this.up) each.server.electionElapsed += each.isLeader ? 0 : 1;
      member.raft.tick();
      member.pump();
      this.settle(isLost);
    }
    assert.ok(member.isLeader, `${id} did not become leader`);
  }
}

/** The terms of a log, as in {@link ClusterOptions.logs}; entries hold their own position. */
export function entriesOf(terms: string, firstIndex = 1): Entry[] {
  return [...terms].map((term, offset) => ({
    index: firstIndex + offset,
    term: Number(term),
    kind: "command",
    data: utf8(`${term}.${firstIndex + offset}`),
  }));
}

/** The log of a member as its terms, from the first entry in memory. */
export function termsOf(member: Member): string {
  const { log } = member.server;
  return log
    .slice(log.firstIndex, log.lastIndex)
    .map((entry) => entry.term)
    .join("");
}

/** What a witness knows of an entry. */
function placeOf(entry: Entry): string {
  return `${entry.term}:-`;
}

export function textOfEntry(entry: Entry): string {
  return `${entry.term}:${entry.kind}:${textOf(entry.data)}`;
}

/** Loses every message from or to one of `ids`. */
export function cutOff(...ids: readonly NodeId[]): (message: Message) => boolean {
  return (message) => ids.includes(message.from) || ids.includes(message.to);
}
