/**
 * Makes the state that a snapshot has brought the first state of a new cluster. Pure apart from the
 * backend that it is given. Source: etcd etcdutl/snapshot/v3_snapshot.go, schema/membership.go.
 *
 * Keys, leases, users and alarms stay. What belonged to the old cluster's log goes: its index, its
 * sessions, its members, a downgrade under way.
 */
import { saveDowngrade } from "./cluster-state.ts";
import { decideCompaction } from "./compaction.ts";
import type { Backend } from "./contract.ts";
import { forgetAllMembers } from "./members.ts";
import { forgetAllSessions } from "./sessions.ts";
import { loadState, saveState } from "./state.ts";

export interface NewClusterOptions {
  /** The entry of the new log that the state stands for, and its term. */
  readonly index: number;
  readonly term: number;
  /**
   * Added to the revision: so many revisions may have been given since the snapshot was taken, and
   * whoever has seen them must not see others under the same number.
   */
  readonly bumpRevision: number;
  /** Nothing below the new revision can be read or watched: watchers are told, and begin anew. */
  readonly markCompacted: boolean;
}

/** Where the new cluster begins. */
export interface NewClusterState {
  readonly revision: number;
  readonly compactRevision: number;
}

/** Changes what `backend` holds. Throws `WireError` when that is no state of a store. */
export function beginNewCluster(backend: Backend, options: NewClusterOptions): NewClusterState {
  return backend.write((writer) => {
    const before = loadState(writer);
    forgetAllSessions(writer);
    forgetAllMembers(writer);
    saveDowngrade(writer, undefined);
    const revision = before.revision + options.bumpRevision;
    const moved = {
      ...before,
      revision,
      appliedIndex: options.index,
      appliedTerm: options.term,
    };
    const compacted = options.markCompacted ? decideCompaction(moved, revision) : moved;
    const state = typeof compacted === "string" ? moved : compacted;
    saveState(writer, state);
    return { revision, compactRevision: state.compactRevision };
  });
}
