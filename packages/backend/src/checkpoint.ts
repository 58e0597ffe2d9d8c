/**
 * What makes an LMDB file that is not synced with every commit survive a crash: the root of its tree
 * as it was when everything was last on the disk.
 *
 * Commits are not synced one by one: the log in front of the store is what makes a write durable,
 * and a sync for each would cost more than the writes themselves. So when the machine dies, any page
 * written since the last sync may be on the disk or not, and LMDB would read nonsense.
 *
 * LMDB never overwrites a page that some reader's state needs; it writes changed pages elsewhere and
 * then the root, into the first two pages of the file, in turns. So a checkpoint is: begin a read
 * transaction, which from then on protects the pages of this state; remember the two root pages;
 * sync the file; write the root pages to a file of their own; let go of the one before.
 *
 * Every start puts the root pages back, and the file is the state of the checkpoint again: its pages
 * were synced before, and protected since. It does so whatever has ended the last run. Only a power
 * loss or a failed mount needs it, but neither can be told for certain, and the log replays the
 * second or so that is lost by it.
 *
 * File: the two root pages; then how long the data file was (8 bytes), and CRC-32C of both (4 bytes),
 * big endian. The length tells a file that was cut short: LMDB would die of it (SIGBUS) and say nothing.
 */

import { existsSync, fstatSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, crc32c, equalBytes } from "@flotilla/base";
import { withFile } from "./durable-file.ts";
import { BackendError } from "./errors.ts";

const crcSize = 4;
const lengthSize = 8;
/** Two of the smallest pages that LMDB is used with. */
const rootBytesMin = 8192;

export function checkpointPath(directory: string): string {
  return join(directory, "checkpoint");
}

export function dataPath(directory: string): string {
  return join(directory, "data.mdb");
}

/** What a start puts back, and checks. */
export interface Checkpoint {
  readonly rootPages: Uint8Array;
  /** The data file is never shorter. */
  readonly dataBytes: number;
}

export function encodeCheckpoint({ rootPages, dataBytes }: Checkpoint): Uint8Array {
  const length = Buffer.alloc(lengthSize);
  length.writeBigUInt64BE(BigInt(dataBytes));
  const content = concatBytes([rootPages, length]);
  return concatBytes([content, crcBytes(content)]);
}

/** Throws {@link BackendError} `damaged`. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const content = Buffer.from(bytes.subarray(0, -crcSize));
  const rootBytes = content.length - (content.length % rootBytesMin);
  const tail = content.subarray(rootBytes);
  // Without a length it is of an earlier version.
  const isWhole = rootBytes > 0 && (tail.length === lengthSize || tail.length === 0);
  if (!isWhole || !equalBytes(crcBytes(content), bytes.subarray(-crcSize))) {
    throw new BackendError("damaged", "Cannot read the checkpoint: its checksum does not fit");
  }
  const dataBytes = tail.length === 0 ? 0 : Number(tail.readBigUInt64BE());
  return { rootPages: content.subarray(0, rootBytes), dataBytes };
}

/**
 * Puts the file in `directory` back to its checkpoint. To be called before LMDB opens it, by the only
 * process that uses it. Throws {@link BackendError} `damaged` when there is no checkpoint, no file, or
 * less of it than there was.
 */
export function recoverFromCheckpoint(directory: string): void {
  const path = checkpointPath(directory);
  if (!existsSync(path)) {
    throw new BackendError("damaged", `Cannot open ${directory}: it has no checkpoint`);
  }
  const { rootPages, dataBytes } = decodeCheckpoint(readFileSync(path));
  if (!existsSync(dataPath(directory))) {
    throw new BackendError("damaged", `Cannot open ${directory}: its data file has gone`);
  }
  // Not synced: should the machine die again, the next start does the same.
  withFile(dataPath(directory), "r+", (file) => {
    const { size } = fstatSync(file);
    if (size < dataBytes) {
      const lengths = `it has ${size} bytes and had ${dataBytes}`;
      throw new BackendError("damaged", `Cannot open ${dataPath(directory)}: ${lengths}`);
    }
    for (let at = 0; at < rootPages.length; ) {
      at += writeSync(file, rootPages, at, rootPages.length - at, at);
    }
  });
}

/** What a start would have to put back to come to the present state; no commit may be under way. */
export function readCheckpoint(directory: string, pageBytes: number): Checkpoint {
  return withFile(dataPath(directory), "r", (file) => {
    const pages = new Uint8Array(2 * pageBytes);
    for (let at = 0; at < pages.length; ) {
      const count = readSync(file, pages, at, pages.length - at, at);
      if (count === 0)
        throw new BackendError("damaged", `Cannot read ${directory}: file too short`);
      at += count;
    }
    return { rootPages: pages, dataBytes: fstatSync(file).size };
  });
}

function crcBytes(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  return Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc);
}
