/** What the scheduler takes from the outside. */
import type { Clock, Logger, Random } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";

/** One-shot timers. */
export interface Timers {
  /** Runs `callback` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface SchedulerDeps {
  /** Fenced by the leader's term, and never stale. */
  readonly client: ObjectClient;
  /** Measures back-off: monotonic. */
  readonly clock: Clock;
  /** Unix time in milliseconds, for time stamps. */
  readonly wallNowMs: () => number;
  /** Breaks ties between equally good nodes. */
  readonly random: Random;
  readonly logger: Logger;
  readonly timers: Timers;
}
