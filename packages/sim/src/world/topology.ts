/**
 * Ways to take a network apart, as the directed links that are cut. Pure.
 *
 * Sources: the partitions of TigerBeetle's simulator and Jepsen's nemesis; "bridge" and "ring" are
 * the partial partitions of Howard and Abraham, "Raft does not guarantee liveness in the face of
 * network faults".
 */
import type { Prng } from "@flotilla/base";

/** A link by its ends. */
export type DirectedLink = readonly [from: number, to: number];

/**
 * - `split`: two groups that do not hear each other.
 * - `oneWay`: one group hears the other, not the reverse.
 * - `pair`: two servers that do not hear each other, both hear all others.
 * - `bridge`: two groups, and one server that hears both.
 * - `ring`: each server hears its two neighbours only.
 * - `isolate`: one server hears nobody. `deaf` and `mute`: only one direction of that.
 */
export type PartitionShape =
  | "split"
  | "oneWay"
  | "pair"
  | "bridge"
  | "ring"
  | "isolate"
  | "deaf"
  | "mute";

/** All of {@link PartitionShape}. */
export const partitionShapes: readonly PartitionShape[] = [
  "split",
  "oneWay",
  "pair",
  "bridge",
  "ring",
  "isolate",
  "deaf",
  "mute",
];

/** The links that a partition of this shape cuts, between `servers` in an order drawn at random. */
export function drawPartition(
  shape: PartitionShape,
  servers: readonly number[],
  random: Prng,
): readonly DirectedLink[] {
  const order = shuffled(servers, random);
  const [first = 0, second = 0] = order;
  const half = 1 + random.below(Math.max(1, order.length - 1));
  const [left, right] = [order.slice(0, half), order.slice(half)];
  switch (shape) {
    case "split":
      return bothWays(left, right);
    case "oneWay":
      return between(left, right);
    case "pair":
      return bothWays([first], [second]);
    case "bridge": {
      const others = order.slice(1);
      const middle = Math.floor(others.length / 2);
      return bothWays(others.slice(0, middle), others.slice(middle));
    }
    case "ring":
      return between(order, order).filter(([from, to]) => !areNeighbours(order, from, to));
    case "isolate":
      return bothWays([first], order.slice(1));
    case "deaf":
      return between(order.slice(1), [first]);
    case "mute":
      return between([first], order.slice(1));
  }
}

function areNeighbours(order: readonly number[], one: number, other: number): boolean {
  const distance = Math.abs(order.indexOf(one) - order.indexOf(other));
  return distance === 1 || distance === order.length - 1;
}

function between(from: readonly number[], to: readonly number[]): DirectedLink[] {
  return from.flatMap((one) =>
    to.filter((other) => other !== one).map((other) => link(one, other)),
  );
}

function bothWays(left: readonly number[], right: readonly number[]): DirectedLink[] {
  return [...between(left, right), ...between(right, left)];
}

function link(from: number, to: number): DirectedLink {
  return [from, to];
}

/** A copy in random order. */
export function shuffled<Item>(items: readonly Item[], random: Prng): Item[] {
  const order = [...items];
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other] as Item, order[at] as Item];
  }
  return order;
}
