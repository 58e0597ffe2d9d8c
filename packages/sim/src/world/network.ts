/**
 * The network: one link for each direction between two servers.
 *
 * A link delays, loses, repeats and reorders; it has a bandwidth, can be clogged (what is sent is held
 * until it is free again) and cut. What was under way when it is cut is lost.
 */
import type { Prng } from "@flotilla/base";
import { present } from "@flotilla/base";
import { streamOf } from "../streams.ts";
import type { EventTarget } from "./event-heap.ts";
import { eventKind } from "./event-kind.ts";
import type { World } from "./world.ts";

/** How good a link is. Probabilities are per parcel. */
export interface LinkQuality {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  readonly loss: number;
  readonly duplicate: number;
  /** Overtakes what was sent before it, when its own delay lets it. Otherwise links keep order. */
  readonly reorder: number;
  /** 0: unlimited. */
  readonly bytesPerMs: number;
}

/** Where links end. */
export interface Station {
  /** False when nobody is there to take it. */
  arrive(kind: number, from: number, subject: unknown): boolean;
  /** What was sent to `peer` did not arrive; `subject` is what it was. */
  lost(kind: number, peer: number, subject: unknown): void;
}

/** What waits for a link's bandwidth is dropped beyond this: senders do not wait, they drop. */
const backlogMsMax = 2_000;
/** Parcels that a clogged link holds; beyond, they are dropped. */
const cloggedMax = 4_096;
/** A sender is told this often that a link is cut. */
const noticeMs = 100;
/** Between two parcels that keep their order. */
const gapMs = 1e-6;
/** A copy arrives up to this much later than the first. */
const duplicateDelayMs = 50;

interface Held {
  readonly kind: number;
  readonly subject: unknown;
}

/** One direction between two servers. */
export class Link implements EventTarget {
  readonly from: number;
  readonly to: number;
  quality: LinkQuality;
  readonly #network: Network;
  readonly #random: Prng;
  #cuts = 0;
  #isNoticed = false;
  #held: Held[] | undefined;
  /** When the line is free, and when the last parcel arrives; frames of snapshots have their own. */
  readonly #freeAtMs = { message: 0, bulk: 0 };
  readonly #lastAtMs = { message: 0, bulk: 0 };
  #noticeAtMs = 0;

  constructor(network: Network, random: Prng, ends: { from: number; to: number }) {
    this.#network = network;
    this.#random = random;
    this.from = ends.from;
    this.to = ends.to;
    this.quality = network.quality;
  }

  /** `isNoticed`: the sender hears that nothing gets through; otherwise there is only silence. */
  cut(isNoticed: boolean): void {
    this.#cuts++;
    this.#isNoticed = isNoticed;
  }

  /** Takes one {@link cut} back. */
  mend(): void {
    if (this.#cuts > 0) this.#cuts--;
  }

  clog(): void {
    this.#held ??= [];
  }

  unclog(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { kind, subject } of held) this.send(kind, subject, 0);
  }

  /** Everything is as it was at first. */
  heal(): void {
    this.#cuts = 0;
    this.quality = this.#network.quality;
    this.unclog();
  }

  send(kind: number, subject: unknown, bytes: number): void {
    // Two numbers for each parcel, whatever comes of it: other settings do not reshuffle the rest.
    const chance = this.#random.fraction();
    const delay = this.#random.fraction();
    if (this.#cuts > 0) {
      this.#lose(kind, subject);
      return;
    }
    if (this.#held !== undefined) {
      if (this.#held.length < cloggedMax) this.#held.push({ kind, subject });
      return;
    }
    const { loss, duplicate, reorder } = this.quality;
    if (chance < loss) {
      this.#network.counts.lost++;
      return;
    }
    const atMs = this.#arrivalMs(kind, bytes, delay, chance >= 1 - reorder);
    if (atMs === undefined) return;
    this.#network.world.scheduleAt(atMs, kind, this, subject);
    if (chance < loss + duplicate) {
      this.#network.counts.duplicated++;
      this.#network.world.scheduleAt(atMs + delay * duplicateDelayMs, kind, this, subject);
    }
  }

  handle(kind: number, subject: unknown): void {
    const station = this.#network.station(kind === eventKind.unreachable ? this.from : this.to);
    if (kind === eventKind.unreachable) {
      station.lost(kind, this.to, subject);
      return;
    }
    if (this.#cuts > 0) this.#lose(kind, subject);
    else if (!station.arrive(kind, this.from, subject)) {
      this.#network.world.schedule(this.quality.delayMinMs, eventKind.unreachable, this, subject);
    }
  }

  /** Undefined when the line is too busy. */
  #arrivalMs(kind: number, bytes: number, delay: number, mayOvertake: boolean): number | undefined {
    const { delayMinMs, delayMaxMs, bytesPerMs } = this.quality;
    const { nowMs } = this.#network.world;
    const line = kind === eventKind.bulk ? "bulk" : "message";
    let leavesAtMs = nowMs;
    if (bytesPerMs > 0) {
      const freeAtMs = Math.max(this.#freeAtMs[line], nowMs);
      if (freeAtMs - nowMs > backlogMsMax) {
        this.#network.counts.lost++;
        return undefined;
      }
      leavesAtMs = freeAtMs + bytes / bytesPerMs;
      this.#freeAtMs[line] = leavesAtMs;
    }
    // Most delays are short, a few are long.
    const atMs = leavesAtMs + delayMinMs + (delayMaxMs - delayMinMs) * delay * delay;
    if (mayOvertake) {
      this.#network.counts.reordered++;
      return atMs;
    }
    // Later than the one before: of two at the same moment either could come first.
    this.#lastAtMs[line] = Math.max(atMs, this.#lastAtMs[line] + gapMs);
    return this.#lastAtMs[line];
  }

  #lose(kind: number, subject: unknown): void {
    this.#network.counts.cut++;
    const { world } = this.#network;
    if (!this.#isNoticed || world.nowMs < this.#noticeAtMs) return;
    this.#noticeAtMs = world.nowMs + noticeMs;
    const told = kind === eventKind.call ? subject : undefined;
    world.schedule(this.quality.delayMinMs, eventKind.unreachable, this, told);
  }
}

/** All links between the servers of a world. */
export class Network {
  readonly world: World;
  readonly quality: LinkQuality;
  /** What went wrong on the way, by cause. */
  readonly counts: { lost: number; duplicated: number; reordered: number; cut: number } = {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    cut: 0,
  };
  readonly #stations: readonly Station[];
  readonly #links: readonly Link[];
  readonly #size: number;

  /** `stations` may be filled later, but before anything is sent. */
  constructor(
    world: World,
    options: { readonly quality: LinkQuality; readonly size: number },
    stations: readonly Station[],
  ) {
    this.world = world;
    this.quality = options.quality;
    this.#stations = stations;
    this.#size = options.size;
    const links: Link[] = [];
    for (let from = 0; from < options.size; from++) {
      for (let to = 0; to < options.size; to++) {
        links.push(new Link(this, streamOf(world.seed, `link ${from} ${to}`), { from, to }));
      }
    }
    this.#links = links;
  }

  get links(): readonly Link[] {
    return this.#links;
  }

  link(from: number, to: number): Link {
    return present(this.#links[from * this.#size + to], "a link");
  }

  station(index: number): Station {
    return present(this.#stations[index], "a station");
  }
}
