/** A disk in memory with faults, and small makers. */
import { join } from "node:path";
import { Prng, utf8 } from "@flotilla/base";
import type { Configuration, Entry } from "@flotilla/consensus";
import type { Disk, DiskFile } from "../src/disk.ts";
import type { WalBatch } from "../src/wal.ts";

/** Files by path; a write waits for `gate` and fails while `failing` is set. */
export class MemoryDisk implements Disk {
  files: Map<string, Uint8Array>;
  writes = 0;
  failing = false;
  gate: Promise<void> | undefined;

  constructor(files = new Map<string, Uint8Array>()) {
    this.files = files;
  }

  async makeDirectory(): Promise<void> {}
  async syncDirectory(): Promise<void> {}

  async list(path: string): Promise<readonly string[]> {
    return [...this.files.keys()].filter((name) => join(name, "..") === path).map(baseName);
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new Error(`no file ${path}`);
    return bytes.slice();
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from) as Uint8Array;
    this.files.delete(from);
    this.files.set(to, bytes);
    this.#moved.set(from, to);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  readonly #moved = new Map<string, string>();

  async open(path: string): Promise<DiskFile> {
    this.#moved.delete(path);
    if (!this.files.has(path)) this.files.set(path, new Uint8Array(0));
    const place = () => this.#moved.get(path) ?? path;
    return {
      write: async (bytes, offset) => {
        this.writes++;
        await this.gate;
        if (this.failing) throw new Error("EIO: i/o error, write");
        const old = this.files.get(place()) as Uint8Array;
        const grown = new Uint8Array(Math.max(old.length, offset + bytes.length));
        grown.set(old);
        grown.set(bytes, offset);
        this.files.set(place(), grown);
      },
      truncate: async (size) => {
        this.files.set(place(), (this.files.get(place()) as Uint8Array).slice(0, size));
      },
      close: async () => {},
    };
  }

  /** A disk with the same content, to damage. */
  copy(): MemoryDisk {
    return new MemoryDisk(new Map([...this.files].map(([path, bytes]) => [path, bytes.slice()])));
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export const configuration: Configuration = {
  voters: [
    { id: "a1", votes: 1 },
    { id: "b2", votes: 3 },
  ],
  learners: ["c3"],
  outgoing: [],
};

export const options = {
  directory: "/log",
  metadata: utf8("who"),
  configuration,
  segmentBytes: 8 * 1024,
  stepBytes: 2 * 1024,
};

/** An entry whose data has no long run of zeros. */
export function entryOf(index: number, term: number, prng: Prng, sizeMax = 200): Entry {
  const data = new Uint8Array(1 + prng.below(sizeMax));
  for (let at = 0; at < data.length; at++) data[at] = 1 + prng.below(255);
  return { index, term, kind: "command", data };
}

/** What a log must give back. */
export interface Model {
  term: number;
  vote: string;
  commit: number;
  snapshotIndex: number;
  /** From index 1 on, the compacted ones too. */
  entries: Entry[];
}

export function emptyModel(): Model {
  return { term: 0, vote: "", commit: 0, snapshotIndex: 0, entries: [] };
}

/** A random step that an engine could take, done to the model and given as a batch. */
export function randomBatch(prng: Prng, model: Model): WalBatch {
  if (model.term === 0 || prng.chance(0.1)) {
    model.term++;
    model.vote = prng.pick(["", "a1", "b2"]);
  }
  const count = prng.below(6);
  // Only new entries truncate a log.
  if (count > 0 && prng.chance(0.1)) {
    model.entries.length = prng.between(model.commit, model.entries.length);
  }
  const entries = Array.from({ length: count }, (_, offset) =>
    entryOf(model.entries.length + 1 + offset, model.term, prng),
  );
  model.entries.push(...entries);
  model.commit = prng.between(model.commit, model.entries.length);
  const hardState = { term: model.term, vote: model.vote, commit: model.commit };
  const snapshotIndex = prng.chance(0.1) ? prng.between(model.snapshotIndex, model.commit) : 0;
  if (snapshotIndex <= model.snapshotIndex) return { hardState, entries, mustSync: true };
  model.snapshotIndex = snapshotIndex;
  const term = (model.entries[snapshotIndex - 1] as Entry).term;
  const snapshot = { index: snapshotIndex, term, configuration };
  return { hardState, entries, snapshot, mustSync: true };
}

export const seeds = (count: number) =>
  Array.from({ length: count }, (_, seed) => ({ seed, prng: new Prng(seed) }));
