/** What a server has to stand by: its log, its term and its vote. Pure. */
import type { LogState } from "./fact.ts";

/** `log to 7/3, vote for a1 in term 4`. */
export function promiseText({ firstIndex, lastIndex, lastTerm, term, vote }: LogState): string {
  const snapshot = firstIndex > 1 ? ` (a snapshot to ${firstIndex - 1})` : "";
  const log = lastIndex === 0 ? "an empty log" : `log to ${lastIndex}/${lastTerm}${snapshot}`;
  return `${log}, ${vote === "" ? "no vote" : `vote for ${vote}`} in term ${term}`;
}

/** Both would keep the same promises; what of it a snapshot covers is no matter. */
export function isSamePromise(left: LogState, right: LogState): boolean {
  return (
    left.lastIndex === right.lastIndex &&
    left.lastTerm === right.lastTerm &&
    left.term === right.term &&
    left.vote === right.vote
  );
}
