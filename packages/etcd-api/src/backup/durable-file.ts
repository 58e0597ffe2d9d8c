/** A file that is there as a whole, and durable, or not at all. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes `chunks` beside `path`, under its name with `suffix`, and gives it its name once all is on
 * the disk. Nothing is left of what fails. Returns the bytes written.
 */
export async function writeWholeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  suffix: string,
): Promise<number> {
  const temporary = `${path}${suffix}`;
  try {
    const bytes = await writeSynced(temporary, chunks);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, "w", 0o600);
  try {
    let bytes = 0;
    for await (const chunk of chunks) {
      await writeAll(file, chunk);
      bytes += chunk.length;
    }
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
  }
}

/** A name is durable only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
