/** A store's backend for tests: sorted arrays, all or nothing by copying. Small and slow. */
import { compareBytes } from "@flotilla/base";
import type { Backend, BackendWriter } from "@flotilla/store";

type Entry = [key: Uint8Array, value: Uint8Array];

export function sortedBackend(): Backend {
  let tables = new Map<string, Entry[]>();
  const entries = (table: string): Entry[] => {
    const known = tables.get(table) ?? [];
    tables.set(table, known);
    return known;
  };
  const at = (list: readonly Entry[], key: Uint8Array): number => {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareBytes(list[middle]![0], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const holds = (list: readonly Entry[], index: number, key: Uint8Array): boolean =>
    index < list.length && compareBytes(list[index]![0], key) === 0;
  const between = (table: string, from: Uint8Array, to: Uint8Array | undefined): Entry[] => {
    const list = entries(table);
    return list.slice(at(list, from), to === undefined ? list.length : at(list, to));
  };
  const writer: BackendWriter = {
    get(table, key) {
      const list = entries(table);
      const index = at(list, key);
      return holds(list, index, key) ? list[index]![1] : undefined;
    },
    range(table, from, to, options = {}) {
      const found = between(table, from, to);
      if (options.reverse) found.reverse();
      return found.slice(0, options.limit);
    },
    count: (table, from, to) => between(table, from, to).length,
    put(table, key, value) {
      const list = entries(table);
      const index = at(list, key);
      list.splice(index, holds(list, index, key) ? 1 : 0, [key.slice(), value.slice()]);
    },
    append: (table, key, value) => writer.put(table, key, value),
    delete(table, key) {
      const list = entries(table);
      const index = at(list, key);
      if (holds(list, index, key)) list.splice(index, 1);
    },
  };
  return {
    ...writer,
    write(body) {
      const before = new Map([...tables].map(([table, list]) => [table, [...list]]));
      try {
        return body(writer);
      } catch (error) {
        tables = before;
        throw error;
      }
    },
    view: () => undefined, // No reader here is slow enough to need one.
    size: () => ({ totalBytes: 0, inUseBytes: 0 }),
  };
}
