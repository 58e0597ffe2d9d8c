// A log written to real files, its operations recorded; then the files as a power cut at each moment
// may leave them, torn in several manners, opened again: every acknowledged batch has to be there.
import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import {
  type Disk,
  type DiskFile,
  type Done,
  openWal,
  type Recovered,
  type Wal,
  type WalBatch,
} from "@flotilla/wal";
import { nodeDisk } from "../src/node-disk.ts";

const sectorBytes = 512;
/** In what order sectors of an unfinished write reach the disk, and which names do, is chance. */
const mannersEach = 4;
type Entry = NonNullable<WalBatch["entries"]>[number];

interface Inode {
  bytes: Uint8Array;
}

/** What was asked of the disk, from when to when. */
interface Operation {
  readonly startedAt: number;
  endedAt: number;
  /** It is done. */
  run(world: World): void;
  /** It was under way when the power went. */
  tear?(world: World, prng: Prng): void;
}

/** The files as they are on the platter; changed names are kept apart until a directory is synced. */
class World {
  names = new Map<string, Inode>();
  readonly inodes = new Map<number, Inode>();
  changes: { readonly at: number; run(names: Map<string, Inode>): void }[] = [];

  inode(handle: number): Inode {
    const known = this.inodes.get(handle) ?? { bytes: new Uint8Array(0) };
    this.inodes.set(handle, known);
    return known;
  }

  put(handle: number, offset: number, bytes: Uint8Array): void {
    const inode = this.inode(handle);
    const size = Math.max(inode.bytes.length, offset + bytes.length);
    const whole = new Uint8Array(size);
    whole.set(inode.bytes);
    whole.set(bytes, offset);
    inode.bytes = whole;
  }

  /** Makes names durable that were changed before `at`. */
  sync(at: number): void {
    for (const change of this.changes.filter((one) => one.at < at)) change.run(this.names);
    this.changes = this.changes.filter((one) => one.at >= at);
  }
}

/** The real disk, whose every step is written down. */
class RecordingDisk implements Disk {
  readonly operations: Operation[] = [];
  #clock = 0;
  #handles = 0;
  /** Which inode a path means to the process. */
  readonly #paths = new Map<string, number>();

  now(): number {
    return ++this.#clock;
  }

  defer(callback: () => void): void {
    nodeDisk.defer(callback);
  }

  makeDirectory(path: string, done: Done): void {
    nodeDisk.makeDirectory(path, done);
  }

  list(path: string, done: Done<readonly string[]>): void {
    nodeDisk.list(path, done);
  }

  read(path: string, done: Done<Uint8Array>): void {
    nodeDisk.read(path, done);
  }

  open(path: string, done: Done<DiskFile>): void {
    const isNew = !this.#paths.has(path);
    const handle = this.#paths.get(path) ?? ++this.#handles;
    this.#paths.set(path, handle);
    const ended = this.#begin({
      run: (world) => {
        if (isNew) this.#change(world, (names) => names.set(path, world.inode(handle)));
      },
    });
    nodeDisk.open(path, (error, file) => {
      ended();
      done(error, error === undefined ? this.#recorded(handle, file) : file);
    });
  }

  rename(from: string, to: string, done: Done): void {
    const handle = this.#paths.get(from) ?? 0;
    this.#paths.delete(from);
    this.#paths.set(to, handle);
    const change = (world: World): void =>
      this.#change(world, (names) => {
        names.delete(from);
        names.set(to, world.inode(handle));
      });
    nodeDisk.rename(from, to, this.#after(done, { run: change, tear: change }));
  }

  remove(path: string, done: Done): void {
    this.#paths.delete(path);
    const change = (world: World): void => this.#change(world, (names) => names.delete(path));
    nodeDisk.remove(path, this.#after(done, { run: change, tear: change }));
  }

  syncDirectory(path: string, done: Done): void {
    const began = this.#clock + 1;
    nodeDisk.syncDirectory(path, this.#after(done, { run: (world) => world.sync(began) }));
  }

  /** The files as a cut at `moment` may leave them. */
  filesAt(moment: number, prng: Prng): Map<string, Uint8Array> {
    const world = new World();
    const events = this.operations.flatMap((operation) => {
      if (operation.startedAt > moment) return [];
      if (operation.endedAt <= moment) return [{ at: operation.endedAt, run: operation.run }];
      return [{ at: moment, run: (to: World) => operation.tear?.(to, prng) }];
    });
    for (const { run } of events.sort((left, right) => left.at - right.at)) run(world);
    for (const change of world.changes) if (prng.chance(0.5)) change.run(world.names);
    return new Map([...world.names].map(([path, { bytes }]) => [path, bytes]));
  }

  #recorded(handle: number, file: DiskFile): DiskFile {
    return {
      write: (bytes, offset, done) => {
        const copy = bytes.slice();
        const run = (world: World): void => world.put(handle, offset, copy);
        const tear = (world: World, prng: Prng): void => {
          for (let at = 0; at < copy.length; ) {
            const end = Math.min(copy.length, at + sectorBytes - ((offset + at) % sectorBytes));
            if (prng.chance(0.5)) world.put(handle, offset + at, copy.slice(at, end));
            at = end;
          }
        };
        file.write(bytes, offset, this.#after(done, { run, tear }));
      },
      truncate: (size, done) => {
        const run = (world: World): void => {
          const inode = world.inode(handle);
          inode.bytes = inode.bytes.slice(0, size);
        };
        const tear = (world: World, prng: Prng): void => {
          if (prng.chance(0.5)) run(world);
        };
        file.truncate(size, this.#after(done, { run, tear }));
      },
      close: (done) => file.close(done),
    };
  }

  #change(world: World, run: (names: Map<string, Inode>) => void): void {
    world.changes.push({ at: this.#endOf.get(world) ?? 0, run });
  }

  /** When the operation ended that is being replayed: set by {@link #begin}'s wrapper. */
  readonly #endOf = new WeakMap<World, number>();

  #begin(effect: Pick<Operation, "run" | "tear">): () => void {
    const operation: Operation = {
      startedAt: this.now(),
      endedAt: Number.POSITIVE_INFINITY,
      run: (world) => {
        this.#endOf.set(world, operation.endedAt);
        effect.run(world);
      },
      ...(effect.tear === undefined ? {} : { tear: effect.tear }),
    };
    this.operations.push(operation);
    return () => {
      operation.endedAt = this.now();
    };
  }

  #after(done: Done, effect: Pick<Operation, "run" | "tear">): Done {
    const ended = this.#begin(effect);
    return (error) => {
      ended();
      done(error);
    };
  }
}

const space = { segmentBytes: 2048, stepBytes: 1024 };
const configuration = { voters: [{ id: "a1", votes: 1 }], learners: [], outgoing: [] };

function open(directory: string, disk: Disk): Promise<{ wal: Wal; recovered: Recovered }> {
  const metadata = Uint8Array.of(1, 2, 3);
  return new Promise((resolve, reject) => {
    openWal({ directory, metadata, configuration, ...space }, disk, (opened) => {
      if (opened.kind === "opened") resolve(opened);
      else reject(opened.error);
    });
  });
}

interface Acknowledged {
  readonly at: number;
  readonly lastIndex: number;
  readonly term: number;
}

/** Appends `batches`, up to three at a time, and compacts now and then. */
async function record(directory: string, seed: number, batches: number) {
  const disk = new RecordingDisk();
  const { wal } = await open(directory, disk);
  const openedAt = disk.now();
  const prng = new Prng(seed);
  const entries: Entry[] = [];
  const acknowledged: Acknowledged[] = [];
  let term = 1;
  for (let done = 0; done < batches; ) {
    const together: Promise<void>[] = [];
    for (let count = prng.between(1, 3); count > 0; count--, done++) {
      if (prng.chance(0.1)) term++;
      const added = Array.from({ length: prng.below(5) }, (_, at) => ({
        index: entries.length + 1 + at,
        term,
        kind: "command" as const,
        data: Uint8Array.from({ length: 1 + prng.below(300) }, () => 1 + prng.below(255)),
      }));
      const before = entries.length;
      entries.push(...added);
      const isCompaction = before > 0 && prng.chance(0.15);
      const snapshot = isCompaction
        ? { index: before, term: entries[before - 1]?.term ?? 1, configuration }
        : undefined;
      const hardState = { term, vote: "a1", commit: before };
      const batch = { hardState, entries: added, snapshot, mustSync: true };
      const promise = { lastIndex: entries.length, term };
      together.push(
        new Promise((resolve, reject) => {
          wal.append(batch, (error) => {
            if (error !== undefined) reject(error);
            acknowledged.push({ at: disk.now(), ...promise });
            if (snapshot !== undefined) wal.release(snapshot.index, () => {});
            resolve();
          });
        }),
      );
    }
    await Promise.all(together);
  }
  await new Promise((resolve) => wal.close(resolve));
  return { disk, entries, acknowledged, openedAt, endedAt: disk.now() };
}

describe("a log on real files", () => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-crash-"));
  // Opened hundreds of times, where a sync costs nothing if there is such a place.
  const quick = mkdtempSync(
    join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "flotilla-crash-"),
  );
  after(() => {
    for (const path of [folder, quick]) rmSync(path, { recursive: true, force: true });
  });

  it("holds what was acknowledged at each moment at which the power may go (2 seeds)", async () => {
    let states = 0;
    for (let seed = 0; seed < 2; seed++) {
      const directory = join(folder, `run-${seed}`);
      const run = await record(directory, seed, 35);
      ok(run.disk.operations.length > 45, `${run.disk.operations.length} operations`);
      for (let moment = run.openedAt; moment <= run.endedAt; moment++) {
        for (let manner = 0; manner < mannersEach; manner++) {
          const files = run.disk.filesAt(moment, new Prng(moment * 100 + manner));
          await check(files, directory, run, { seed, moment, manner });
          states++;
        }
      }
    }
    ok(states > 500, `${states} states`);
  });

  async function check(
    files: ReadonlyMap<string, Uint8Array>,
    recordedIn: string,
    { entries, acknowledged }: Awaited<ReturnType<typeof record>>,
    at: { readonly seed: number; readonly moment: number; readonly manner: number },
  ): Promise<void> {
    const name = `seed=${at.seed} moment=${at.moment} manner=${at.manner}`;
    const directory = join(quick, "after");
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    for (const [path, bytes] of files) {
      writeFileSync(join(directory, path.slice(recordedIn.length + 1)), bytes);
    }
    const { wal, recovered } = await open(directory, nodeDisk).catch((error: unknown) => {
      throw new Error(`${name}: ${error}`);
    });
    await new Promise((resolve) => wal.close(resolve));
    const promised = acknowledged.filter((one) => one.at <= at.moment).at(-1);
    const { index } = recovered.snapshot;
    const lastIndex = index + recovered.entries.length;
    ok(lastIndex >= (promised?.lastIndex ?? 0), `${name}: ends at ${lastIndex}`);
    ok(recovered.hardState.term >= (promised?.term ?? 0), `${name}: forgot a term`);
    equal(recovered.hardState.vote, promised === undefined ? recovered.hardState.vote : "a1", name);
    deepEqual(recovered.entries, entries.slice(index, lastIndex), name);
  }
});
