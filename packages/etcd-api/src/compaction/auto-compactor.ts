/** Compacts history by itself while this member leads; each member has one, and only the leader's acts. */
import type { Logger } from "@flotilla/base";
import type { Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import { repeatAsLeader } from "../leader-chore.ts";
import { RevisionCompaction, revisionLookMs } from "./by-revision.ts";
import type { AutoCompaction } from "./mode.ts";
import { PeriodicCompaction } from "./periodic.ts";

export interface AutoCompactorDeps {
  readonly member: Member;
  readonly logger: Logger;
  readonly timers: Timers;
}

/** Begins now; returns how to stop. */
export function startAutoCompaction(deps: AutoCompactorDeps, mode: AutoCompaction): () => void {
  switch (mode.kind) {
    case "off":
      return () => {};
    case "periodic":
      return new AutoCompactor(deps, periodicPlan(deps, mode.periodMs)).start();
    case "revision":
      return new AutoCompactor(deps, revisionPlan(deps, mode.revisions)).start();
  }
}

/** What differs between the modes. */
interface Plan {
  readonly everyMs: number;
  /** Called first, and then after each look. */
  note(): void;
  due(): number | undefined;
  done(revision: number): void;
}

class AutoCompactor {
  readonly #deps: AutoCompactorDeps;
  readonly #plan: Plan;

  constructor(deps: AutoCompactorDeps, plan: Plan) {
    this.#deps = deps;
    this.#plan = plan;
  }

  start(): () => void {
    const plan = this.#plan;
    return repeatAsLeader(this.#deps, {
      everyMs: plan.everyMs,
      complaint: "old revisions could not be compacted",
      note: () => plan.note(),
      attempt: () => this.#compactIfDue(),
    });
  }

  async #compactIfDue(): Promise<void> {
    const revision = this.#plan.due();
    if (revision !== undefined) await this.#compact(revision);
  }

  async #compact(revision: number): Promise<void> {
    const { member, logger } = this.#deps;
    const outcome = await member.propose(
      { kind: "compact", revision, physical: false },
      { principal: "cluster" },
    );
    const refusal =
      outcome.kind === "applied" && outcome.result.kind === "refused" ? outcome.result.error : "";
    if (outcome.kind === "applied" && (refusal === "" || refusal === "compacted")) {
      this.#plan.done(revision);
      logger.info("old revisions compacted", { revision });
      return;
    }
    const reason = refusal === "" ? outcome.kind : refusal;
    logger.warn("old revisions could not be compacted", { revision, reason });
  }
}

function periodicPlan({ member, timers }: AutoCompactorDeps, periodMs: number): Plan {
  const periodic = new PeriodicCompaction(periodMs, timers.nowMs());
  return {
    everyMs: periodic.noteMs,
    note: () => periodic.note(member.store.revision),
    due: () => periodic.due(timers.nowMs()),
    done: (revision) => periodic.done(revision, timers.nowMs()),
  };
}

function revisionPlan({ member }: AutoCompactorDeps, revisions: number): Plan {
  const byRevision = new RevisionCompaction(revisions);
  return {
    everyMs: revisionLookMs,
    note: () => {},
    due: () => byRevision.due(member.store.revision),
    done: (revision) => byRevision.done(revision),
  };
}
