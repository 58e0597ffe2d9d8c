/**
 * A disk in memory that moves when told to, and loses what a real one may lose.
 *
 * | event   | unfinished operation                     | names since the last sync | caches |
 * | ------- | ---------------------------------------- | ------------------------- | ------ |
 * | outage  | any of its sectors; a truncation or none | any of the changes        | lost   |
 * | kill    | done, in the caches                      | kept, in the caches       | kept   |
 */
import type { Prng } from "@flotilla/base";
import type { Disk, DiskFile, Done } from "../src/disk.ts";
import { parentOf } from "../src/paths.ts";

const sectorBytes = 512;

/** A file's content: what processes see, and what an outage leaves. */
interface Inode {
  cached: Uint8Array;
  durable: Uint8Array;
}

/** A change of names that is not durable yet. */
interface NameChange {
  readonly directory: string;
  readonly gone?: string;
  readonly path?: string;
  readonly inode?: Inode;
}

/** What an operation does, and what becomes of it when it is not ended. */
interface Effect<Value> {
  run(): Value;
  kill?(): void;
  outage?(prng: Prng): void;
}

type Operation = Effect<void>;

export class FakeDisk implements Disk {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #inodes: Inode[] = [];
  #queue: Operation[] = [];
  readonly #deferred: (() => void)[] = [];
  /** Names of the operations that were started, in order. */
  readonly started: string[] = [];
  /** Directories whose names were made durable. */
  readonly synced = new Set<string>();
  /** The name of those that fail. */
  failing = "";

  constructor(files: Readonly<Record<string, Uint8Array>> = {}) {
    for (const [path, bytes] of Object.entries(files)) {
      const inode = { cached: bytes.slice(), durable: bytes.slice() };
      this.#names.set(path, inode);
      this.#durableNames.set(path, inode);
      this.#inodes.push(inode);
    }
  }

  /** Content by path. */
  get files(): Record<string, Uint8Array> {
    return Object.fromEntries([...this.#names].map(([path, { cached }]) => [path, cached]));
  }

  /** How many operations of a name were started. */
  count(name: string): number {
    return this.started.filter((other) => other === name).length;
  }

  /** Ends the oldest operation; false when there is none. */
  step(): boolean {
    const deferred = this.#deferred.shift();
    if (deferred !== undefined) {
      deferred();
      return true;
    }
    const operation = this.#queue.shift();
    operation?.run();
    return operation !== undefined;
  }

  drain(): void {
    while (this.step());
  }

  /** Until so many operations were started; what the last of them began is not ended. */
  drainTo(operations: number): void {
    while (this.started.length < operations && this.step());
  }

  /** The power fails: the disk that the next start may find. This one is as it was. */
  outage(prng: Prng): FakeDisk {
    const contents = this.#inodes.map(({ durable }) => durable);
    const names = new Map(this.#durableNames);
    for (const operation of this.#queue) operation.outage?.(prng);
    for (const change of this.#changes) if (prng.chance(0.5)) apply(names, change);
    const files = [...names].map(([path, { durable }]) => [path, durable]);
    this.#inodes.forEach((inode, at) => {
      inode.durable = contents[at] as Uint8Array;
    });
    return new FakeDisk(Object.fromEntries(files));
  }

  /** The process is killed, the system goes on: the disk that the next start finds. */
  kill(): FakeDisk {
    for (const operation of this.#queue) operation.kill?.();
    const next = new FakeDisk();
    next.#names = this.#names;
    next.#durableNames = this.#durableNames;
    next.#changes = this.#changes;
    next.#inodes = this.#inodes;
    return next;
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  makeDirectory(_path: string, done: Done): void {
    this.#start("makeDirectory", done, { run: () => undefined });
  }

  list(path: string, done: Done<readonly string[]>): void {
    const names = (): string[] =>
      [...this.#names.keys()]
        .filter((name) => parentOf(name) === path)
        .map((name) => name.slice(path.length + 1));
    this.#start("list", done, { run: names });
  }

  read(path: string, done: Done<Uint8Array>): void {
    this.#start("read", done, { run: () => this.#inode(path).cached.slice() });
  }

  open(path: string, done: Done<DiskFile>): void {
    const run = (): DiskFile => {
      if (!this.#names.has(path)) {
        const inode = { cached: new Uint8Array(0), durable: new Uint8Array(0) };
        this.#inodes.push(inode);
        this.#change({ directory: parentOf(path), path, inode });
      }
      return this.#fileOf(this.#inode(path));
    };
    this.#start("open", done, { run });
  }

  rename(from: string, to: string, done: Done): void {
    const run = (): void =>
      this.#change({ directory: parentOf(to), gone: from, path: to, inode: this.#inode(from) });
    this.#start("rename", done, { run });
  }

  remove(path: string, done: Done): void {
    const run = (): void => {
      if (this.#names.has(path)) this.#change({ directory: parentOf(path), gone: path });
    };
    this.#start("remove", done, { run });
  }

  syncDirectory(path: string, done: Done): void {
    const run = (): void => {
      this.synced.add(path);
      const isHere = ({ directory }: NameChange): boolean => directory === path;
      for (const change of this.#changes.filter(isHere)) apply(this.#durableNames, change);
      this.#changes = this.#changes.filter((change) => !isHere(change));
    };
    this.#start("syncDirectory", done, { run });
  }

  #start<Value>(name: string, done: Done<Value>, effect: Effect<Value>): void {
    this.started.push(name);
    const run = (): void => {
      if (this.failing === name) done(new Error(`EIO: i/o error, ${name}`), undefined as Value);
      else done(undefined, effect.run());
    };
    this.#queue.push({ ...effect, run });
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#changes.push(change);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Error(`ENOENT: no such file, ${path}`);
    return inode;
  }

  #fileOf(inode: Inode): DiskFile {
    return {
      write: (bytes, offset, done) => {
        const kill = (): void => {
          inode.cached = written(inode.cached, bytes, offset, () => true);
        };
        const outage = (prng: Prng): void => {
          inode.durable = written(inode.durable, bytes, offset, survivors(prng));
        };
        const run = (): void => {
          kill();
          inode.durable = written(inode.durable, bytes, offset, () => true);
        };
        this.#start("write", done, { run, kill, outage });
      },
      truncate: (size, done) => {
        const kill = (): void => {
          inode.cached = resized(inode.cached, size);
        };
        const run = (): void => {
          kill();
          inode.durable = inode.cached.slice();
        };
        const outage = (prng: Prng): void => {
          if (prng.chance(0.5)) inode.durable = resized(inode.cached, size);
        };
        this.#start("truncate", done, { run, kill, outage });
      },
      close: (done) => this.#start("close", done, { run: () => undefined }),
    };
  }
}

/** Which sectors of a write survive: none, all, those in front, or any. */
function survivors(prng: Prng): (sector: number) => boolean {
  const manner = prng.below(4);
  if (manner === 0) return () => false;
  if (manner === 1) return () => true;
  if (manner === 2) return () => prng.chance(0.5);
  let alive = true;
  return () => {
    alive &&= prng.chance(0.7);
    return alive;
  };
}

function written(
  old: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  survives: (sector: number) => boolean,
): Uint8Array {
  let content = old;
  for (let at = offset; at < offset + bytes.length; ) {
    const next = Math.min(at - (at % sectorBytes) + sectorBytes, offset + bytes.length);
    if (survives(Math.floor(at / sectorBytes))) {
      content = resized(content, Math.max(content.length, next));
      content.set(bytes.subarray(at - offset, next - offset), at);
    }
    at = next;
  }
  return content;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function apply(names: Map<string, Inode>, { gone, path, inode }: NameChange): void {
  if (gone !== undefined) names.delete(gone);
  if (path !== undefined && inode !== undefined) names.set(path, inode);
}
