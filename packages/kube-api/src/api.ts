/**
 * The Kubernetes API of one member: what its two entrances, HTTP and in process, have in common.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import { Freshness } from "./freshness.ts";
import { OpenApi } from "./http/open-api.ts";
import { bookmarkIntervalMs, requestsMax, staleWatchMs, watchesMax } from "./limits.ts";
import type { RegistryContext } from "./registry/context.ts";
import { EventLeases } from "./registry/event-leases.ts";
import { ObjectCache } from "./registry/object-cache.ts";
import type { Storage } from "./storage.ts";
import { systemTimers } from "./timers.ts";

export interface KubeApiDeps {
  readonly storage: Storage;
  /** Seeded by the system: names, addresses and lease ids come from it. */
  readonly random: Random;
  readonly logger: Logger;
  /** Milliseconds since 1970, for time stamps. Default: the system's. */
  readonly wallClockMs?: () => number;
  /** Default: the system's. */
  readonly timers?: Timers;
}

export interface KubeApiOptions {
  /** Default {@link bookmarkIntervalMs}. */
  readonly bookmarkIntervalMs?: number;
  /** Default {@link staleWatchMs}. */
  readonly staleWatchMs?: number;
  /** Default {@link watchesMax}. */
  readonly watchesMax?: number;
  /** Default {@link requestsMax}. */
  readonly requestsMax?: number;
}

/** Holds the shared parts; has no life cycle of its own. */
export interface KubeApi {
  readonly context: RegistryContext;
  readonly timers: Timers;
  readonly freshness: Freshness;
  readonly openApi: OpenApi;
  readonly limits: { readonly watchesMax: number; readonly requestsMax: number };
  /** What is open now. */
  readonly load: { watches: number; requests: number; bodiesBytes: number };
}

export function createKubeApi(deps: KubeApiDeps, options: KubeApiOptions = {}): KubeApi {
  const { storage, random, logger, wallClockMs = systemWallClockMs, timers = systemTimers } = deps;
  return {
    context: {
      storage,
      random,
      logger,
      wallClockMs,
      cache: new ObjectCache(),
      eventLeases: new EventLeases(storage, random),
    },
    timers,
    freshness: new Freshness(storage, timers, {
      intervalMs: options.bookmarkIntervalMs ?? bookmarkIntervalMs,
      staleMs: options.staleWatchMs ?? staleWatchMs,
    }),
    openApi: new OpenApi(),
    limits: {
      watchesMax: options.watchesMax ?? watchesMax,
      requestsMax: options.requestsMax ?? requestsMax,
    },
    load: { watches: 0, requests: 0, bodiesBytes: 0 },
  };
}

function systemWallClockMs(): number {
  return Date.now();
}
