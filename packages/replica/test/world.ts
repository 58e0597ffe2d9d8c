/** Replicas with real engines and stores on disks and links of memory, in virtual time. */
import { encodeMessage, Prng, silentLogger, textOf, utf8, WireReader } from "@flotilla/base";
import {
  type Configuration,
  createRaft,
  type EngineOptions,
  type EngineState,
  type Entry,
  type HardState,
  type SnapshotMeta,
} from "@flotilla/consensus";
import { createStore, getRequest, putRequest, type Store } from "@flotilla/store";
import type { Wal, WalBatch } from "@flotilla/wal";
import {
  type ApplyLimits,
  appliedConfiguration,
  type ByteSource,
  type CallOutcome,
  createReplica,
  type ProposeOutcome,
  type Replica,
  type SnapshotSink,
  type StateStorage,
} from "../src/index.ts";
import { ArrayBackend, type Rows } from "./fixtures.ts";

export const heartbeatMs = 10;
export const electionMs = 100;
export const requestMs = 2_000;

export interface WorldOptions {
  readonly loss: number;
  readonly snapshotEntries: number;
  readonly catchUpEntries: number;
  readonly sessionsMax: number;
  readonly apply: Partial<ApplyLimits>;
  readonly engine: Partial<EngineOptions>;
}

export class World {
  nowMs = 0;
  readonly prng: Prng;
  readonly options: WorldOptions;
  readonly nodes = new Map<string, Node>();
  /** Bulk frames that were sent. */
  bulkFrames = 0;
  /** None arrives. */
  isBulkLost = false;
  #lastSession = 0n;
  #events: { atMs: number; run: () => void }[] = [];

  constructor(seed: number, options: Partial<WorldOptions> = {}) {
    this.prng = new Prng(seed);
    const intervals = { snapshotEntries: 1_000, catchUpEntries: 1_000 };
    const defaults = { loss: 0, ...intervals, sessionsMax: 100, apply: {}, engine: {} };
    this.options = { ...defaults, ...options };
  }

  after(delayMs: number, run: () => void): () => void {
    const event = { atMs: this.nowMs + delayMs, run };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  newSession(): bigint {
    return ++this.#lastSession;
  }

  /** Brings something from one node to another, or not. */
  carry(from: string, to: string, deliver: (node: Node) => void): void {
    const isCut = this.nodes.get(from)?.isCut === true || this.nodes.get(to)?.isCut === true;
    if (isCut || this.prng.chance(this.options.loss)) return;
    this.after(1 + this.prng.below(3), () => {
      const node = this.nodes.get(to);
      if (node?.isUp === true && !node.isCut) deliver(node);
    });
  }

  /** Until the condition holds; throws when that takes longer than `limitMs`. */
  until(what: string, condition: () => boolean, limitMs = 60_000): void {
    const endMs = this.nowMs + limitMs;
    while (!condition()) {
      const next = Math.min(...this.#events.map(({ atMs }) => atMs));
      if (next > endMs) throw new Error(`did not happen in ${limitMs} ms: ${what}`);
      this.nowMs = next;
      const due = this.#events.filter(({ atMs }) => atMs <= next);
      this.#events = this.#events.filter(({ atMs }) => atMs > next);
      for (const { run } of due) run();
    }
  }

  pass(ms: number): void {
    let isOver = false;
    this.after(ms, () => {
      isOver = true;
    });
    this.until("time", () => isOver);
  }

  /** What an operation calls back with; checks that it does so once, and not too early. */
  ask<Outcome>(start: (done: (outcome: Outcome) => void) => unknown): Outcome {
    const outcomes: Outcome[] = [];
    let hasReturned = false;
    start((outcome) => {
      if (!hasReturned) throw new Error("called back before it has returned");
      outcomes.push(outcome);
    });
    hasReturned = true;
    this.until("an outcome", () => outcomes.length > 0);
    if (outcomes.length !== 1) throw new Error("called back twice");
    return outcomes[0] as Outcome;
  }

  up(): Node[] {
    return [...this.nodes.values()].filter(({ isUp }) => isUp);
  }

  leader(): Node {
    const leading = () => this.up().filter((node) => node.status().role === "leader");
    const isFollowed = () =>
      leading().length === 1 &&
      this.up().every((node) => node.isCut || node.status().leader === leading()[0]?.id);
    this.until("a leader that all follow", isFollowed);
    return leading()[0] as Node;
  }

  follower(): Node {
    const leader = this.leader();
    const isData = ({ id }: Node) => leader.status().configuration.witnesses?.includes(id) !== true;
    return this.up().find((node) => node !== leader && isData(node)) as Node;
  }
}

interface Durable {
  hardState: HardState;
  snapshot: SnapshotMeta;
  entries: readonly Entry[];
  tables: ReadonlyMap<string, Rows>;
  received: ReadonlyMap<string, Uint8Array>;
}

/** One server: what its disk holds, and what runs on it. */
export class Node {
  readonly world: World;
  readonly id: string;
  isCut = false;
  /** Nothing is applied: its machine is busy otherwise. */
  #isHeld = false;
  #held: (() => void)[] = [];
  failure: unknown;
  readonly durable: Durable;
  #running: Running | undefined;

  constructor(world: World, id: string, configuration: Configuration) {
    this.world = world;
    this.id = id;
    this.durable = {
      hardState: { term: 0, vote: "", commit: 0 },
      snapshot: { index: 0, term: 0, configuration },
      entries: [],
      tables: new Map(),
      received: new Map(),
    };
    world.nodes.set(id, this);
    this.start();
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error(`${this.id} is down`);
    return this.#running;
  }

  get replica(): Replica {
    return this.running.replica;
  }

  get store(): Store {
    return this.running.state.store;
  }

  status() {
    return this.replica.status();
  }

  start(): void {
    this.#running = new Running(this);
  }

  /** All that is not durable is gone. */
  crash(): void {
    this.running.isAlive = false;
    this.#running = undefined;
  }

  holdApplying(): void {
    this.#isHeld = true;
  }

  resumeApplying(): void {
    this.#isHeld = false;
    for (const run of this.#held.splice(0)) this.world.after(0, run);
  }

  /** What the store has to do. */
  whenSent(run: () => void): void {
    if (this.#isHeld) this.#held.push(run);
    else this.world.after(0, run);
  }

  /** Changes a bit of everything in the history, as a disk might. */
  corrupt(): void {
    this.running.state.corrupt();
  }

  put(key: string, value = "v"): ProposeOutcome {
    return this.world.ask((done) => this.putLater(key, done, value));
  }

  putLater(key: string, done: (outcome: ProposeOutcome) => void, value = "v"): void {
    this.replica.propose({ kind: "put", request: putRequest(utf8(key), utf8(value)) }, {}, done);
  }

  /** The version under `key`, after a barrier. */
  read(key: string): { value: string; version: number } | undefined {
    const barrier = this.world.ask((done: (outcome: { kind: string }) => void) =>
      this.replica.readBarrier(done),
    );
    if (barrier.kind !== "ready") throw new Error(`no barrier: ${barrier.kind}`);
    return this.readLocally(key);
  }

  readLocally(key: string): { value: string; version: number } | undefined {
    const result = this.store.range(getRequest(utf8(key)));
    const [kv] = result.kind === "range" ? result.kvs : [];
    return kv && { value: textOf(kv.value), version: kv.version };
  }
}

class Running {
  isAlive = true;
  readonly replica: Replica;
  readonly state: MemoryState;

  constructor(node: Node) {
    const { world, id, durable } = node;
    const alive =
      <Args extends unknown[]>(run: (...args: Args) => void) =>
      (...args: Args) => {
        if (this.isAlive) run(...args);
      };
    const after = (delayMs: number, run: () => void) => world.after(delayMs, alive(run));
    this.state = new MemoryState(node, after);
    const engineState = recover(durable, this.state);
    const random = new Prng(world.prng.below(2 ** 31));
    this.replica = createReplica(
      {
        id,
        session: world.newSession(),
        newSession: () => world.newSession(),
        requestMs,
        electionMs,
        snapshotEntries: world.options.snapshotEntries,
        catchUpEntries: world.options.catchUpEntries,
        snapshotIndex: durable.snapshot.index,
        configuration: appliedConfiguration(engineState),
        apply: world.options.apply,
      },
      {
        engine: createRaft(
          { id, electionTicks: electionMs / heartbeatMs, random, ...world.options.engine },
          engineState,
        ),
        wal: memoryWal(node, after),
        state: this.state,
        logger: silentLogger,
        nowMs: () => world.nowMs,
        after,
        nextTurn: (run) => void after(0, run),
        endOfTurn: (run) => void after(0, run),
        whenSent: (run) => node.whenSent(alive(run)),
        send: (message) => world.carry(id, message.to, ({ replica }) => replica.receive(message)),
        sendBulk: (to, frame) => {
          world.bulkFrames++;
          if (world.isBulkLost) return;
          world.carry(id, to, ({ replica }) => replica.receiveBulk(id, frame));
        },
        call: (to, request, timeoutMs, done) => call(node, { to, request, timeoutMs }, alive(done)),
        onWorked: () => {},
        onFailure: (error) => {
          node.failure = error;
        },
      },
    );
    const tick = () => {
      this.replica.tick();
      after(heartbeatMs, tick);
    };
    after(0, tick);
  }
}

function call(
  { world, id }: Node,
  { to, request, timeoutMs }: { to: string; request: Uint8Array; timeoutMs: number },
  done: (outcome: CallOutcome) => void,
): void {
  let isOver = false;
  const end = (outcome: CallOutcome) => {
    if (!isOver) done(outcome);
    isOver = true;
  };
  world.after(timeoutMs, () => end({ kind: "failed", reason: "timeout" }));
  world.carry(id, to, ({ replica }) =>
    replica.receiveCall(id, request, (response) =>
      world.carry(to, id, () => end({ kind: "answered", response })),
    ),
  );
}

/** Brings log and store together, as a member does. */
function recover(durable: Durable, state: MemoryState): EngineState {
  const { snapshot, entries, hardState } = durable;
  if (state.store.appliedIndex < snapshot.index) state.restore(snapshot);
  const { appliedIndex } = state.store;
  const commit = Math.max(hardState.commit, appliedIndex);
  return { hardState: { ...hardState, commit }, snapshot, entries, appliedIndex };
}

type After = (delayMs: number, run: () => void) => () => void;

/** Each batch is durable as a whole, some time after the one before. */
function memoryWal({ world, durable }: Node, after: After): Wal {
  let freeAtMs = 0;
  const keep = ({ hardState, entries = [], snapshot }: WalBatch) => {
    if (hardState !== undefined) durable.hardState = hardState;
    const [first] = entries;
    if (first !== undefined) {
      const before = durable.entries.filter(({ index }) => index < first.index);
      durable.entries = [...before, ...entries];
    }
    if (snapshot === undefined || snapshot.index < durable.snapshot.index) return;
    const held = durable.entries.find(({ index }) => index === snapshot.index);
    const goesOn = held?.term === snapshot.term;
    durable.entries = goesOn ? durable.entries.filter(({ index }) => index > snapshot.index) : [];
    durable.snapshot = snapshot;
  };
  return {
    append(batch, done) {
      freeAtMs = Math.max(freeAtMs, world.nowMs) + 1;
      after(freeAtMs - world.nowMs, () => {
        keep(batch);
        done(undefined);
      });
    },
    release: (_index, done) => void after(1, () => done(undefined)),
    close: (done) => void after(0, () => done(undefined)),
  };
}

/** A state of which only checkpoints and snapshots survive. */
class MemoryState implements StateStorage {
  readonly store: Store;
  readonly #backend = new ArrayBackend();
  readonly #durable: Durable;
  readonly #after: After;

  constructor({ durable, world }: Node, after: After) {
    this.#durable = durable;
    this.#after = after;
    this.#backend.tables = durable.tables;
    this.store = createStore(this.#backend, { sessionsMax: world.options.sessionsMax });
  }

  checkpoint(done: (error: unknown) => void): void {
    const { tables } = this.#backend;
    this.#after(2, () => {
      this.#durable.tables = tables;
      done(undefined);
    });
  }

  read(): ByteSource {
    const bytes = encodeTables(this.#backend.tables);
    let at = 0;
    return {
      next: (done) => {
        const piece = bytes.subarray(at, at + 1_000);
        at += piece.length;
        this.#after(1, () => done(undefined, piece.length === 0 ? undefined : piece));
      },
      close: () => {},
    };
  }

  receive(snapshot: { readonly index: number; readonly term: number }): SnapshotSink {
    const pieces: number[] = [];
    return {
      write: (piece, done) => {
        pieces.push(...piece);
        this.#after(1, () => done(undefined));
      },
      finish: (done) => {
        this.#after(1, () => {
          const name = nameOf(snapshot);
          this.#durable.received = new Map(this.#durable.received).set(
            name,
            Uint8Array.from(pieces),
          );
          done(undefined);
        });
      },
      abort: () => {},
    };
  }

  install(
    snapshot: { readonly index: number; readonly term: number },
    done: (error: unknown) => void,
  ): void {
    this.#after(3, () => {
      this.restore(snapshot);
      done(undefined);
    });
  }

  corrupt(): void {
    const rows = this.#backend.range("history", new Uint8Array(0), undefined);
    for (const [key, value] of rows) {
      const changed = value.slice();
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      this.#backend.put("history", key, changed);
    }
    this.#durable.tables = this.#backend.tables;
  }

  restore(snapshot: { readonly index: number; readonly term: number }): void {
    const bytes = this.#durable.received.get(nameOf(snapshot));
    if (bytes === undefined) throw new Error(`no snapshot ${nameOf(snapshot)}`);
    if (bytes.length === 0) this.store.apply([{ ...snapshot, proposal: undefined }]);
    else {
      this.#backend.tables = decodeTables(bytes);
      this.store.reload();
    }
    this.#durable.tables = this.#backend.tables;
  }
}

function nameOf({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${term}/${index}`;
}

function encodeTables(tables: ReadonlyMap<string, Rows>): Uint8Array {
  return encodeMessage((writer) => {
    for (const [table, rows] of tables) {
      for (const [key, value] of rows) {
        writer.fieldTextAlways(1, table);
        writer.fieldBytesAlways(2, key);
        writer.fieldBytesAlways(3, value);
      }
    }
  });
}

function decodeTables(bytes: Uint8Array): ReadonlyMap<string, Rows> {
  const backend = new ArrayBackend();
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const table = reader.text();
    reader.next();
    const key = reader.bytes();
    reader.next();
    backend.put(table, key, reader.bytes());
  }
  return backend.tables;
}

/** `a b c` found a cluster; with `w:` before it, a witness. */
export function founded(names: string): Configuration {
  const words = names.split(" ");
  const ids = words.map((word) => word.replace("w:", ""));
  return {
    voters: ids.map((id) => ({ id, votes: 1 })),
    learners: [],
    outgoing: [],
    witnesses: ids.filter((_, at) => words[at]?.startsWith("w:")),
    servers: ids.map((id) => ({ id, incarnation: 0, urls: [] })),
  };
}

/** A world with a founded cluster. */
export function cluster(names: string, seed = 1, options: Partial<WorldOptions> = {}): World {
  const world = new World(seed, options);
  const configuration = founded(names);
  for (const { id } of configuration.voters) new Node(world, id, configuration);
  return world;
}

/** A server that nobody knows yet. */
export function newcomer(world: World, id: string): Node {
  return new Node(world, id, { voters: [], learners: [], outgoing: [] });
}
