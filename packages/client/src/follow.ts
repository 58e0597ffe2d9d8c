/**
 * Keeps a local copy of a selection of objects: list once, watch from there, for ever.
 *
 * Works the same over HTTP and in process. A connection that ends is watched again from the last
 * event; history that is gone is listed anew and told as differences; failures are retried with
 * back-off. Source of the pattern: client-go tools/cache/reflector.go.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, type Random, silentLogger } from "@flotilla/base";
import type { KubeObject, Resource } from "@flotilla/objects";
import { ClientError } from "./errors.ts";
import type { ListOptions, ObjectClient } from "./object-client.ts";
import { objectKey } from "./paths.ts";

/** One difference between the copy before and after. */
export interface Change<T> {
  readonly kind: "added" | "modified" | "deleted";
  /** For `deleted`: the last state that was seen. */
  readonly object: T;
  /** The copy's object before; undefined for `added`. */
  readonly previous: T | undefined;
}

export interface FollowHandlers<T> {
  /** Called once, after the first list is in the copy (and was told by `onChange`). */
  onSynced?(): void;
  /** The copy has changed; called after it did, in the order of the changes. Must not throw. */
  onChange?(changes: readonly Change<T>[]): void;
}

export interface FollowOptions extends ListOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Spreads retries over time. */
  readonly random: Random;
  readonly logger?: Logger;
  /** First wait after a failure; doubles with each further one. Default 100 ms. */
  readonly backoffMsMin?: number;
  /** Longest wait. Default 5,000 ms. */
  readonly backoffMsMax?: number;
  /** Waits; rejects when the signal aborts. Tests pass their own. */
  readonly delay?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

export interface Following<T> {
  /** The copy, by `objectKey`. Changes in place. */
  readonly objects: ReadonlyMap<string, T>;
  readonly synced: boolean;
  /** Resolves when it has ended because the signal aborted; never rejects. */
  readonly done: Promise<void>;
}

/** Starts to follow `resource`. See {@link Following}. */
export function follow<T extends KubeObject>(
  client: ObjectClient,
  resource: Resource<T>,
  options: FollowOptions,
  handlers: FollowHandlers<T> = {},
): Following<T> {
  const follower = new Follower(client, resource, options, handlers);
  return follower.start();
}

class Follower<T extends KubeObject> {
  readonly #client: ObjectClient;
  readonly #resource: Resource<T>;
  readonly #options: FollowOptions;
  readonly #handlers: FollowHandlers<T>;
  readonly #logger: Logger;
  readonly #objects = new Map<string, T>();
  #synced = false;
  /** Where the next watch starts; empty = list first. */
  #resourceVersion = "";
  #failures = 0;

  constructor(
    client: ObjectClient,
    resource: Resource<T>,
    options: FollowOptions,
    handlers: FollowHandlers<T>,
  ) {
    this.#client = client;
    this.#resource = resource;
    this.#options = options;
    this.#handlers = handlers;
    this.#logger = options.logger ?? silentLogger;
  }

  start(): Following<T> {
    const follower = this;
    return {
      objects: this.#objects,
      get synced() {
        return follower.#synced;
      },
      done: this.#run(),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === "") await this.#list();
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        this.#failures++;
        this.#logger.debug("follow: interrupted", {
          resource: this.#resource.plural,
          code: error instanceof ClientError ? error.code : "unknown",
          reason: error instanceof Error ? error.message : String(error),
        });
        await this.#backOff();
      }
    }
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await this.#client.list(this.#resource, this.#options);
    if (this.#options.signal.aborted) return;
    this.#resourceVersion = resourceVersion;
    this.#failures = 0;
    this.#tell(this.#replace(items));
    if (this.#synced) return;
    this.#synced = true;
    this.#handlers.onSynced?.();
  }

  async #watch(): Promise<void> {
    let events = 0;
    const watch = this.#client.watch(this.#resource, {
      ...this.#options,
      resourceVersion: this.#resourceVersion,
    });
    for await (const event of watch) {
      if (this.#options.signal.aborted) return;
      if (event.kind === "expired") {
        this.#resourceVersion = "";
        break;
      }
      events++;
      this.#failures = 0;
      this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
      this.#tell(this.#apply(event.kind, event.object));
    }
    // A server that closes every watch at once must not be asked in a tight loop.
    if (events === 0 && !this.#options.signal.aborted) await this.#backOff();
  }

  #replace(items: readonly T[]): Change<T>[] {
    const changes: Change<T>[] = [];
    const gone = new Map(this.#objects);
    for (const object of items) {
      gone.delete(objectKey(object));
      changes.push(...this.#apply("modified", object));
    }
    for (const object of gone.values()) changes.push(...this.#apply("deleted", object));
    return changes;
  }

  #apply(kind: "added" | "modified" | "deleted", object: T): Change<T>[] {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    if (kind === "deleted") {
      this.#objects.delete(key);
      return previous === undefined ? [] : [{ kind, object, previous }];
    }
    this.#objects.set(key, object);
    if (previous === undefined) return [{ kind: "added", object, previous }];
    if (previous.metadata.resourceVersion === object.metadata.resourceVersion) return [];
    return [{ kind: "modified", object, previous }];
  }

  #tell(changes: readonly Change<T>[]): void {
    if (changes.length > 0) this.#handlers.onChange?.(changes);
  }

  async #backOff(): Promise<void> {
    const { backoffMsMin = 100, backoffMsMax = 5_000, delay = delayReal, signal } = this.#options;
    const ceiling = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(this.#failures, 16));
    const half = Math.ceil(ceiling / 2);
    const waitMs = half + this.#options.random.below(half + 1);
    await abortable(delay, waitMs, signal);
  }
}

async function delayReal(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal });
}

async function abortable(
  delay: NonNullable<FollowOptions["delay"]>,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await delay(waitMs, signal);
  } catch (error) {
    if (!signal.aborted) throw error; // Aborted: the loop sees the signal itself.
  }
}
