/**
 * Users, or roles, by their names: never changed, only replaced. A change copies one chunk and the list
 * of chunks, so that it costs about the same with ten of them and with ten thousand. Pure.
 */

/** What is kept has a name of its own. */
interface Named {
  readonly name: string;
}

/** A chunk that grows beyond is cut in two. */
const chunkMax = 128;

/** In the order of {@link compareNames}. */
export class ByName<T extends Named> {
  /** None is empty. */
  readonly #chunks: readonly (readonly T[])[];

  private constructor(chunks: readonly (readonly T[])[]) {
    this.#chunks = chunks;
  }

  /** Of `all`, which are in order already. */
  static of<T extends Named>(all: readonly T[]): ByName<T> {
    const chunks: (readonly T[])[] = [];
    for (let at = 0; at < all.length; at += chunkMax) chunks.push(all.slice(at, at + chunkMax));
    return new ByName(chunks);
  }

  get(name: string): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(name)] ?? [];
    const found = chunk[indexIn(chunk, name)];
    return found?.name === name ? found : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *values(): Generator<T, void> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** This with another one in the place of the one of that name, or as a new one. */
  with(item: T): ByName<T> {
    const at = this.#chunkOf(item.name);
    const chunk = this.#chunks[at] ?? [];
    const index = indexIn(chunk, item.name);
    const next = chunk.toSpliced(index, chunk[index]?.name === item.name ? 1 : 0, item);
    const middle = next.length >>> 1;
    const parts = next.length > chunkMax ? [next.slice(0, middle), next.slice(middle)] : [next];
    return new ByName(this.#chunks.toSpliced(at, 1, ...parts));
  }

  without(name: string): ByName<T> {
    if (!this.has(name)) return this;
    const at = this.#chunkOf(name);
    const chunk = this.#chunks[at] ?? [];
    const next = chunk.toSpliced(indexIn(chunk, name), 1);
    return new ByName(this.#chunks.toSpliced(at, 1, ...(next.length > 0 ? [next] : [])));
  }

  /** Where the chunk is that has the name, or would have it. */
  #chunkOf(name: string): number {
    const after = countWhere(this.#chunks, ([first]) => isUpTo(first, name));
    return Math.max(0, after - 1);
  }
}

/** Names sort by the bytes of their UTF-8, as in etcd; which is by their characters, not by UTF-16. */
export function compareNames(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const difference = rankOf(left.charCodeAt(at)) - rankOf(right.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Surrogates stand for what comes after all that is one unit. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Of the first that is not before `name`. */
function indexIn(chunk: readonly Named[], name: string): number {
  return countWhere(chunk, (item) => compareNames(item.name, name) < 0);
}

function isUpTo(item: Named | undefined, name: string): boolean {
  return item !== undefined && compareNames(item.name, name) <= 0;
}

/** How many at the beginning: `holds` is true of those, and of no other. */
function countWhere<T>(all: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(all[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
