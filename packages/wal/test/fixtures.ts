/** Logs on fake disks, and small makers. */
import { Prng, utf8 } from "@flotilla/base";
import type { Configuration, Entry } from "@flotilla/consensus";
import type { Recovered, Wal, WalBatch } from "../src/contract.ts";
import type { WalError } from "../src/errors.ts";
import { openWal } from "../src/wal.ts";
import type { FakeDisk } from "./fake-disk.ts";

/** Opens a log, or throws the `WalError`. */
export function open(
  disk: FakeDisk,
  changes: Partial<typeof options> = {},
): { readonly wal: Wal; readonly recovered: Recovered } {
  let result: { readonly wal: Wal; readonly recovered: Recovered } | WalError | undefined;
  openWal({ ...options, ...changes }, disk, (opened) => {
    result = opened.kind === "opened" ? opened : opened.error;
  });
  disk.drain();
  if (result === undefined) throw new Error("neither opened nor failed");
  if (result instanceof Error) throw result;
  return result;
}

/** Does one step of a log to its end, or throws its error. */
export function end(disk: FakeDisk, start: (done: (error: WalError | undefined) => void) => void) {
  let result: { readonly error: WalError | undefined } | undefined;
  start((error) => {
    result = { error };
  });
  disk.drain();
  if (result === undefined) throw new Error("not ended");
  if (result.error !== undefined) throw result.error;
}

export const append = (disk: FakeDisk, wal: Wal, batch: WalBatch) =>
  end(disk, (done) => wal.append(batch, done));
export const release = (disk: FakeDisk, wal: Wal, index: number) =>
  end(disk, (done) => wal.release(index, done));
export const close = (disk: FakeDisk, wal: Wal) => end(disk, (done) => wal.close(done));

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
