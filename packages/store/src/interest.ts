/** Which watchers a changed key concerns: a map for single keys, a list for ranges. Pure. */
import { type Bounds, containsKey } from "./key-range.ts";

/** What the index needs to know of a watcher. */
export interface Interested {
  readonly bounds: Bounds;
}

export class InterestIndex<W extends Interested> {
  readonly #byKey = new Map<string, Set<W>>();
  readonly #ranges = new Set<W>();

  get isEmpty(): boolean {
    return this.#ranges.size === 0 && this.#byKey.size === 0;
  }

  add(watcher: W): void {
    const { bounds } = watcher;
    if (bounds.kind === "range") {
      this.#ranges.add(watcher);
      return;
    }
    const name = nameOf(bounds.key);
    const watchers = this.#byKey.get(name);
    if (watchers === undefined) this.#byKey.set(name, new Set([watcher]));
    else watchers.add(watcher);
  }

  remove(watcher: W): void {
    const { bounds } = watcher;
    if (bounds.kind === "range") {
      this.#ranges.delete(watcher);
      return;
    }
    const name = nameOf(bounds.key);
    const watchers = this.#byKey.get(name);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byKey.delete(name);
  }

  /** Calls `visit` for each watcher whose bounds hold `key`; O(ranges). */
  match(key: Uint8Array, visit: (watcher: W) => void): void {
    for (const watcher of this.#ranges) if (containsKey(watcher.bounds, key)) visit(watcher);
    if (this.#byKey.size === 0) return;
    const watchers = this.#byKey.get(nameOf(key));
    if (watchers !== undefined) for (const watcher of watchers) visit(watcher);
  }

  *[Symbol.iterator](): Generator<W> {
    yield* this.#ranges;
    for (const watchers of this.#byKey.values()) yield* watchers;
  }
}

/** Stays below the number of arguments that every engine takes in one call. */
const argumentsMax = 4096;

/** One character for each byte: a map key that is equal exactly when the bytes are. */
function nameOf(key: Uint8Array): string {
  if (key.length <= argumentsMax) return String.fromCharCode(...key);
  let name = "";
  for (let at = 0; at < key.length; at += argumentsMax) {
    name += String.fromCharCode(...key.subarray(at, at + argumentsMax));
  }
  return name;
}
