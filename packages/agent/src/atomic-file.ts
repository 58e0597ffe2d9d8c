/**
 * Small JSON files that are either the old or the new content, never a mixture.
 *
 * Written beside the target and renamed over it. Not synced: the files say what runs on this
 * machine, and after a power cut nothing does. A file that does not parse counts as absent.
 */
import { readFile, rename, writeFile } from "node:fs/promises";

/** Replaces the content of `path` by `value` as JSON. Rejects when the disk refuses. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, JSON.stringify(value));
  await rename(draft, path);
}

/** What {@link writeJson} wrote; undefined when there is nothing, or nothing readable. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined; // Absent, or torn by a power cut: both mean that nothing is known.
  }
}
