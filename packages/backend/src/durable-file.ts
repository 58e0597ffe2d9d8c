/** Small files that are replaced as a whole, and are there after a power loss when the call is over. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Replaces `path` by `bytes`: after a crash it is the old file or the new one. */
export async function writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** The same, blocking: for the start of a process, when there is nothing else to do. */
export function writeFileDurablySync(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.tmp`;
  withFile(temporary, "w", (file) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  });
  renameSync(temporary, path);
  syncDirectorySync(dirname(path));
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The same, blocking. */
export function syncDirectorySync(path: string): void {
  withFile(path, "r", fsyncSync);
}

/** Opens, runs `body`, closes. */
export function withFile<T>(path: string, flags: string, body: (file: number) => T): T {
  const file = openSync(path, flags);
  try {
    return body(file);
  } finally {
    closeSync(file);
  }
}
