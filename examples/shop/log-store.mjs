// A map on disk: an append-only file of frames, each with its length and checksum.
//
//   offset  size  field
//   0       4     length of the body, big endian
//   4       4     CRC-32 of the body
//   8       n     body: JSON list of changes, [key, value] or, for a removal, [key]
//
// A change is durable before its promise resolves. Changes that arrive while the disk is busy share
// the next frame and its sync (group commit). A frame is written only when the one before is on disk,
// so a torn one can only be the last: it is cut off, nobody was promised anything of it. A bad frame
// with a good one behind it is damage, and stops us.
import { open, readFile, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "./crc32.mjs";

const headerBytes = 8;
/** A frame takes changes until it holds so many characters. */
const frameLengthMax = 1024 * 1024;
/** What a frame can be at most: one more change of 1 MiB, in JSON's longest notation. */
const bodyBytesMax = 16 * 1024 * 1024;
/** The log is rewritten when it is larger than this and mostly old values. */
const compactLengthMin = 1024 * 1024;

export class LogStore {
  #directory;
  #compactLengthMin;
  #file;
  /** JSON of every live change by key, and the sizes of all and of the live ones. */
  #changes = new Map();
  #length = 0;
  #liveLength = 0;
  #waiting = [];
  #isWriting = false;
  #failure;
  #onIdle = () => {};

  /** Opens the store of a directory that this process holds. */
  static async open(directory, options = {}) {
    const store = new LogStore();
    store.#directory = directory;
    store.#compactLengthMin = options.compactLengthMin ?? compactLengthMin;
    await rm(store.#path("new"), { force: true }); // A compaction that was not finished.
    await store.#recover();
    store.#file = await open(store.#path(), "a");
    await syncDirectory(directory); // The file itself must survive, not only its content.
    return store;
  }

  get(key) {
    const change = this.#changes.get(key);
    return change === undefined ? undefined : JSON.parse(change)[1];
  }

  keys() {
    return [...this.#changes.keys()].sort();
  }

  set(key, value) {
    return this.#append([key, value]);
  }

  /** Resolves to whether the key was there. */
  async remove(key) {
    if (!this.#changes.has(key)) return false;
    await this.#append([key]);
    return true;
  }

  /** Resolves when everything accepted is durable, and closes the file. */
  async close() {
    if (this.#isWriting) {
      await new Promise((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#file.close();
  }

  #path(suffix) {
    return join(this.#directory, suffix === undefined ? "log" : `log.${suffix}`);
  }

  async #recover() {
    const bytes = await readFile(this.#path()).catch((error) => {
      if (error.code === "ENOENT") return Buffer.alloc(0);
      throw error;
    });
    let at = 0;
    for (let frame = readFrame(bytes, at); frame !== undefined; frame = readFrame(bytes, at)) {
      for (const change of frame.changes) this.#apply(change[0], JSON.stringify(change));
      at = frame.end;
    }
    if (at === bytes.length) return;
    if (hasFrameAfter(bytes, at)) throw new Error(`${this.#path()} is damaged at byte ${at}`);
    await truncate(this.#path(), at);
  }

  #append(change) {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key: change[0], text: JSON.stringify(change), resolve, reject });
      if (!this.#isWriting) void this.#write();
    });
  }

  async #write() {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        if (this.#failure !== undefined) throw this.#failure;
        await this.#file.appendFile(encodeFrame(batch.map(({ text }) => text)));
        await this.#file.datasync();
        for (const { key, text, resolve } of batch) {
          this.#apply(key, text);
          resolve();
        }
        await this.#compact();
      } catch (error) {
        // After a failed write or sync nobody knows what the disk has: no further promise is made.
        this.#failure = error;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isWriting = false;
    this.#onIdle();
  }

  #takeBatch() {
    let length = 0;
    const full = this.#waiting.findIndex(({ text }) => {
      length += text.length;
      return length > frameLengthMax;
    });
    return this.#waiting.splice(0, full === -1 ? this.#waiting.length : full + 1);
  }

  #apply(key, text) {
    this.#length += text.length;
    this.#liveLength -= this.#changes.get(key)?.length ?? 0;
    this.#changes.delete(key);
    if (JSON.parse(text).length === 1) return;
    this.#changes.set(key, text);
    this.#liveLength += text.length;
  }

  /** Writes what is alive to a new file and puts it in the place of the old one. */
  async #compact() {
    if (this.#length < this.#compactLengthMin || this.#length < 2 * this.#liveLength) return;
    const next = await open(this.#path("new"), "w");
    for (const text of this.#changes.values()) await next.appendFile(encodeFrame([text]));
    await next.sync();
    await next.close();
    await rename(this.#path("new"), this.#path());
    await syncDirectory(this.#directory);
    await this.#file.close();
    this.#file = await open(this.#path(), "a");
    this.#length = this.#liveLength;
  }
}

function encodeFrame(texts) {
  const body = Buffer.from(`[${texts.join(",")}]`);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

/** The frame at `at`; undefined when there is no whole, valid one. */
function readFrame(bytes, at) {
  if (at + headerBytes >= bytes.length) return undefined;
  const end = at + headerBytes + bytes.readUInt32BE(at);
  if (end > bytes.length || end - at > bodyBytesMax) return undefined;
  const body = bytes.subarray(at + headerBytes, end);
  if (body.length === 0 || crc32(body) !== bytes.readUInt32BE(at + 4)) return undefined;
  return { changes: JSON.parse(body.toString("utf8")), end };
}

/** Nothing valid lies behind a torn write; looking on tells damage from that. */
function hasFrameAfter(bytes, at) {
  for (let next = at + 1; next + headerBytes < bytes.length; next++) {
    if (readFrame(bytes, next) !== undefined) return true;
  }
  return false;
}

async function syncDirectory(path) {
  const directory = await open(path, "r");
  await directory.sync();
  await directory.close();
}
