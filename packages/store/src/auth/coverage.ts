/**
 * Which keys a set of permissions reaches, as merged intervals. Pure.
 *
 * Source: etcd server/auth/range_perm_cache.go. A single key is the interval up to its successor, which
 * is itself with a zero byte behind; so it never reaches another key. Intervals that touch are one:
 * [a, b) and [b, c) together allow [a, c).
 */
import { compareBytes } from "@flotilla/base";
import type { KeyRange } from "../contract.ts";
import { boundsOf } from "../key-range.ts";

/** From `begin` to before `end`; undefined: no end. */
export interface Interval {
  readonly begin: Uint8Array;
  readonly end: Uint8Array | undefined;
}

export class Coverage {
  /** Sorted, and with a gap between any two. */
  readonly #intervals: readonly Interval[];

  constructor(ranges: readonly KeyRange[]) {
    this.#intervals = merged(ranges.map(intervalOf).filter((interval) => !isEmpty(interval)));
  }

  /** True when every key that `range` names is reached, whether it exists or not. */
  covers(range: KeyRange): boolean {
    const wanted = intervalOf(range);
    // A range that is empty names no key at all; who may not use the one at its begin may not ask (etcd's
    // answer depends on the shape of its tree).
    const needed = isEmpty(wanted) ? pointOf(wanted.begin) : wanted;
    const found = this.#lastFrom(needed.begin);
    return found !== undefined && compareEnds(found.end, needed.end) >= 0;
  }

  /** The interval that holds `key`; undefined when that is not reached. */
  around(key: Uint8Array): Interval | undefined {
    const found = this.#lastFrom(key);
    return found !== undefined && compareEnds(found.end, key) > 0 ? found : undefined;
  }

  /** The interval that holds `key`, if one does, or another one before it. */
  #lastFrom(key: Uint8Array): Interval | undefined {
    let [low, high] = [0, this.#intervals.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((this.#intervals[middle] as Interval).begin, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#intervals[low - 1];
  }
}

function intervalOf(range: KeyRange): Interval {
  const bounds = boundsOf(range);
  return bounds.kind === "key" ? pointOf(bounds.key) : { begin: bounds.from, end: bounds.to };
}

function pointOf(key: Uint8Array): Interval {
  const end = new Uint8Array(key.length + 1);
  end.set(key);
  return { begin: key, end };
}

function isEmpty({ begin, end }: Interval): boolean {
  return end !== undefined && compareBytes(begin, end) >= 0;
}

function merged(intervals: readonly Interval[]): readonly Interval[] {
  const sorted = [...intervals].sort((left, right) => compareBytes(left.begin, right.begin));
  const result: Interval[] = [];
  for (const interval of sorted) {
    const last = result.at(-1);
    if (last === undefined || compareEnds(last.end, interval.begin) < 0) result.push(interval);
    else if (compareEnds(last.end, interval.end) < 0) {
      result[result.length - 1] = { begin: last.begin, end: interval.end };
    }
  }
  return result;
}

/** No end is the greatest. */
function compareEnds(left: Uint8Array | undefined, right: Uint8Array | undefined): number {
  if (left === undefined) return right === undefined ? 0 : 1;
  return right === undefined ? -1 : compareBytes(left, right);
}
