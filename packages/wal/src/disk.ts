/**
 * The port to the disk. `@flotilla/disk` implements it on `node:fs`, the simulator on bytes in memory.
 *
 * Every operation ends with one call of `done`, never before the operation has returned: an error, or
 * `undefined` and what was asked for. A name in a directory is durable only after `syncDirectory`
 * (trap T34). Callbacks instead of promises, so that a simulated run is one plain loop.
 */

/** How an operation ends. `value` is there exactly when `error` is undefined. */
export type Done<Value = void> = (error: unknown, value: Value) => void;

/** One open file. */
export interface DiskFile {
  /** Writes at `offset`; on stable storage when it is done. The bytes are the disk's to keep. */
  write(bytes: Uint8Array, offset: number, done: Done): void;
  /** Cuts the file, durably: with all that was written to it before, by whomever. */
  truncate(size: number, done: Done): void;
  close(done: Done): void;
}

/** What the log needs from a disk. */
export interface Disk {
  /** Calls back soon, once the caller has returned: for steps of the log that wait for nothing. */
  defer(callback: () => void): void;
  /** Makes a directory, and those above it; nothing happens when it is there. */
  makeDirectory(path: string, done: Done): void;
  /** Names in a directory, in any order. */
  list(path: string, done: Done<readonly string[]>): void;
  read(path: string, done: Done<Uint8Array>): void;
  /** Opens for writing; an absent file is made. */
  open(path: string, done: Done<DiskFile>): void;
  rename(from: string, to: string, done: Done): void;
  /** Removes a file; nothing happens when it is not there. */
  remove(path: string, done: Done): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string, done: Done): void;
}
