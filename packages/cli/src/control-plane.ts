/** Controllers and scheduler run in the member that leads, and only while it leads. */
import type { Logger, Random } from "@flotilla/base";
import { startControllers } from "@flotilla/controllers";
import { bootstrap, createLocalClient, FencedError, type KubeApi } from "@flotilla/kube-api";
import type { Leadership, Member } from "@flotilla/member";
import { startScheduler } from "@flotilla/scheduler";
import { reasonOf } from "./exit.ts";
import { compactHistory } from "./history-compaction.ts";
import { systemClock, systemTimers } from "./system.ts";

export interface ControlPlaneDeps {
  readonly member: Member;
  readonly api: KubeApi;
  readonly random: Random;
  readonly logger: Logger;
}

/** Between two attempts to lay the foundations, while the store refuses. */
const bootstrapRetryMs = 200;

/** Follows this member's leadership. Returns how to end it. */
export function runControlPlane(deps: ControlPlaneDeps): () => Promise<void> {
  let reign: Reign | undefined;
  const end = deps.member.onLeadership((leadership) => {
    if (leadership.isLeader && reign?.term === leadership.term) return;
    reign?.end();
    reign = leadership.isLeader ? new Reign(deps, leadership) : undefined;
  });
  return async () => {
    end();
    reign?.end();
  };
}

/** What runs during one term of leadership. */
class Reign {
  readonly term: number;
  readonly #deps: ControlPlaneDeps;
  readonly #running: { stop(): void }[] = [];
  #over = false;

  constructor(deps: ControlPlaneDeps, { term }: Leadership) {
    this.term = term;
    this.#deps = deps;
    void this.#begin();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const running of this.#running) running.stop();
    this.#deps.logger.info("control plane stopped", { term: this.term });
  }

  async #begin(): Promise<void> {
    const { api, logger, random } = this.#deps;
    try {
      await bootstrap(api, { onlyInTerm: this.term });
    } catch (error) {
      if (this.#over || error instanceof FencedError) return;
      logger.warn("cannot lay the foundations yet", { reason: reasonOf(error) });
      systemTimers.after(bootstrapRetryMs, () => {
        if (!this.#over) void this.#begin();
      });
      return;
    }
    if (this.#over) return;
    const client = createLocalClient(api, { onlyInTerm: this.term });
    const wallNowMs = () => Date.now();
    const shared = { client, clock: systemClock, wallNowMs, random, logger, timers: systemTimers };
    this.#running.push(
      startControllers(shared),
      startScheduler(shared),
      compactHistory(this.#deps.member, this.term, logger),
    );
    logger.info("control plane started", { term: this.term });
  }
}
