/** Directories of members that are to leave nothing behind: removed with their member, or with the program. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** Those that are there. */
const present = new Set<string>();

/** Makes one. What a program leaves that ends without stopping its member goes with it, unless it is killed. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "flotilla-embed-"));
  if (present.size === 0) process.on("exit", removeAll);
  present.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      present.delete(path);
      if (present.size === 0) process.off("exit", removeAll);
    },
  };
}

function removeAll(): void {
  for (const path of present) rmSync(path, { recursive: true, force: true });
}
