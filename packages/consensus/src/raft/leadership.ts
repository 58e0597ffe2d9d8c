/** What a server holds only while it leads: volatile, and gone with the term. */

import type { LogIndex, NodeId } from "../contract.ts";
import { Lease } from "./lease.ts";
import { Levels } from "./levels.ts";
import type { Limits } from "./limits.ts";
import { Progress } from "./progress.ts";
import { ReadRounds } from "./read-rounds.ts";
import type { Roster } from "./roster.ts";

export class Leadership {
  /** One for each other server of the configuration, and for those that are just leaving it. */
  readonly progress: Map<NodeId, Progress> = new Map();
  readonly reads: ReadRounds;
  readonly lease: Lease | undefined;
  readonly levels: Levels;
  heartbeatElapsed = 0;
  /** Ticks since a more preferred leader was last looked for. */
  preferElapsed = 0;
  /** Bytes of data in entries after the commit index. */
  uncommittedBytes = 0;
  /** Who is to lead next; empty when nobody. */
  transferTarget: NodeId = "";
  transferElapsed = 0;
  /** The target was told to campaign. */
  isTransferTold = false;
  /** No voter any more: this leader only waits for its successor. */
  isLeaving = false;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.reads = new ReadRounds(limits.pendingReadsMax);
    this.lease = limits.leaseMs === undefined ? undefined : new Lease(limits.leaseMs);
    this.levels = new Levels(limits.electionTicks);
    this.#limits = limits;
  }

  /**
   * Follows the configuration in force, which stands at `index` of the log: new servers begin at
   * `nextIndex`, servers that are not in it any more begin to leave.
   */
  follow(
    roster: Roster,
    at: {
      readonly self: NodeId;
      readonly index: LogIndex;
      readonly nextIndex: LogIndex;
      readonly tick: number;
    },
  ): void {
    for (const id of roster.servers) {
      if (id === at.self || this.progress.has(id)) continue;
      const isWitness = roster.isWitness(id);
      const progress = new Progress(at.nextIndex, {
        ...this.#limits,
        isWitness,
        sinceTick: at.tick,
      });
      this.progress.set(id, progress);
    }
    for (const [id, progress] of this.progress) {
      if (!roster.servers.has(id)) progress.leave(at.index, at.tick);
    }
  }
}
