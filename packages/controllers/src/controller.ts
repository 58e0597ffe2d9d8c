/** The shape of a controller: what wakes it, and how it decides about one key. */
import type { Change, ListOptions } from "@flotilla/client";
import type { KubeObject, Resource } from "@flotilla/objects";
import type { Decision } from "./decision.ts";
import type { ControllerDeps } from "./ports.ts";

/** What the watches have seen so far. Only for finding out whom to wake: decisions read anew. */
export interface Seen {
  all<T extends KubeObject>(resource: Resource<T>): Iterable<T>;
  get<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined;
}

/** One watched resource, and whom its changes concern. */
export interface Wake {
  readonly resource: Resource;
  keysOf(change: Change<KubeObject>, seen: Seen): Iterable<string>;
}

export interface Controller {
  readonly name: string;
  readonly wakes: readonly Wake[];
  /**
   * Gathers the world around `key` and decides. `refusal` is why the writes of the last look at this
   * key were refused, if they were.
   */
  reconcile(deps: ControllerDeps, key: string, refusal: string | undefined): Promise<Decision>;
}

/** A {@link Wake} whose function sees the resource's own type. */
export function wakeOn<T extends KubeObject>(
  resource: Resource<T>,
  keysOf: (change: Change<T>, seen: Seen) => Iterable<string>,
): Wake {
  return { resource, keysOf: (change, seen) => keysOf(change as Change<T>, seen) };
}

/** The inverse of `objectKey`. */
export function parseKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) };
}

/** Lists what the key's namespace holds. */
export function inNamespaceOf(key: string): ListOptions {
  return { namespace: parseKey(key).namespace };
}
