/**
 * A map whose keys are numbers that only go up, in their order; for what comes and goes all the time.
 * Pure. O(log n) to find, O(1) amortised to add and to delete.
 *
 * What is deleted leaves nothing behind. A Map that is filled and emptied all the time makes itself a new
 * table again and again; the old ones, once V8 counts them as old, keep alive whatever they held until the
 * next collection of everything, and all of that is copied first. Measured: docs/performance.md.
 */
import { assert } from "./assert.ts";

/** Below so many places holes are not worth being closed. */
const placesMin = 64;
/** So many are given back when they are not needed any more. */
const placesKeptMax = 65_536;

export class AscendingMap<T extends object> {
  /** Places [`#first`, `#end`) are in use; of those that are deleted the value is undefined. */
  #keys: number[] = [];
  #values: (T | undefined)[] = [];
  #first = 0;
  #end = 0;
  #size = 0;
  #lastKey = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  /** The smallest one. */
  get firstKey(): number | undefined {
    return this.#size === 0 ? undefined : this.#keys[this.#first];
  }

  get(key: number): T | undefined {
    return this.#values[this.#placeOf(key)];
  }

  /** `key` is greater than any before, also than those that are deleted. */
  add(key: number, value: T): void {
    assert(key > this.#lastKey, "ascending map: keys only go up");
    this.#lastKey = key;
    this.#keys[this.#end] = key;
    this.#values[this.#end] = value;
    this.#end++;
    this.#size++;
  }

  /** The value that was there. */
  delete(key: number): T | undefined {
    const place = this.#placeOf(key);
    const value = this.#values[place];
    if (value === undefined) return undefined;
    this.#values[place] = undefined;
    this.#size--;
    while (this.#first < this.#end && this.#values[this.#first] === undefined) this.#first++;
    if (this.#end > placesMin && this.#end > 2 * this.#size) this.#closeHoles();
    return value;
  }

  clear(): void {
    this.#values.fill(undefined);
    this.#first = 0;
    this.#end = 0;
    this.#size = 0;
  }

  /** Those that are there now, in order. */
  values(): T[] {
    return this.#values.slice(this.#first, this.#end).filter((value) => value !== undefined);
  }

  /** The first one in order that `accepts` takes. */
  find(accepts: (value: T) => boolean): T | undefined {
    for (let place = this.#first; place < this.#end; place++) {
      const value = this.#values[place];
      if (value !== undefined && accepts(value)) return value;
    }
    return undefined;
  }

  /** -1 when it was never there, or its place has gone. */
  #placeOf(key: number): number {
    let [low, high] = [this.#first, this.#end - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#keys[middle] as number;
      if (found === key) return middle;
      if (found < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** In place: a new array would leave an old one behind. */
  #closeHoles(): void {
    let to = 0;
    for (let from = this.#first; from < this.#end; from++) {
      const value = this.#values[from];
      if (value === undefined) continue;
      this.#keys[to] = this.#keys[from] as number;
      this.#values[to] = value;
      to++;
    }
    this.#values.fill(undefined, to, this.#end);
    this.#first = 0;
    this.#end = to;
    if (this.#values.length > Math.max(placesKeptMax, 4 * to)) this.#giveBack();
  }

  #giveBack(): void {
    this.#keys = this.#keys.slice(0, this.#end);
    this.#values = this.#values.slice(0, this.#end);
  }
}
