/** Reading objects: one, or a page of a collection, at the revision that the client asked for. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "@flotilla/base";
import type { Resource } from "@flotilla/objects";
import { expired, notFound } from "../errors.ts";
import { listChunk } from "../limits.ts";
import type { Page } from "../storage.ts";
import type { RegistryContext, Target } from "./context.ts";
import { keyOf, prefixOf } from "./keys.ts";
import {
  encodeContinuation,
  expiredPage,
  type ListOptions,
  parseResourceVersion,
  planList,
  tooLargeVersion,
} from "./list-options.ts";
import type { Decoded } from "./object-cache.ts";
import type { Selection } from "./selection.ts";

/** One object. `resourceVersion` "" = the latest; "0" = what is here; n = not older than n. */
export async function readObject(
  context: RegistryContext,
  target: Target,
  options: { readonly resourceVersion: string; readonly signal?: AbortSignal },
): Promise<Decoded> {
  const { storage, cache } = context;
  const { resource, namespace, name } = target;
  if (options.resourceVersion === "") await storage.barrier(options.signal);
  else await waitFor(context, parseResourceVersion(options.resourceVersion), options.signal);
  const stored = storage.get(keyOf(resource, namespace, name));
  const decoded = stored && cache.decode(stored);
  if (decoded === undefined) throw notFound(resource, name);
  return decoded;
}

export interface ObjectPage {
  readonly items: readonly Decoded[];
  readonly revision: number;
  /** Empty on the last page. */
  readonly continuation: string;
  /** Undefined when it cannot be known because of a selector. */
  readonly remaining: number | undefined;
}

/** One page of the objects that `selection` picks; all of them without a limit. */
export async function listObjects(
  context: RegistryContext,
  collection: { readonly resource: Resource; readonly namespace: string | undefined },
  selection: Selection,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<ObjectPage> {
  const { storage } = context;
  const prefix = prefixOf(collection.resource, collection.namespace);
  const plan = planList(options, prefix);
  if (plan.kind === "latest") await storage.barrier(signal);
  else if (plan.kind !== "any") await waitFor(context, plan.revision, signal);
  const from = plan.kind === "exact" && plan.from !== undefined ? plan.from : prefix;
  const revision = plan.kind === "exact" ? plan.revision : 0;
  return collect(context, { prefix, from, revision, limit: options.limit, selection });
}

interface Wanted {
  readonly prefix: string;
  readonly from: string;
  /** 0 = the latest, which then stays the same for all chunks. */
  readonly revision: number;
  readonly limit: number;
  readonly selection: Selection;
}

async function collect(context: RegistryContext, wanted: Wanted): Promise<ObjectPage> {
  const { selection, limit, prefix } = wanted;
  const items: Decoded[] = [];
  let from = wanted.from;
  let revision = wanted.revision;
  for (;;) {
    const chunk = limit === 0 ? listChunk : Math.min(listChunk, limit - items.length);
    const page = readPage(context, wanted, { from, revision, limit: chunk });
    revision = page.revision;
    for (const stored of page.values) {
      const decoded = context.cache.decode(stored);
      if (decoded !== undefined && selection.matches(decoded.object)) items.push(decoded);
    }
    if (!page.more) return { items, revision, continuation: "", remaining: undefined };
    const last = page.values.at(-1);
    assert(last !== undefined, "list: a page that has more is not empty");
    from = `${last.key}\0`;
    if (limit > 0 && items.length >= limit) {
      const remaining = selection.all ? page.count - page.values.length : undefined;
      return {
        items,
        revision,
        continuation: encodeContinuation(revision, from, prefix),
        remaining,
      };
    }
    await nextTurn(); // A long list must not stall everything else.
  }
}

function readPage(
  context: RegistryContext,
  { prefix, from: first }: Wanted,
  options: { readonly from: string; readonly revision: number; readonly limit: number },
): Page {
  const result = context.storage.list(prefix, options);
  if (result.kind === "page") return result.page;
  if (first !== prefix) throw expiredPage(options.from, prefix);
  throw expired(
    `The resourceVersion for the provided list is too old: ${options.revision} (${result.compactRevision})`,
  );
}

/** Waits until the local state is not older than `revision`; 0 waits for nothing. */
async function waitFor(
  context: RegistryContext,
  revision: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { storage } = context;
  if (revision <= storage.revision) return;
  await storage.barrier(signal);
  if (revision > storage.revision) throw tooLargeVersion(revision, storage.revision);
}
