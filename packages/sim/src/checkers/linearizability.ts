/**
 * Whether a history is linearizable: some order of its operations agrees with real time and with a
 * sequential model.
 *
 * Source: Wing and Gong, "Testing and verifying concurrent objects" (1993), with the cache of Lowe,
 * "Testing for linearizability" (2017), and his partition by key, which is sound because
 * linearizability is a local property (Herlihy and Wing, 1990).
 *
 * An operation whose outcome is not known has a call and no return: it may be placed anywhere after
 * its call, or nowhere. Pure.
 */
import type { Operation } from "./history.ts";
import { LinearizationSearch } from "./linearization-search.ts";

/** A sequential object. States are values: `step` makes a new one. */
export interface Model<State> {
  readonly initial: State;
  /**
   * The state after `operation` took effect in `state`, or `state` itself when it changes nothing;
   * undefined when it cannot have had its output there. Without an output: the state after it took
   * effect, whatever it answered.
   */
  step(state: State, operation: Operation): State | undefined;
  /** Equal for equal states, and only for those. */
  keyOf(state: State): string;
  /** The revision that the operation was told, if it was told one. */
  revisionOf(operation: Operation): number | undefined;
  /** Nothing that was told a lower revision fits in after this state. */
  floorOf(state: State): number;
  /** True for an operation that tells nothing: it is left out. */
  ignores(operation: Operation): boolean;
  /** True when the operation, with the output that it has, changes nothing in any state. */
  changesNothing(operation: Operation): boolean;
}

/** What the search found. */
export type Linearizability =
  | { readonly kind: "ok" }
  | {
      readonly kind: "violation";
      readonly key: string;
      /**
       * The shortest part of the key's history, by order of returns, that no order explains; ends with
       * the return that made it so. Operations that return later are in it as they were then: called.
       */
      readonly operations: readonly Operation[];
    }
  /** The search for a key was given up after `stepsMax`; no other key is in violation. */
  | { readonly kind: "unknown"; readonly key: string };

/** Steps of the search for one key before it is given up: about a second, and 200 MB. */
export const linearizabilityStepsMax = 1_000_000;

/**
 * Searches an order of `history`, which may be in any order itself, that `model` explains, key by
 * key. Linear in practice; exponential in the number of operations that overlap at worst.
 */
export function checkLinearizable<State>(
  history: readonly Operation[],
  model: Model<State>,
  stepsMax: number = linearizabilityStepsMax,
): Linearizability {
  let unknown: Linearizability | undefined;
  for (const [key, operations] of byKey(history, model)) {
    const result = new LinearizationSearch(operations, model).run(stepsMax);
    if (result === "impossible") {
      return { kind: "violation", key, operations: shortestPart(operations, model, stepsMax) };
    }
    if (result === "givenUp") unknown ??= { kind: "unknown", key };
  }
  return unknown ?? { kind: "ok" };
}

/** What says something, in the order of the calls. */
function byKey<State>(
  history: readonly Operation[],
  model: Model<State>,
): ReadonlyMap<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of history) {
    if (model.ignores(operation)) continue;
    const group = groups.get(operation.key);
    if (group === undefined) groups.set(operation.key, [operation]);
    else group.push(operation);
  }
  for (const group of groups.values()) {
    group.sort((left, right) => left.calledAt.sequence - right.calledAt.sequence);
  }
  return groups;
}

/** A part with fewer returns of a history that can be explained can be explained too: hence by halves. */
function shortestPart<State>(
  operations: readonly Operation[],
  model: Model<State>,
  stepsMax: number,
): readonly Operation[] {
  const returns = operations
    .map((operation) => operation.returnedAt?.sequence ?? Number.POSITIVE_INFINITY)
    .filter((sequence) => Number.isFinite(sequence))
    .sort((left, right) => left - right);
  let low = 0;
  let high = returns.length - 1; // The whole, which is known to be impossible.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const part = partUpTo(operations, returns[middle] as number);
    if (new LinearizationSearch(part, model).run(stepsMax) === "impossible") high = middle;
    else low = middle + 1;
  }
  return partUpTo(operations, returns[high] as number);
}

function partUpTo(operations: readonly Operation[], sequence: number): readonly Operation[] {
  return operations
    .filter((operation) => operation.calledAt.sequence <= sequence)
    .map((operation) =>
      operation.returnedAt !== undefined && operation.returnedAt.sequence > sequence
        ? { ...operation, returnedAt: undefined, output: undefined }
        : operation,
    );
}
