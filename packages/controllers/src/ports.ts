/** What controllers take from the outside: one set of ports for all of them. */
import type { Clock, Logger, Random, Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";

export interface ControllerDeps {
  /** Fenced by the leader's term, and never stale: what it reads is decided on without a cache. */
  readonly client: ObjectClient;
  /** Measures graces and tolerations: monotonic, so that a jump of the wall clock kills no node. */
  readonly clock: Clock;
  /** Unix time in milliseconds: for time stamps, and for what is measured against time stamps. */
  readonly wallNowMs: () => number;
  readonly random: Random;
  readonly logger: Logger;
  readonly timers: Timers;
}
