/**
 * One process per directory.
 *
 * On Linux the lock is a listening socket in the abstract namespace, named by the directory's device
 * and inode: the kernel grants it to one process and takes it back when that process dies, however it
 * dies, so that no stale lock is ever left. The file beside it only says who holds it. Elsewhere the
 * file itself is the lock, and one left by a process that is gone is taken over.
 */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { DiskError } from "./errors.ts";

/** A held lock. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Locks a directory, which must exist. Throws `DiskError` `locked`, naming the process that holds it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const file = join(directory, "lock");
  try {
    const held = process.platform === "linux" ? await lockByName(directory) : undefined;
    if (held === undefined) await lockByFile(file);
    else await writeFile(file, `${process.pid}\n`);
    return {
      async release() {
        await rm(file, { force: true });
        if (held !== undefined) await closed(held);
      },
    };
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE") && !hasCode(error, "EEXIST")) {
      throw DiskError.from(`lock the directory "${directory}"`, error);
    }
    throw new DiskError(
      "locked",
      `Cannot use the directory "${directory}": process ${await holder(file)} is using it`,
      { file },
    );
  }
}

async function lockByName(directory: string): Promise<Server> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: `\0flotilla-${dev}-${ino}`, exclusive: true }, resolve);
  });
  server.unref();
  return server;
}

async function lockByFile(file: string): Promise<void> {
  const pid = Number(await holder(file));
  if (Number.isInteger(pid) && !isRunning(pid)) await rm(file, { force: true });
  await writeFile(file, `${process.pid}\n`, { flag: "wx" });
}

async function holder(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => ""); // Not there, or just being replaced.
  return text.trim() || "unknown";
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM"); // It runs, as somebody else.
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
