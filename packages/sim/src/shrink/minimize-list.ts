/** ddmin over a list. Pure. */

/**
 * Takes items away, first in large pieces and then one by one, until none can go. `tries` is given the
 * rest, and says whether that still fails.
 */
export function minimizeList<Item>(
  items: readonly Item[],
  tries: (rest: readonly Item[]) => boolean,
): readonly Item[] {
  let left = items;
  for (let size = items.length; size >= 1; ) {
    const before = left;
    left = takeAway(left, size, tries);
    // What went may have been what others were there for: single items are tried anew.
    if (size > 1) size = Math.ceil(Math.min(size, left.length) / 2);
    else if (left.length === before.length) break;
  }
  return left;
}

/** Once through the list, in pieces of `size`; from its end, because what comes last causes least. */
function takeAway<Item>(
  items: readonly Item[],
  size: number,
  tries: (rest: readonly Item[]) => boolean,
): readonly Item[] {
  let left = items;
  for (let end = items.length; end > 0; end -= size) {
    const rest = left.toSpliced(Math.max(0, end - size), Math.min(size, end));
    if (tries(rest)) left = rest;
  }
  return left;
}
