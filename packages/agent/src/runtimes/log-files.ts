/**
 * Log files of containers: opened for append and handed to the child, so that they go on when the
 * agent does not.
 *
 * Because the child holds the file, rotation is copy and truncate: the copy becomes `<n>.log.1`, and
 * since the file is open for append the next line lands at its start. Lines that are written between
 * copy and truncate are lost; that is the price for logs that survive the agent.
 */
import { constants } from "node:fs";
import { copyFile, type FileHandle, mkdir, open, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";

/** A log is rotated when it is found larger; as the kubelet's containerLogMaxSize. */
export const logBytesMax: number = 10 * 1024 * 1024;
/** How often sizes are looked at; as the kubelet's containerLogMonitorInterval. */
export const logCheckMs = 10_000;

/** Opens a log for a child. The caller closes it once the child has it. */
export async function openLog(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return await open(path, constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY, 0o640);
}

/** Rotates `path` when it is larger than `bytesMax`. Returns whether it did. */
export async function rotateLog(path: string, bytesMax: number = logBytesMax): Promise<boolean> {
  const { size } = await stat(path);
  if (size <= bytesMax) return false;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  return true;
}
