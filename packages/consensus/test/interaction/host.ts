/**
 * One server of a script: an engine, and the driver that executes its effects as the contract says.
 *
 * Disk and state machine are fast (what is asked of them happens at once) or slow (it happens when
 * the script says so). A crash loses the engine, the writes that are still queued, and the state
 * machine down to its last checkpoint.
 */
import { strict as assert } from "node:assert";
import type {
  Effects,
  EngineOptions,
  Entry,
  HardState,
  Message,
  NodeId,
  Persist,
  PersistToken,
  SnapshotMeta,
} from "../../src/contract.ts";
import { Raft } from "../../src/raft/raft.ts";
import { textOfEntries, textOfEntry, textOfMessage, textOfPersist } from "./notation.ts";
import type { Trace } from "./trace.ts";
import { changesBetween, forgottenBetween, type View, viewOf } from "./view.ts";

/** What a server keeps across crashes. */
export interface Disk {
  hardState: HardState;
  snapshot: SnapshotMeta;
  entries: Entry[];
  /** The checkpoint of the state machine, at `snapshot.index`: one text for each index from 1. */
  machine: readonly string[];
}

interface Write {
  /** Undefined for messages that only wait for the writes before them. */
  readonly persist: Persist | undefined;
  readonly messages: readonly Message[];
}

/** What a host tells the cluster that it is in. */
export interface Surroundings {
  readonly trace: Trace;
  sent(host: Host, message: Message): void;
  applied(host: Host, entry: Entry): void;
}

/** Milliseconds that a tick stands for. */
export const tickMs = 100;

export class Host {
  readonly id: NodeId;
  options: Omit<EngineOptions, "id">;
  disk: Disk;
  raft: Raft;
  isUp = true;
  nowMs = 0;
  hasSlowDisk = false;
  hasSlowMachine = false;
  /** What was applied, one text for each index from 1. */
  machine: string[] = [];
  /** Committed and not applied yet: the slow machine's work. */
  unapplied: Entry[] = [];
  /** Not written yet, oldest first. */
  #writes: Write[] = [];
  /** On the disk, without the engine knowing it yet. */
  #unreported: Write[] = [];
  readonly #received = new Map<number, readonly string[]>();
  readonly #around: Surroundings;
  #view: View;

  constructor(around: Surroundings, id: NodeId, disk: Disk, options: Omit<EngineOptions, "id">) {
    this.#around = around;
    this.id = id;
    this.disk = disk;
    this.options = options;
    this.raft = this.#start();
    this.#view = viewOf(this.raft);
  }

  #start(): Raft {
    const { hardState, snapshot, entries, machine } = this.disk;
    this.machine = [...machine];
    const state = { hardState, snapshot, entries: [...entries], appliedIndex: snapshot.index };
    return new Raft({ ...this.options, id: this.id }, state);
  }

  /** One input, then everything that it causes here at once. */
  input(act: (raft: Raft) => void): void {
    if (!this.isUp) throw new Error(`${this.id} is down`);
    act(this.raft);
    this.#pump();
  }

  tick(): void {
    this.nowMs += tickMs;
    this.input((raft) => raft.tick());
  }

  /** The bytes of a snapshot come with its message. */
  receive(message: Message, machine: readonly string[]): void {
    if (message.kind === "installSnapshot") this.#received.set(message.snapshot.index, machine);
    this.input((raft) => raft.step(message));
  }

  #pump(): void {
    for (let round = 0; ; round++) {
      assert.ok(round < 100, `${this.id}: effects never end`);
      this.#sayChanges();
      const effects = this.raft.takeEffects(this.nowMs);
      this.#sayChanges();
      if (effects === undefined) return;
      this.#execute(effects);
    }
  }

  #sayChanges(): void {
    const before = this.#view;
    this.#view = viewOf(this.raft);
    const forgotten = forgottenBetween(before, this.#view);
    if (forgotten !== "") this.#say(`forgets ${forgotten}`);
    const changes = changesBetween(before, this.#view);
    if (changes.length > 0) this.#say(`= ${changes.join(", ")}`);
  }

  #say(text: string): void {
    this.#around.trace.say(`${this.id} ${text}`);
  }

  #execute(effects: Effects): void {
    const { persist } = effects;
    if (persist !== undefined) this.#say(this.#textOfWrite(persist));
    for (const message of effects.messages) this.#send(message);
    for (const { requestId, index } of effects.reads) {
      this.#say(`may serve read ${requestId} at ${index}`);
    }
    for (const requestId of effects.droppedReads) this.#say(`drops read ${requestId}`);
    this.#release(effects.committed);
    // A fast disk ends here and now, and what that causes comes after all of this.
    this.#queue({ persist, messages: effects.messagesAfterPersist });
  }

  #release(committed: readonly Entry[]): void {
    if (committed.length === 0) return;
    this.unapplied.push(...committed);
    if (this.hasSlowMachine) this.#say(`may apply ${textOfEntries(committed)}`);
    else this.#apply(this.unapplied.length);
  }

  #textOfWrite(persist: Persist): string {
    const number = this.hasSlowDisk ? ` #${persist.token.sequence}` : "";
    // What need not be synced is the commit index alone.
    if (!persist.mustSync) return `notes${number} commit ${persist.hardState?.commit ?? "-"}`;
    return `writes${number} ${textOfPersist(persist)}`;
  }

  #send(message: Message): void {
    this.#say(`-> ${message.to} ${textOfMessage(message)}`);
    this.#around.sent(this, message);
  }

  #queue(write: Write): void {
    if (write.persist === undefined && write.messages.length === 0) return;
    const isFirst = this.#writes.length === 0 && this.#unreported.length === 0;
    const waits = this.hasSlowDisk && (!isFirst || write.persist?.mustSync === true);
    this.#writes.push(write);
    if (!waits) {
      this.#store(1);
      this.#report(1);
      return;
    }
    for (const message of write.messages) {
      this.#say(`~> ${message.to} ${textOfMessage(message)}`);
    }
  }

  get writeCount(): number {
    return this.#writes.length;
  }

  get unreportedCount(): number {
    return this.#unreported.length;
  }

  /** The oldest `count` writes are on the disk, and the engine gets to know it. */
  completeWrites(count: number): void {
    for (let done = 0; done < count && this.#writes.length > 0; done++) {
      this.#store(1);
      this.reportWrites(1);
    }
  }

  /** The oldest `count` writes are on the disk; the word of it is late. */
  storeWrites(count: number): void {
    for (const write of this.#store(count)) this.#say(`has stored${numberOf(write)}`);
  }

  /** The engine gets to know of the oldest `count` writes that are on the disk already. */
  reportWrites(count: number): void {
    for (let done = 0; done < count && this.#unreported.length > 0; done++) {
      const [write] = this.#unreported as [Write];
      const { trace } = this.#around;
      trace.below(`${this.id} has written${numberOf(write)}`, () => this.#report(1));
    }
  }

  #store(count: number): Write[] {
    const writes = this.#writes.splice(0, count);
    for (const { persist } of writes) if (persist !== undefined) this.#put(persist);
    this.#unreported.push(...writes);
    return writes;
  }

  #report(count: number): void {
    for (const { persist, messages } of this.#unreported.splice(0, count)) {
      if (persist?.snapshot !== undefined) this.raft.snapshotInstalled(persist.snapshot);
      if (persist !== undefined) this.raft.persisted(persist.token);
      for (const message of messages) this.#send(message);
    }
    this.#pump();
  }

  #put(persist: Persist): void {
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
    const machine = this.#received.get(snapshot.index);
    assert.ok(machine !== undefined, `${this.id}: no bytes for snapshot ${snapshot.index}`);
    this.disk.snapshot = snapshot;
    this.disk.entries = [];
    this.disk.machine = machine;
    this.machine = [...machine];
    this.unapplied = [];
  }

  /** The slow machine does the oldest `count` of its entries. */
  apply(count: number): void {
    this.#apply(count);
    this.#pump();
  }

  #apply(count: number): void {
    const entries = this.unapplied.splice(0, count);
    const last = entries.at(-1);
    if (last === undefined) return;
    for (const entry of entries) {
      assert.equal(entry.index, this.machine.length + 1, `${this.id}: applied out of order`);
      this.machine.push(textOfEntry(entry));
      this.#around.applied(this, entry);
    }
    this.#say(`applies ${textOfEntries(entries)}`);
    this.raft.applied(last.index);
  }

  /** Makes a checkpoint of the state machine and drops the log up to `index`, on disk as well. */
  compact(index: number): void {
    const { log, configurations } = this.raft.server;
    const term = log.termAt(index);
    assert.ok(term !== undefined && index <= this.machine.length, `${this.id}: not compactable`);
    this.disk.snapshot = { index, term, configuration: configurations.at(index) };
    this.disk.machine = this.machine.slice(0, index);
    this.disk.entries = this.disk.entries.filter((entry) => entry.index > index);
    this.input((raft) => raft.compact(index));
  }

  crash(): void {
    this.isUp = false;
    this.unapplied = [];
    this.#writes = [];
    this.#unreported = [];
    this.#received.clear();
  }

  restart(): void {
    assert.ok(!this.isUp, `${this.id} is up`);
    this.isUp = true;
    this.raft = this.#start();
    this.#view = viewOf(this.raft);
    this.#pump();
  }
}

function numberOf(write: Write): string {
  const token: PersistToken | undefined = write.persist?.token;
  return token === undefined ? "" : ` #${token.sequence}`;
}
