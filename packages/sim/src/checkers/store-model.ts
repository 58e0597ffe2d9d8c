/**
 * One key of the store as a sequential object: etcd's promise about value, modification revision and
 * version, and about the revision in every answer.
 *
 * A write whose outcome is not known took some revision that nobody was told. The state then holds
 * an interval for it, which the next answer that names a revision narrows:
 *
 * ```
 * put a -> revision 7                  mod 7..7    floor 7
 * put b, outcome unknown               mod 8..     floor 8
 * get -> b, store at revision 12       mod m..m    floor 12     if it says m, 8 <= m <= 12
 * ```
 *
 * Pure.
 */
import { assertNever } from "@flotilla/base";
import type { Comparison, Operation, Output } from "./history.ts";
import type { Model } from "./linearizability.ts";

/** What is at the key, as far as the answers so far tell. */
export interface KeyState {
  /** Undefined: the key is absent. */
  readonly value: string | undefined;
  /** The modification revision is at least this, and 0 when absent. */
  readonly modLow: number;
  /** And at most this: infinity when nobody was told. */
  readonly modHigh: number;
  /** 0 when absent. */
  readonly version: number;
  /** The lease it is attached to. */
  readonly lease: string | undefined;
  /** Every later change of the key has a higher revision. */
  readonly floor: number;
}

const absent = { value: undefined, modLow: 0, modHigh: 0, version: 0, lease: undefined } as const;

/** The store's promise for one key; serializable reads are left out. */
export const storeModel: Model<KeyState> = {
  initial: { ...absent, floor: 0 },
  step,
  keyOf: (state: KeyState): string =>
    `${state.value} ${state.modLow} ${state.modHigh} ${state.version} ${state.lease} ${state.floor}`,
  revisionOf: ({ output }: Operation): number | undefined => revisionOf(output),
  floorOf: ({ floor }: KeyState): number => floor,
  ignores,
  changesNothing,
};

/** Reads that were not answered, or that may be old. */
function ignores({ input, output }: Operation): boolean {
  return input.kind === "get" && (output?.kind !== "get" || input.serializable === true);
}

function changesNothing({ output }: Operation): boolean {
  switch (output?.kind) {
    case "get":
    case "refused":
      return true;
    case "cas":
      return !output.succeeded;
    case "delete":
      return output.deleted === 0;
    default:
      return false;
  }
}

function step(state: KeyState, { input, output }: Operation): KeyState | undefined {
  if (output?.kind === "refused") return state;
  switch (input.kind) {
    case "put":
      return written(state, input, revisionOf(output));
    case "get":
      return output?.kind === "get" ? read(state, output) : state;
    case "cas":
      return compared(state, input, output);
    case "delete":
      return deleted(state, output);
    case "expire":
      // A revocation's own answer tells nothing about this key.
      return input.lease === state.lease ? removed(state, undefined) : state;
    default:
      return assertNever(input);
  }
}

function revisionOf(output: Output | undefined): number | undefined {
  return output === undefined || !("revision" in output) ? undefined : output.revision;
}

/** A write took `revision`, or one that nobody was told. */
function written(
  state: KeyState,
  put: { readonly value: string; readonly lease?: string },
  revision: number | undefined,
): KeyState | undefined {
  const modLow = revision ?? state.floor + 1;
  if (modLow <= state.floor) return undefined;
  return {
    value: put.value,
    modLow,
    modHigh: revision ?? Number.POSITIVE_INFINITY,
    version: state.version + 1,
    lease: put.lease,
    floor: modLow,
  };
}

/** The key was there, and goes. */
function removed(state: KeyState, revision: number | undefined): KeyState | undefined {
  const floor = revision ?? state.floor + 1;
  return floor <= state.floor ? undefined : { ...absent, floor };
}

/** Nothing changed, and the store was at `revision`: what is here is not newer. */
function unchanged(state: KeyState, revision: number): KeyState | undefined {
  if (revision < state.floor) return undefined;
  if (revision === state.floor && state.modHigh <= revision) return state;
  return { ...state, modHigh: Math.min(state.modHigh, revision), floor: revision };
}

function read(state: KeyState, output: Output & { readonly kind: "get" }): KeyState | undefined {
  const { found, revision } = output;
  if (found?.value !== state.value) return undefined;
  if (found === undefined) return unchanged(state, revision);
  const { modRevision, version } = found;
  if (version !== state.version) return undefined;
  if (modRevision < state.modLow || modRevision > state.modHigh) return undefined;
  return narrowed(unchanged(state, revision), modRevision);
}

function narrowed(state: KeyState | undefined, modRevision: number): KeyState | undefined {
  if (state === undefined || modRevision > state.modHigh) return undefined;
  if (state.modLow === modRevision && state.modHigh === modRevision) return state;
  return { ...state, modLow: modRevision, modHigh: modRevision };
}

function compared(
  state: KeyState,
  input: Operation["input"] & { readonly kind: "cas" },
  output: Output | undefined,
): KeyState | undefined {
  const holds = isEqual(state, input.compare);
  // Not told: it took effect, for when it did not there is nothing to place.
  const succeeded = output?.kind === "cas" ? output.succeeded : true;
  if (holds === !succeeded) return output === undefined ? state : undefined;
  if (!succeeded) return unchanged(state, revisionOf(output) ?? state.floor);
  return written(state, input, revisionOf(output));
}

/** Undefined: both could be, as the modification revision is not known. */
function isEqual(state: KeyState, compare: Comparison): boolean | undefined {
  switch (compare.target) {
    case "value":
      return state.value === compare.equals;
    case "version":
      return state.version === compare.equals;
    case "modRevision":
      if (compare.equals < state.modLow || compare.equals > state.modHigh) return false;
      return state.modLow === state.modHigh ? true : undefined;
    default:
      return assertNever(compare);
  }
}

function deleted(state: KeyState, output: Output | undefined): KeyState | undefined {
  const isHere = state.value !== undefined;
  if (output?.kind !== "delete") return isHere ? removed(state, undefined) : state;
  if (output.deleted !== (isHere ? 1 : 0)) return undefined;
  return isHere ? removed(state, output.revision) : unchanged(state, output.revision);
}
