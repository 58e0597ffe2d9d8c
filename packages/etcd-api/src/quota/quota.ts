/**
 * `--quota-backend-bytes`: how much the store may hold.
 *
 * What counts is what is in use, not the file: pages that a compaction frees are written again before
 * the file grows. So a compaction is enough to come back below the quota, and there is nothing to
 * defragment. etcd counts the file, which only a defragmentation makes smaller.
 */
import { quotaBytesDefault, quotaSlackShare } from "../limits.ts";

/** Bytes that the option means; undefined when there is no quota. */
export function quotaBytesOf(option: number): number | undefined {
  if (option < 0) return undefined;
  return option === 0 ? quotaBytesDefault : option;
}

/** One member's view. To ask how large the store is costs some system calls: not done for each put. */
export class Quota {
  readonly #bytesMax: number;
  readonly #bytesInUse: () => number;
  /** In use when it was looked at last; below 0 before the first look. */
  #seenBytes = -1;
  /** What was let through since. */
  #spentBytes = 0;

  constructor(bytesMax: number, bytesInUse: () => number) {
    this.#bytesMax = bytesMax;
    this.#bytesInUse = bytesInUse;
  }

  /** True when there is room for `cost` more bytes, which are taken then. */
  admit(cost: number): boolean {
    if (cost === 0) return true;
    const leftBytes = this.#bytesMax - this.#seenBytes;
    // A put takes more on disk than it costs, a few times at most: far from the end that is enough to know.
    const isFar = this.#spentBytes + cost < leftBytes * quotaSlackShare;
    if (this.#seenBytes < 0 || !isFar) {
      this.#seenBytes = this.#bytesInUse();
      this.#spentBytes = 0;
    }
    if (this.#seenBytes + cost >= this.#bytesMax) return false;
    this.#spentBytes += cost;
    return true;
  }
}
