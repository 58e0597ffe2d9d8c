/** Directories that a person names, for commands. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CommandError, reasonOf } from "./exit.ts";

/**
 * Makes a directory and those above it. Ends the command when it cannot: Node.js's own recursive way
 * never ends where a directory takes no others, such as `/proc`.
 */
export function makeDirectories(path: string, mode = 0o777): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (existsSync(path)) return; // Another process was faster.
    const text = `Cannot make the directory "${path}": ${reasonOf(error)}`;
    throw new CommandError("localIo", text, undefined, error);
  }
}
