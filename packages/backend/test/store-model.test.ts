import { deepEqual, equal } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Prng } from "@flotilla/base";
import {
  type Command,
  createStore,
  type DurableBackend,
  decodeProposal,
  encodeProposal,
  type Proposal,
  type Store,
  type WatchEvent,
  type Watcher,
  type WatchRequest,
} from "@flotilla/store";
import { createMemoryBackend, openLmdbBackend } from "../src/index.ts";
import { temporaryDirectory } from "./fixtures.ts";
import { inRange, ModelStore, name } from "./model-store.ts";
import { type Known, randomCommand, randomRange, randomRead } from "./random-commands.ts";

/** Small enough that a few commands reach every one of them. */
const tight = { compactRows: 3, recentBytes: 60, recentEvents: 6, historyRows: 5 };

/** A store that can be closed and opened again over what it kept. */
interface Machine {
  store: Store;
  backend: DurableBackend;
  reopen(): Promise<void>;
}

function memoryMachine(): Machine {
  const backend = createMemoryBackend();
  const machine = {
    backend,
    store: createStore(backend, tight),
    reopen: async () => {
      machine.store = createStore(backend, tight);
    },
  };
  return machine;
}

function lmdbMachine(context: TestContext): Machine {
  const directory = temporaryDirectory(context);
  const open = () => openLmdbBackend({ directory });
  const backend = open();
  const machine = {
    backend,
    store: createStore(backend, tight),
    reopen: async () => {
      await machine.backend.close();
      machine.backend = open();
      machine.store = createStore(machine.backend, tight);
    },
  };
  return machine;
}

function proposalOf(sequence: number, command: Command): Proposal {
  const proposal = {
    session: 7n,
    openedAt: 0,
    sequence,
    settledBelow: Math.max(1, sequence - 3),
    onlyInTerm: 0,
    command,
  };
  return decodeProposal(encodeProposal(proposal));
}

function compareReads(prng: Prng, store: Store, model: ModelStore, at: string): void {
  const known: Known = model;
  for (let read = 0; read < 4; read++) {
    const request = randomRead(prng, known);
    deepEqual(store.range(request), model.range(request), `${at} ${describeRead(request)}`);
  }
  for (const id of [1n, 2n, -3n]) {
    const keys = [...(model.states[model.revision] ?? new Map()).values()]
      .filter((kv) => kv.lease === id)
      .map((kv) => name(kv.key))
      .sort();
    const info = store.lease(id);
    equal(info?.grantedTtlSeconds, model.leases.get(id), `${at} lease=${id}`);
    if (info !== undefined) deepEqual(info.keys.map(name), keys, `${at} lease=${id}`);
  }
}

function describeRead(request: object): string {
  return JSON.stringify(request, (_, value) => (value instanceof Uint8Array ? name(value) : value));
}

async function run(machine: Machine, seed: number, steps: number): Promise<ModelStore> {
  const prng = new Prng(seed);
  const model = new ModelStore();
  let index = 0;
  while (index < steps) {
    const size = prng.between(1, 6);
    const commands: Command[] = [];
    const want = [];
    for (let count = 0; count < size; count++) {
      const command = randomCommand(prng, model);
      commands.push(command);
      want.push(model.apply(command));
    }
    const entries = commands.map((command) => {
      index++;
      return { index, term: 1, proposal: proposalOf(index, command) };
    });
    const at = `seed=${seed} index=${index}`;
    deepEqual(machine.store.apply(entries), want, at);
    equal(machine.store.revision, model.revision, at);
    equal(machine.store.compactRevision, model.compactRevision, at);
    // The same entries again, as after a leader's death: nothing happens.
    if (prng.chance(0.2)) {
      const again = entries.map(({ proposal }) => ({ index: ++index, term: 2, proposal }));
      deepEqual(
        machine.store.apply(again),
        want.map(() => undefined),
        `${at} again`,
      );
      equal(machine.store.revision, model.revision, `${at} again`);
    }
    compareReads(prng, machine.store, model, at);
    if (prng.chance(0.05)) await machine.reopen();
    if (prng.chance(0.1)) machine.store.compact();
  }
  return model;
}

describe("createStore() against a model", () => {
  it("answers every command and read alike, in memory (150 seeds)", async () => {
    for (let seed = 0; seed < 150; seed++) await run(memoryMachine(), seed, 120);
  });

  it("answers every command and read alike, on LMDB (25 seeds)", async (context) => {
    for (let seed = 1000; seed < 1025; seed++) {
      const machine = lmdbMachine(context);
      await run(machine, seed, 120);
      await machine.backend.close();
    }
  });

  it("has one hash for one log, however it was cut into batches and compacted (40 seeds)", () => {
    for (let seed = 0; seed < 40; seed++) {
      const prng = new Prng(seed);
      const model = new ModelStore();
      const commands = Array.from({ length: 150 }, () => {
        const command = randomCommand(prng, model);
        model.apply(command);
        return command;
      });
      const hashes = [1, 7, 150].map((size) => {
        const { store } = memoryMachine();
        for (let at = 0; at < commands.length; at += size) {
          const batch = commands.slice(at, at + size);
          store.apply(
            batch.map((command, offset) => {
              const index = at + offset + 1;
              return { index, term: 1, proposal: proposalOf(index, command) };
            }),
          );
        }
        const before = store.hash(0);
        while (store.compact());
        deepEqual(store.hash(0), before, `seed=${seed}: a finished compaction changed the hash`);
        return before;
      });
      deepEqual(hashes[1], hashes[0], `seed=${seed}`);
      deepEqual(hashes[2], hashes[0], `seed=${seed}`);
    }
  });
});

/** A watcher, what it was given, and what was said about it. */
interface Subscription {
  readonly request: WatchRequest;
  readonly from: number;
  readonly watcher: Watcher;
  readonly events: WatchEvent[];
  upTo: number;
  woken: boolean;
  compacted: boolean;
}

function subscribe(prng: Prng, store: Store): Subscription {
  const first = Math.max(1, store.compactRevision);
  const startRevision = prng.chance(0.3) ? 0 : prng.between(first, store.revision + 4);
  const request: WatchRequest = {
    ...randomRange(prng),
    startRevision,
    prevKv: true,
    noPut: prng.chance(0.15),
    noDelete: prng.chance(0.15),
  };
  const from = startRevision === 0 ? store.revision + 1 : startRevision;
  const subscription: Subscription = {
    request,
    from,
    watcher: store.watch(request, () => {
      equal(subscription.woken, false, "woken twice between two takes");
      subscription.woken = true;
    }),
    events: [],
    upTo: from - 1,
    woken: false,
    compacted: false,
  };
  return subscription;
}

/** Takes one batch; true when there was one. */
function take(subscription: Subscription, prng: Prng, at: string): boolean {
  subscription.woken = false;
  const batch = subscription.watcher.take(prng.pick([1, 10, 1_000_000]));
  if (batch === undefined) return false;
  if (batch.kind === "compacted") {
    subscription.compacted = true;
    return false;
  }
  for (const event of batch.events) {
    equal(event.kv.modRevision > subscription.upTo, true, `${at}: an old event`);
    equal(event.kv.modRevision <= batch.revision, true, `${at}: an event beyond its batch`);
  }
  subscription.events.push(...batch.events);
  subscription.upTo = batch.revision;
  return true;
}

function wantedEvents(
  model: ModelStore,
  { request, from }: Subscription,
  upTo: number,
): WatchEvent[] {
  return model.events
    .slice(from, upTo + 1)
    .flat()
    .filter((event) => inRange(request, name(event.kv.key)))
    .filter((event) => (event.kind === "put" ? !request.noPut : !request.noDelete));
}

/** A watch that falls back to history may lack a previous value that is compacted away. */
function comparable(events: readonly WatchEvent[], withPrevious: boolean): unknown[] {
  return events.map(({ kind, kv, previous }) => [kind, kv, withPrevious ? previous : undefined]);
}

describe("watches against a model", () => {
  it("give every event once and in order, to fast and slow readers, over reloads (120 seeds)", async () => {
    for (let seed = 0; seed < 120; seed++) {
      const prng = new Prng(seed);
      const model = new ModelStore();
      const machine = memoryMachine();
      const { store } = machine;
      const subscriptions: Subscription[] = [];
      for (let index = 1; index <= 120; index++) {
        const command = randomCommand(prng, model);
        model.apply(command);
        store.apply([{ index, term: 1, proposal: proposalOf(index, command) }]);
        const at = `seed=${seed} index=${index}`;
        if (prng.chance(0.15)) subscriptions.push(subscribe(prng, store));
        for (const subscription of subscriptions) {
          if (prng.chance(0.2)) take(subscription, prng, at);
        }
        if (prng.chance(0.03)) {
          await machine.backend.restore(machine.backend.snapshot());
          for (const subscription of subscriptions) subscription.woken = false;
          store.reload();
        }
      }
      for (const [number, subscription] of subscriptions.entries()) {
        const at = `seed=${seed} watch=${number}`;
        const wasWoken = subscription.woken;
        const before = subscription.watcher.synced;
        if (wasWoken) equal(before, false, `${at}: woken for nothing`);
        while (take(subscription, prng, at));
        const upTo = subscription.compacted ? subscription.upTo : model.revision;
        const want = wantedEvents(model, subscription, upTo);
        deepEqual(comparable(subscription.events, false), comparable(want, false), at);
        if (!subscription.compacted) equal(subscription.watcher.synced, true, at);
        if (model.compactRevision === -1) deepEqual(subscription.events, want, at);
      }
    }
  });
});
