/** What the scheduler takes from the outside. */
import type { Clock, Logger, Random, Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";

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
