/**
 * Small buffers cut from a large one: an allocation of its own costs more than what is written into it.
 *
 * Whatever is cut keeps its slab in memory. So nothing larger than {@link sliceBytesMax} is cut, and a
 * slab is small: what lives long costs at most one of them. Pure.
 */
import { assert } from "./assert.ts";

/** What is larger gets a buffer of its own. */
export const sliceBytesMax: number = 2 * 1024;
const slabBytes = 32 * 1024;

class Slab {
  bytes: Uint8Array = new Uint8Array(slabBytes);
  #free = 0;

  /** Gives `bytes[from, from + size)` away, whatever it holds; returns `from`. */
  cut(size: number): number {
    assert(size <= sliceBytesMax, "slab: a slice is small");
    if (this.#free + size > slabBytes) {
      this.bytes = new Uint8Array(slabBytes);
      this.#free = 0;
    }
    const from = this.#free;
    this.#free += size;
    return from;
  }

  /** The end of a slice, `bytes[from, to)`, was not needed. Taken back unless something was cut behind it. */
  giveBack(bytes: Uint8Array, from: number, to: number): void {
    if (bytes === this.bytes && to === this.#free) this.#free = from;
  }
}

/** Of the whole thread. */
export const slab: Slab = new Slab();

/** A copy of `bytes`, cut from the slab if it is small. */
export function slabCopy(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > sliceBytesMax) return bytes.slice();
  const from = slab.cut(length);
  slab.bytes.set(bytes, from);
  return slab.bytes.subarray(from, from + length);
}
