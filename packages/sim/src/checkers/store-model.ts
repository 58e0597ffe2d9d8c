/** One key of the store as a sequential object. Pure. */
import type { Operation } from "./history.ts";
import type { Model } from "./linearizability.ts";

/** What is at the key, as far as the outputs so far tell. */
export interface KeyState {
  /** Undefined: the key is absent. */
  readonly value: string | undefined;
  /** 0 when absent; undefined: some revision above `floor` that nobody was told. */
  readonly modRevision: number | undefined;
  /** 0 when absent. */
  readonly version: number;
  /** The lease it is attached to. */
  readonly lease: string | undefined;
  /** Every later change of the key has a higher revision. */
  readonly floor: number;
}

/** The store's promise for one key. */
export const storeModel: Model<KeyState> = {
  initial: { value: undefined, modRevision: 0, version: 0, lease: undefined, floor: 0 },
  step: (state: KeyState, operation: Operation): KeyState | undefined => {
    void operation;
    return state;
  },
  keyOf: (state: KeyState): string => state.value ?? "",
  isRead: (operation: Operation): boolean => operation.input.kind === "get",
};
