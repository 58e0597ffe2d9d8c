/** Whom a changed key concerns: a map for single keys, a list for ranges. Pure. */
import { type Bounds, containsKey } from "./key-range.ts";

/** What the index needs to know of those whom it finds. */
export interface Interested {
  readonly bounds: Bounds;
}

/** At most one of them for the same bounds. */
export class InterestIndex<I extends Interested> {
  readonly #ofKey = new Map<string, I>();
  readonly #ofRange = new Map<string, I>();

  get isEmpty(): boolean {
    return this.#ofRange.size === 0 && this.#ofKey.size === 0;
  }

  /** The one with exactly these bounds; `make` is called where there is none. */
  at(bounds: Bounds, make: () => I): I {
    const index = this.#indexOf(bounds);
    const name = nameOf(bounds);
    const known = index.get(name);
    if (known !== undefined) return known;
    const made = make();
    index.set(name, made);
    return made;
  }

  remove({ bounds }: I): void {
    this.#indexOf(bounds).delete(nameOf(bounds));
  }

  /** Calls `visit` for each whose bounds hold `key`; O(ranges). */
  match(key: Uint8Array, visit: (interested: I) => void): void {
    for (const interested of this.#ofRange.values()) {
      if (containsKey(interested.bounds, key)) visit(interested);
    }
    if (this.#ofKey.size === 0) return;
    const interested = this.#ofKey.get(textOf(key));
    if (interested !== undefined) visit(interested);
  }

  *[Symbol.iterator](): Generator<I> {
    yield* this.#ofRange.values();
    yield* this.#ofKey.values();
  }

  #indexOf({ kind }: Bounds): Map<string, I> {
    return kind === "key" ? this.#ofKey : this.#ofRange;
  }
}

/** Equal exactly for equal bounds of one kind. */
function nameOf(bounds: Bounds): string {
  if (bounds.kind === "key") return textOf(bounds.key);
  const { from, to } = bounds;
  return to === undefined ? `,${textOf(from)}` : `${from.length},${textOf(from)}${textOf(to)}`;
}

/** Stays below the number of arguments that every engine takes in one call. */
const argumentsMax = 4096;

/** One character for each byte: equal exactly when the bytes are. */
function textOf(key: Uint8Array): string {
  if (key.length <= argumentsMax) return String.fromCharCode(...key);
  let text = "";
  for (let at = 0; at < key.length; at += argumentsMax) {
    text += String.fromCharCode(...key.subarray(at, at + argumentsMax));
  }
  return text;
}
