/** What a server holds only while it leads: volatile, and gone with the term. */

import { configurationServers } from "../configuration.ts";
import type { Configuration, LogIndex, NodeId } from "../contract.ts";
import type { Limits } from "./limits.ts";
import { Progress } from "./progress.ts";
import { ReadRounds } from "./read-rounds.ts";

export class Leadership {
  readonly progress: ReadonlyMap<NodeId, Progress>;
  readonly reads: ReadRounds;
  heartbeatElapsed = 0;
  /** Ticks since the last check that a quorum was heard of. */
  quorumElapsed = 0;
  /** Bytes of data in entries after the commit index. */
  uncommittedBytes = 0;
  /** Who is to lead next; empty when nobody. */
  transferTarget: NodeId = "";
  transferElapsed = 0;

  /** `lastIndex` is that of the log before the new leader's own first entry. */
  constructor(self: NodeId, configuration: Configuration, lastIndex: LogIndex, limits: Limits) {
    const progress = new Map<NodeId, Progress>();
    for (const id of configurationServers(configuration)) {
      if (id !== self) progress.set(id, new Progress(lastIndex + 1, limits));
    }
    this.progress = progress;
    this.reads = new ReadRounds(limits.pendingReadsMax);
  }
}
