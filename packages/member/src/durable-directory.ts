/**
 * Directories whose names are durable. Made one by one: Node.js's own recursive way never ends where a
 * directory takes no others, such as `/proc`.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { MemberError } from "./errors.ts";
import { syncDirectory } from "./snapshot-files.ts";

/** Makes a directory and those above it; the name of each is durable (trap T34). Rejects with `badDirectory`. */
export async function makeDurableDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  const parent = dirname(path);
  // The root is its own parent: if it is no directory, nothing is.
  if (parent !== path) await makeDurableDirectory(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (await isDirectory(path)) return; // Another process was faster.
    throw badDirectory("make", path, error);
  }
  await syncDirectory(parent);
}

/** The directory cannot be used; `doing` is what was tried. */
export function badDirectory(doing: "make" | "read", path: string, cause: unknown): MemberError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MemberError(
    "badDirectory",
    `Cannot ${doing} the directory "${path}": ${reason}`,
    cause,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false, // Making it says why.
  );
}
