/**
 * The port to the disk, and its implementation on `node:fs`. A simulator passes its own disk.
 *
 * A name in a directory is durable only after `syncDirectory` (trap T34).
 */
import {
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
} from "node:fs/promises";

/** One open file. */
export interface DiskFile {
  /** Writes at `offset`; on stable storage when it resolves. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Cuts the file, durably. */
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** What the log needs from a disk. Everything rejects when the disk does. */
export interface Disk {
  /** Makes a directory, and those above it; nothing happens when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, in any order. */
  list(path: string): Promise<readonly string[]>;
  read(path: string): Promise<Uint8Array>;
  /** Opens for writing; an absent file is made. */
  open(path: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

/**
 * Where the system has it, a write that returns when the bytes are stable: one trip to the thread
 * pool instead of two. Measured on ext4, 512 bytes into preallocated space: 0.20 ms against 0.24 ms
 * for write and fdatasync.
 */
const durableWrites = constants.O_DSYNC ?? 0;

/** The disk of this machine. */
export const nodeDisk: Disk = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => readdir(path),
  async read(path) {
    const { buffer, byteOffset, length } = await readFile(path);
    return new Uint8Array(buffer, byteOffset, length); // A Buffer's `slice` would not copy.
  },
  open: async (path) =>
    new NodeDiskFile(await open(path, constants.O_RDWR | constants.O_CREAT | durableWrites, 0o600)),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    if (process.platform === "win32") return; // Directories cannot be opened there.
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done;
      const { bytesWritten } = await this.#handle.write(bytes, done, left, offset + done);
      done += bytesWritten;
    }
    if (durableWrites === 0) await this.#handle.datasync();
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
    await this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
