/**
 * Brings a recovered log and the state machine together, as `packages/member` does when it opens its
 * data directory.
 *
 * The state may lag (the log is replayed), not lead: what it has applied was durable in the log, so a
 * log that lacks it has lost entries.
 */
import type { EngineState } from "@flotilla/consensus";
import type { Recovered } from "@flotilla/wal";
import type { SimulatedState } from "../state/simulated-state.ts";

/** What a server starts from, or why it cannot. */
export type Reconciled =
  | { readonly kind: "sound"; readonly state: EngineState }
  | { readonly kind: "snapshotMissing" | "stateAhead"; readonly message: string };

/** `state` is open. */
export function reconcile(recovered: Recovered, state: SimulatedState): Reconciled {
  const { snapshot, entries, hardState } = recovered;
  if (state.store.appliedIndex < snapshot.index) {
    // The server was stopped between taking the snapshot into the log and into the store.
    if (!state.restore(snapshot)) {
      const { appliedIndex } = state.store;
      const message = `the log starts at entry ${snapshot.index}, the store ends at ${appliedIndex}`;
      return { kind: "snapshotMissing", message };
    }
  }
  state.forgetReceived();
  const lastIndex = snapshot.index + entries.length;
  const { appliedIndex } = state.store;
  if (appliedIndex > lastIndex) {
    const message = `the store has applied entry ${appliedIndex}, the log ends at ${lastIndex}`;
    return { kind: "stateAhead", message };
  }
  const commit = Math.max(hardState.commit, appliedIndex);
  return {
    kind: "sound",
    state: { hardState: { ...hardState, commit }, snapshot, entries, appliedIndex },
  };
}
