/**
 * What makes an LMDB file that is not synced with every commit survive a power loss: the root of
 * its tree as it was when everything was last on the disk.
 *
 * Commits are not synced one by one: the log in front of the store is what makes a write durable,
 * and a sync for each would cost more than the writes themselves. When only the process dies, the
 * kernel still has every commit, in order. When the machine dies, any page written since the last
 * sync may be on the disk or not, and LMDB would read nonsense.
 *
 * LMDB never overwrites a page that some reader's state needs; it writes changed pages elsewhere and
 * then the root, into the first two pages of the file, in turns. So a checkpoint is: begin a read
 * transaction, which from then on protects the pages of this state; remember the two root pages;
 * sync the file; write the root pages to a file of their own; let go of the one before. After a
 * power loss the root pages are put back, and the file is the state of the checkpoint again: its
 * pages were synced before, and protected since. Whether the machine went down is told by the
 * kernel's boot id, which is kept with it.
 *
 * File: protobuf, 1 = boot id, 2 = root pages; then CRC-32C of it (4 bytes, big endian).
 */

import { existsSync, fsyncSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32c, emptyBytes, equalBytes, WireError, WireReader, WireWriter } from "@flotilla/base";
import { withFile } from "./durable-file.ts";
import { BackendError } from "./errors.ts";

/** The root pages of one state, and in which life of the machine they were written. */
export interface Checkpoint {
  readonly bootId: string;
  readonly rootPages: Uint8Array;
}

const bootIdPath = "/proc/sys/kernel/random/boot_id";

export function checkpointPath(directory: string): string {
  return join(directory, "checkpoint");
}

/** Names this life of the machine; empty where the system does not tell, which counts as a new one. */
export function readBootId(): string {
  try {
    return readFileSync(bootIdPath, "utf8").trim();
  } catch {
    return ""; // Not Linux: every start goes back to the last checkpoint, and the log makes up for it.
  }
}

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const writer = new WireWriter();
  writer.fieldText(1, checkpoint.bootId);
  writer.fieldBytes(2, checkpoint.rootPages);
  writer.raw(crcBytes(writer.view()));
  return writer.finish();
}

/** Throws {@link BackendError} `damaged`. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const body = bytes.subarray(0, -4);
  if (bytes.length < 4 || !equalBytes(crcBytes(body), bytes.subarray(-4))) {
    throw new BackendError("damaged", "Cannot read the checkpoint: its checksum does not fit");
  }
  const reader = new WireReader(body);
  let bootId = "";
  let rootPages = emptyBytes;
  try {
    while (reader.next()) {
      if (reader.field === 1) bootId = reader.text();
      else if (reader.field === 2) rootPages = reader.bytes();
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new BackendError("damaged", `Cannot read the checkpoint: ${error.message}`);
  }
  return { bootId, rootPages };
}

/**
 * Puts a file in `directory` back to its checkpoint if the machine has been down since. To be called
 * before LMDB opens it. Throws {@link BackendError} `damaged` when there is no checkpoint.
 */
export function recoverFromCheckpoint(directory: string, bootId: string): void {
  const path = checkpointPath(directory);
  if (!existsSync(path)) {
    throw new BackendError("damaged", `Cannot open ${directory}: it has no checkpoint`);
  }
  const checkpoint = decodeCheckpoint(readFileSync(path));
  if (checkpoint.bootId === bootId && bootId !== "") return;
  withFile(dataPath(directory), "r+", (file) => {
    const { rootPages } = checkpoint;
    for (let at = 0; at < rootPages.length; ) {
      at += writeSync(file, rootPages, at, rootPages.length - at, at);
    }
    fsyncSync(file);
  });
}

export function dataPath(directory: string): string {
  return join(directory, "data.mdb");
}

/** The two root pages as they are now; no commit may be under way. */
export function readRootPages(directory: string, pageBytes: number): Uint8Array {
  return withFile(dataPath(directory), "r", (file) => {
    const pages = new Uint8Array(2 * pageBytes);
    for (let at = 0; at < pages.length; ) {
      const count = readSync(file, pages, at, pages.length - at, at);
      if (count === 0)
        throw new BackendError("damaged", `Cannot read ${directory}: file too short`);
      at += count;
    }
    return pages;
  });
}

function crcBytes(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  return Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc);
}
