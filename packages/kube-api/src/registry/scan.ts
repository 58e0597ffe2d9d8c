/** All objects of a kind as they are here, for work that goes through everything. */
import type { KubeObject, Resource } from "@flotilla/objects";
import { listChunk } from "../limits.ts";
import type { RegistryContext, Target } from "./context.ts";
import { prefixOf } from "./keys.ts";
import type { Decoded } from "./object-cache.ts";

/** Reads a chunk at a time; objects that change meanwhile may be seen or not. */
export function* allIn(
  context: RegistryContext,
  resource: Resource,
  namespace: string | undefined,
): Generator<Decoded> {
  const prefix = prefixOf(resource, namespace);
  for (let from: string | undefined = prefix; from !== undefined; ) {
    const result = context.storage.list(prefix, { from, limit: listChunk, revision: 0 });
    if (result.kind !== "page") return;
    for (const stored of result.page.values) {
      const decoded = context.cache.decode(stored);
      if (decoded !== undefined) yield decoded;
    }
    const last = result.page.values.at(-1);
    from = result.page.more && last !== undefined ? `${last.key}\0` : undefined;
  }
}

/** Names an object that was found. */
export function targetOf(resource: Resource, object: KubeObject): Target {
  const namespace = resource.namespaced ? object.metadata.namespace : undefined;
  return { resource, namespace, name: object.metadata.name };
}
