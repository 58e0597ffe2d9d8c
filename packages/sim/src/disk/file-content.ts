/**
 * What is stored in one file, and what a crash makes of it. Pure.
 *
 * `bytes` is what a reader sees. While the disk lies, what was overwritten is kept beside it: a crash
 * takes the newest of those writes back.
 */
import type { Prng } from "@flotilla/base";

/** What a disk writes as one: all of it or nothing is there after a crash. */
export const sectorBytes = 512;

interface Undo {
  readonly offset: number;
  readonly before: Uint8Array;
  readonly sizeBefore: number;
}

export class FileContent {
  #bytes: Uint8Array = new Uint8Array(sectorBytes);
  #size = 0;
  /** Of writes that were acknowledged and are not there in truth, oldest first. */
  #undo: Undo[] = [];

  get size(): number {
    return this.#size;
  }

  /** A copy. */
  read(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  byteAt(offset: number): number {
    return this.#bytes[offset] as number;
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, offset);
    if (end > this.#size) this.#size = end;
  }

  /** As {@link write}, but {@link crash} may take it back. */
  writeVolatile(bytes: Uint8Array, offset: number): void {
    const before = this.#bytes.slice(offset, offset + bytes.length);
    this.#undo.push({ offset, before, sizeBefore: this.#size });
    this.write(bytes, offset);
  }

  truncate(size: number): void {
    if (size >= this.#size) return;
    this.#bytes.fill(0, size, this.#size);
    this.#size = size;
    this.#undo = []; // What was written before cannot be told apart any more.
  }

  /** What was acknowledged is now there. */
  settle(): void {
    this.#undo = [];
  }

  /** A write was under way: some of its sectors are there, either the first ones or any. */
  tear(bytes: Uint8Array, offset: number, random: Prng): void {
    const first = Math.floor(offset / sectorBytes);
    const last = Math.floor((offset + bytes.length - 1) / sectorBytes);
    const kept = random.chance(0.5) ? random.below(last - first + 2) : -1;
    for (let sector = first; sector <= last; sector++) {
      const isKept = kept === -1 ? random.chance(0.5) : sector - first < kept;
      if (!isKept) continue;
      const from = Math.max(offset, sector * sectorBytes);
      const to = Math.min(offset + bytes.length, (sector + 1) * sectorBytes);
      this.write(bytes.subarray(from - offset, to - offset), from);
    }
  }

  /** Takes some of the newest volatile writes back; returns how many. */
  crash(random: Prng): number {
    const lost = this.#undo.length === 0 ? 0 : random.below(this.#undo.length + 1);
    for (let count = 0; count < lost; count++) {
      const undo = this.#undo.pop() as Undo;
      this.#bytes.set(undo.before, undo.offset);
      this.#bytes.fill(0, undo.sizeBefore, this.#size);
      this.#size = undo.sizeBefore;
    }
    this.#undo = [];
    return lost;
  }

  flip(offset: number, bit: number): void {
    this.#bytes[offset] = this.byteAt(offset) ^ (1 << bit);
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}
