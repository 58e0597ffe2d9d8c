/**
 * Snapshots that were received, as files: whole, and durable under their name, before the engine
 * hears of them. One is needed only until the store holds it. An empty one is that of a witness.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { SnapshotMeta } from "@flotilla/consensus";
import { nodeDisk } from "@flotilla/disk";
import type { SnapshotSink } from "@flotilla/replica";
import { afterwards } from "./callbacks.ts";

/** What tells one snapshot from another. */
export type SnapshotName = Pick<SnapshotMeta, "index" | "term">;

/** A whole snapshot on disk. */
export interface SnapshotFile {
  sizeBytes(): Promise<number>;
  read(): AsyncIterable<Uint8Array>;
}

export class SnapshotFiles {
  readonly #directory: string;
  readonly #names: Set<string>;
  #lastNumber = 0;

  private constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.#names = new Set(names);
  }

  /** Opens the directory, which must exist, and removes what was not finished. */
  static async open(directory: string): Promise<SnapshotFiles> {
    const names = await readdir(directory);
    for (const name of names.filter((name) => name.endsWith(unfinished))) {
      await rm(join(directory, name), { force: true });
    }
    return new SnapshotFiles(
      directory,
      names.filter((name) => name.endsWith(finished)),
    );
  }

  /** Takes in a snapshot; it can be found, and is durable, when it is finished. */
  receive(snapshot: SnapshotName): SnapshotSink {
    const name = fileName(snapshot);
    // A name of its own: one that is thrown away takes a while to go.
    const path = join(this.#directory, `${name}.${++this.#lastNumber}${unfinished}`);
    return new FileSink(path, async () => {
      await rename(path, join(this.#directory, name));
      await syncDirectory(this.#directory);
      this.#names.add(name);
    });
  }

  find(snapshot: SnapshotName): SnapshotFile | undefined {
    const name = fileName(snapshot);
    if (!this.#names.has(name)) return undefined;
    const path = join(this.#directory, name);
    return {
      sizeBytes: async () => (await stat(path)).size,
      read: () => createReadStream(path),
    };
  }

  /** Removes those up to `index`. */
  async clear(index: number): Promise<void> {
    for (const name of this.#names) {
      if (indexOf(name) > index) continue;
      await rm(join(this.#directory, name), { force: true });
      this.#names.delete(name);
    }
  }
}

const finished = ".snap";
const unfinished = ".tmp";

/** A file that is being written; nothing is left of it unless it is finished. */
class FileSink implements SnapshotSink {
  readonly #path: string;
  readonly #file: Promise<FileHandle>;
  /** Gives the whole file its name. */
  readonly #publish: () => Promise<void>;

  constructor(path: string, publish: () => Promise<void>) {
    this.#path = path;
    this.#publish = publish;
    this.#file = open(path, "w", 0o600);
    this.#file.catch(() => {}); // Whoever writes to it is told.
  }

  write(piece: Uint8Array, done: (error: unknown) => void): void {
    afterwards(
      this.#file.then((file) => file.writeFile(piece)),
      done,
    );
  }

  finish(done: (error: unknown) => void): void {
    afterwards(this.#finish(), done);
  }

  abort(): void {
    // What cannot be removed now is removed by the next start.
    this.#remove().catch(() => {});
  }

  async #finish(): Promise<void> {
    const file = await this.#file;
    try {
      await file.sync();
      await file.close();
      await this.#publish();
    } catch (error) {
      this.abort(); // A full disk would stay full: nobody else knows of this file.
      throw error;
    }
  }

  async #remove(): Promise<void> {
    await (await this.#file).close();
    await rm(this.#path, { force: true });
  }
}

/** Makes the names in a directory durable (trap T34). */
export function syncDirectory(path: string): Promise<void> {
  return new Promise((resolve, reject) =>
    nodeDisk.syncDirectory(path, (error) => (error === undefined ? resolve() : reject(error))),
  );
}

/** As etcd names them: term and index. */
function fileName({ term, index }: SnapshotName): string {
  const hex = (value: number): string => value.toString(16).padStart(16, "0");
  return `${hex(term)}-${hex(index)}${finished}`;
}

function indexOf(name: string): number {
  return Number.parseInt(name.slice(17, 33), 16);
}
