/**
 * Names of files and directories, and which of them survive a crash: only those whose directory was
 * synchronised after they were made. Pure.
 */
import type { Prng } from "@flotilla/base";
import type { FileContent } from "./file-content.ts";

/** A file, or a directory. */
export type Inode = FileContent | "directory";

/** One name comes, or goes when `inode` is undefined; for a rename `from` goes. */
interface NameChange {
  readonly directory: string;
  readonly path: string;
  readonly inode: Inode | undefined;
  readonly from: string | undefined;
}

export class Names {
  #now: Map<string, Inode> = new Map<string, Inode>();
  #durable: Map<string, Inode> = new Map<string, Inode>();
  /** What {@link #durable} lacks, oldest first. */
  #pending: NameChange[] = [];

  get(path: string): Inode | undefined {
    return this.#now.get(path);
  }

  /** Names in a directory. */
  list(directory: string): string[] {
    const names: string[] = [];
    for (const path of this.#now.keys()) {
      if (parentOf(path) === directory) names.push(path.slice(directory.length + 1));
    }
    return names;
  }

  /** All files. */
  files(): [path: string, content: FileContent][] {
    const files: [string, FileContent][] = [];
    for (const [path, inode] of this.#now) if (inode !== "directory") files.push([path, inode]);
    return files;
  }

  /** A directory that is there, durably. */
  found(directory: string): void {
    this.#now.set(directory, "directory");
    this.#durable.set(directory, "directory");
  }

  link(path: string, inode: Inode): void {
    this.#change({ directory: parentOf(path), path, inode, from: undefined });
  }

  unlink(path: string): void {
    if (!this.#now.has(path)) return;
    this.#change({ directory: parentOf(path), path, inode: undefined, from: undefined });
  }

  /** False when there is no `from`. */
  rename(from: string, path: string): boolean {
    const inode = this.#now.get(from);
    if (inode === undefined) return false;
    this.#change({ directory: parentOf(path), path, inode, from });
    return true;
  }

  /** A mark for {@link sync}: names changed later are not made durable by it. */
  get pending(): readonly unknown[] {
    return this.#pending;
  }

  /** Makes those of `pending`, as it was when the synchronisation began, durable. */
  sync(directory: string, pending: readonly unknown[]): void {
    const begun = new Set(pending);
    const isDue = (change: NameChange): boolean =>
      change.directory === directory && begun.has(change);
    for (const change of this.#pending) if (isDue(change)) applyTo(this.#durable, change);
    this.#pending = this.#pending.filter((change) => !isDue(change));
  }

  /** What was not synchronised is there in part: the first changes, or any. */
  crash(random: Prng): void {
    const kept = random.chance(0.7) ? random.below(this.#pending.length + 1) : -1;
    for (const [at, change] of this.#pending.entries()) {
      if (kept === -1 ? random.chance(0.5) : at < kept) applyTo(this.#durable, change);
    }
    this.#pending = [];
    for (const path of [...this.#durable.keys()].sort()) {
      const parent = parentOf(path);
      if (parent !== "" && !this.#durable.has(parent)) this.#durable.delete(path);
    }
    this.#now = new Map(this.#durable);
  }

  clear(): void {
    this.#now.clear();
    this.#durable.clear();
    this.#pending = [];
  }

  #change(change: NameChange): void {
    applyTo(this.#now, change);
    this.#pending.push(change);
  }
}

/** "" above a path of one part. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

function applyTo(names: Map<string, Inode>, { path, inode, from }: NameChange): void {
  if (from !== undefined) names.delete(from);
  if (inode === undefined) names.delete(path);
  else names.set(path, inode);
}
