/** What the operations on objects share: the store below, time, chance, and the decoded objects. */
import type { Logger, Random } from "@flotilla/base";
import type { Resource } from "@flotilla/objects";
import type { Storage } from "../storage.ts";
import type { EventLeases } from "./event-leases.ts";
import type { ObjectCache } from "./object-cache.ts";

export interface RegistryContext {
  readonly storage: Storage;
  readonly cache: ObjectCache;
  readonly eventLeases: EventLeases;
  readonly random: Random;
  readonly logger: Logger;
  /** The wall clock, in milliseconds since 1970: it goes into time stamps and into nothing else. */
  wallClockMs(): number;
}

/** Names one object. */
export interface Target {
  readonly resource: Resource;
  /** Undefined for a cluster-scoped kind. */
  readonly namespace: string | undefined;
  readonly name: string;
}
