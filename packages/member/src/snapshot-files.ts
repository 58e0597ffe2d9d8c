/**
 * Snapshots that were received, as files: whole, and durable under their name, before the engine
 * hears of them. One is needed only until the store holds it.
 */
import { createReadStream } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SnapshotMeta } from "@flotilla/consensus";

/** A whole snapshot on disk. */
export interface SnapshotFile {
  read(): AsyncIterable<Uint8Array>;
}

export class SnapshotFiles {
  readonly #directory: string;
  readonly #names: Set<string>;

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

  /** Writes a snapshot; it can be found, and is durable, when this resolves. One call at a time. */
  async receive(snapshot: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    const name = fileName(snapshot);
    const path = join(this.#directory, name + unfinished);
    try {
      await write(path, content);
    } catch (error) {
      await rm(path, { force: true }); // The next attempt has another name: they would pile up.
      throw error;
    }
    await rename(path, join(this.#directory, name));
    await this.#sync();
    this.#names.add(name);
  }

  find(snapshot: Pick<SnapshotMeta, "index" | "term">): SnapshotFile | undefined {
    const name = fileName(snapshot);
    if (!this.#names.has(name)) return undefined;
    return { read: () => createReadStream(join(this.#directory, name)) };
  }

  /** Removes all of them. */
  async clear(): Promise<void> {
    for (const name of this.#names) await rm(join(this.#directory, name), { force: true });
    this.#names.clear();
  }

  async #sync(): Promise<void> {
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

const finished = ".snap";
const unfinished = ".tmp";

/** Writes a file, durably. */
async function write(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** As etcd names them: term and index. */
function fileName({ term, index }: Pick<SnapshotMeta, "index" | "term">): string {
  const hex = (value: number): string => value.toString(16).padStart(16, "0");
  return `${hex(term)}-${hex(index)}${finished}`;
}
