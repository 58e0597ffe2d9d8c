/** What a {@link HardState} promises to others, and what in it is only a hint. Pure. */
import type { HardState } from "./contract.ts";

/**
 * True when both make the same promises: they differ in nothing, or in `commit` only. A promise has
 * to be durable before anybody hears of it; a commit index will be told again.
 */
export function isSamePromise(left: HardState, right: HardState): boolean {
  return (
    left.term === right.term &&
    left.vote === right.vote &&
    left.supersededBy === right.supersededBy &&
    left.epoch === right.epoch &&
    left.lostUntil === right.lostUntil &&
    left.lacksData === right.lacksData
  );
}
