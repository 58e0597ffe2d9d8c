/**
 * Where a simulated server keeps its state machine: in memory, with what a crash leaves of it.
 *
 * The store works on a backend of which nothing is durable but the last checkpoint, and snapshots
 * from peers that were received whole. After a crash the state is that of the checkpoint, and the log
 * is replayed onto it.
 */

import type { Prng } from "@flotilla/base";
import { assert, concatBytes } from "@flotilla/base";
import type { ByteSource, SnapshotSink, StateStorage } from "@flotilla/replica";
import { type CommandResult, createStore, type Store, type StoreLimits } from "@flotilla/store";
import type { Completion } from "../disk/simulated-disk.ts";
import type { EventTarget } from "../world/event-heap.ts";
import { eventKind } from "../world/event-kind.ts";
import type { World } from "../world/world.ts";
import { decodeImage, encodeImage } from "./image-codec.ts";
import { SimulatedBackend, type StateImage } from "./simulated-backend.ts";

/** So many entries apart the states of all servers can be compared. */
export const comparedEntries = 32;

/** How fast the storage is, and in what pieces it gives a snapshot out. */
export interface StateSpeed {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  readonly pieceBytes: number;
}

/** Names a snapshot. */
interface SnapshotName {
  readonly index: number;
  readonly term: number;
}

/** A snapshot that was received whole. */
interface Received extends SnapshotName {
  /** Undefined: an empty state, that of a witness. */
  readonly bytes: Uint8Array | undefined;
}

class Step implements Completion {
  readonly generation: number;
  /** What becomes durable. */
  readonly effect: () => void;
  readonly finish: () => void;

  constructor(generation: number, effect: () => void, finish: () => void) {
    this.generation = generation;
    this.effect = effect;
    this.finish = finish;
  }
}

/** What a state is part of. */
export interface StateParts {
  readonly world: World;
  readonly random: Prng;
  readonly speed: StateSpeed;
  readonly limits: Partial<StoreLimits>;
  /** The store was given `entries`, and answered. */
  onApplied(
    store: Store,
    entries: Parameters<Store["apply"]>[0],
    results: ReturnType<Store["apply"]>,
  ): void;
  /** The store has another content: that of a snapshot. */
  onReplaced(store: Store): void;
}

export class SimulatedState implements StateStorage, EventTarget {
  readonly #world: World;
  readonly #random: Prng;
  readonly #speed: StateSpeed;
  readonly #limits: Partial<StoreLimits>;
  readonly #parts: StateParts;
  readonly #deliver: (completion: Completion) => void;
  #backend: SimulatedBackend = new SimulatedBackend();
  #store: Store;
  /** What a crash goes back to. */
  #checkpoint: StateImage = new Map();
  #checkpointing: StateImage | undefined;
  /** Snapshots that were received whole, by their name. */
  #received: Received[] = [];
  #generation = 0;
  /** A process has the state in memory. */
  #isOpen = false;
  #slowness = 1;

  constructor(parts: StateParts, deliver: (completion: Completion) => void) {
    this.#world = parts.world;
    this.#random = parts.random;
    this.#speed = parts.speed;
    this.#limits = parts.limits;
    this.#parts = parts;
    this.#deliver = deliver;
    this.#store = createStore(this.#backend, this.#limits);
  }

  get store(): Store {
    return this.#store;
  }

  /** How long it takes at most to give a snapshot of all that is in it out, and as long to take that in. */
  get snapshotMs(): number {
    const { pieceBytes, latencyMaxMs } = this.#speed;
    const { length } = encodeImage(this.#backend.image());
    return Math.ceil(length / pieceBytes) * latencyMaxMs;
  }

  checkpoint(done: (error: unknown) => void): void {
    const image = this.#backend.image();
    this.#checkpointing = image;
    this.#after(
      () => this.#keep(image),
      () => done(undefined),
    );
  }

  read(): ByteSource {
    const bytes = encodeImage(this.#backend.image());
    const { pieceBytes } = this.#speed;
    let at = 0;
    return {
      next: (done) => {
        const piece = at < bytes.length ? bytes.slice(at, at + pieceBytes) : undefined;
        at += pieceBytes;
        this.#after(
          () => {},
          () => done(undefined, piece),
        );
      },
      close: () => {},
    };
  }

  receive(snapshot: SnapshotName): SnapshotSink {
    const pieces: Uint8Array[] = [];
    return {
      write: (piece, done) => {
        pieces.push(piece.slice());
        this.#after(
          () => {},
          () => done(undefined),
        );
      },
      finish: (done) => {
        const { index, term } = snapshot;
        const bytes = pieces.length === 0 ? undefined : concatBytes(pieces);
        this.#after(
          () => this.#received.push({ index, term, bytes }),
          () => done(undefined),
        );
      },
      abort: () => {},
    };
  }

  install(snapshot: SnapshotName, done: (error: unknown) => void): void {
    const received = this.#find(snapshot);
    assert(received !== undefined, "state: what is installed was received");
    this.#after(
      () => {},
      () => {
        this.#replaceBy(received);
        done(undefined);
      },
    );
  }

  /** Replaces the state by a snapshot that was received; false when there is none of that name. */
  restore(snapshot: SnapshotName): boolean {
    const received = this.#find(snapshot);
    if (received !== undefined) this.#replaceBy(received);
    return received !== undefined;
  }

  /** Everything takes `factor` times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /**
   * The process is gone and the machine is not: the state may be as new as it was. What an earlier
   * process had is of no concern to one that has not opened it.
   */
  abandon(): void {
    if (this.#isOpen && this.#random.chance(0.5)) {
      this.#checkpoint = this.#backend.image();
      this.#checkpointing = undefined;
    }
    this.crash();
  }

  /** Power is lost. */
  crash(): void {
    this.#generation++;
    this.#isOpen = false;
    // A checkpoint that was under way may have come through.
    if (this.#checkpointing !== undefined && this.#random.chance(0.5)) {
      this.#checkpoint = this.#checkpointing;
    }
    this.#checkpointing = undefined;
  }

  /** A process starts on what is left. */
  open(): Store {
    this.#isOpen = true;
    this.#backend = new SimulatedBackend();
    this.#backend.load(this.#checkpoint);
    this.#store = this.#observed(createStore(this.#backend, this.#limits));
    return this.#store;
  }

  /** Snapshots that are in the state by now, or never will be, go. */
  forgetReceived(): void {
    this.#received = [];
  }

  /** Another disk, and empty. */
  replace(): void {
    this.crash();
    this.#checkpoint = new Map();
    this.#received = [];
  }

  handle(_kind: number, subject: unknown): void {
    const step = subject as Step;
    if (step.generation !== this.#generation) return;
    step.effect();
    this.#deliver(step);
  }

  /**
   * The store itself, with an `apply` that tells. A slice is cut before every compaction, so that
   * whoever is told can still read what is compacted then, and at the same places on all servers, so
   * that their states can be compared there.
   */
  #observed(store: Store): Store {
    const apply = store.apply.bind(store);
    const observed: Store["apply"] = (entries) => {
      const results: (CommandResult | undefined)[] = [];
      for (const slice of slices(entries)) {
        const some = apply(slice);
        this.#parts.onApplied(store, slice, some);
        results.push(...some);
      }
      return results;
    };
    return Object.assign(store, { apply: observed });
  }

  #find({ index, term }: SnapshotName): Received | undefined {
    return this.#received.find((found) => found.index === index && found.term === term);
  }

  /** Durable at once. Later ones that were received stay. */
  #replaceBy(received: Received): void {
    const { index, bytes } = received;
    const image = bytes === undefined ? emptyImage(received) : decodeImage(bytes);
    this.#backend.load(image);
    this.#checkpoint = image;
    this.#checkpointing = undefined;
    this.#received = this.#received.filter((other) => other.index > index);
    this.#store.reload();
    this.#parts.onReplaced(this.#store);
  }

  #keep(image: StateImage): void {
    this.#checkpoint = image;
    if (this.#checkpointing === image) this.#checkpointing = undefined;
  }

  #after(effect: () => void, finish: () => void): void {
    const { latencyMinMs, latencyMaxMs } = this.#speed;
    const draw = this.#random.fraction();
    const delayMs = (latencyMinMs + (latencyMaxMs - latencyMinMs) * draw * draw) * this.#slowness;
    const step = new Step(this.#generation, effect, finish);
    this.#world.schedule(delayMs, eventKind.state, this, step);
  }
}

function slices(entries: Parameters<Store["apply"]>[0]): Parameters<Store["apply"]>[0][] {
  const cuts: number[] = [];
  for (let at = 1; at < entries.length; at++) {
    const isAfterComparison = (entries[at - 1]?.index ?? 1) % comparedEntries === 0;
    if (isAfterComparison || entries[at]?.proposal?.command.kind === "compact") cuts.push(at);
  }
  if (cuts.length === 0) return [entries];
  return [0, ...cuts].map((from, at) => entries.slice(from, cuts[at]));
}

/** A state without data that stands at `index`. */
function emptyImage({ index, term }: SnapshotName): StateImage {
  const backend = new SimulatedBackend();
  createStore(backend).apply([{ index, term, proposal: undefined }]);
  return backend.image();
}
