/**
 * Changing what is stored: read, decide, compare-and-swap; again when somebody else was faster.
 *
 * The first attempt works on local state, which may be old, and only a commit proves that it was not.
 * So a refusal, and that nothing is to be written, count only on state that a read barrier has
 * confirmed.
 */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "@flotilla/objects";
import { ApiError, FencedError, notFound } from "../errors.ts";
import { conflictRetriesMax } from "../limits.ts";
import type { StoredValue, Transaction } from "../storage.ts";
import { type Companions, releaseOf } from "./companions.ts";
import type { RegistryContext, Target } from "./context.ts";
import { tooMuchContention, type WriteRequest } from "./create.ts";
import { keyOf } from "./keys.ts";
import { encodeObject, withRevision } from "./object-cache.ts";

/** An object as it is in the store. */
export interface Present {
  readonly object: KubeObject;
  readonly stored: StoredValue;
}

/** What an attempt decided to write; undefined = it is as wanted already. */
export type Decision =
  | { readonly kind: "put"; readonly companions: Companions }
  | { readonly kind: "remove"; readonly object: KubeObject }
  | undefined;

export interface Written {
  /** With its new resource version; for a removed object its last state. */
  readonly object: KubeObject;
  readonly removed: boolean;
}

type Attempt =
  | ({ readonly kind: "committed" } & Written)
  /** A dry run, or it is as wanted already. */
  | ({ readonly kind: "nothingToWrite" } & Written)
  /** The state had changed. */
  | { readonly kind: "lost" };

/**
 * Decides on the present state and writes, atomically; `decide` runs again on newer state when it
 * lost a race, and whatever it throws is the answer.
 */
export async function compareAndSwap(
  context: RegistryContext,
  target: Target,
  request: WriteRequest,
  decide: (present: Present) => Decision | Promise<Decision>,
): Promise<Written> {
  let confirmed = false;
  for (let attempt = 0; attempt < conflictRetriesMax; attempt++) {
    try {
      const present = presentOf(context, target);
      if (present === undefined) throw notFound(target.resource, target.name);
      const done = await write(context, present, await decide(present), request);
      if (done.kind === "lost") {
        confirmed = false;
        continue;
      }
      if (done.kind === "committed" || confirmed) return done;
    } catch (error) {
      // After a failure of the store it is not known what was written: that is the caller's to judge.
      if (confirmed || !(error instanceof ApiError)) throw error;
    }
    await context.storage.barrier(request.signal);
    confirmed = true;
  }
  throw tooMuchContention();
}

function presentOf(context: RegistryContext, target: Target): Present | undefined {
  const stored = context.storage.get(keyOf(target.resource, target.namespace, target.name));
  const object = stored && context.cache.decode(stored)?.object;
  return stored === undefined || object === undefined ? undefined : { object, stored };
}

async function write(
  context: RegistryContext,
  present: Present,
  decision: Decision,
  request: WriteRequest,
): Promise<Attempt> {
  const { storage, cache } = context;
  const { key, modRevision } = present.stored;
  const unchanged = { kind: "nothingToWrite", object: present.object, removed: false } as const;
  if (decision === undefined) return unchanged;
  const removed = decision.kind === "remove";
  const object = removed ? decision.object : decision.companions.object;
  if (request.dryRun) return { kind: "nothingToWrite", object, removed };
  const lease = removed ? 0n : decision.companions.lease;
  // What changes nothing writes nothing: applying a manifest again wakes nobody.
  if (!removed && lease === present.stored.lease && isSame(object, present)) return unchanged;
  const value = encodeObject(object);
  // What it holds is what is stored: the update that ends it may say something else.
  const beside = removed ? releaseOf(present.object) : decision.companions.transaction;
  const outcome = await storage.commit(
    transactionOf({ key, modRevision }, removed ? undefined : { value, lease }, beside),
    request,
  );
  switch (outcome.kind) {
    case "committed": {
      const versioned = withRevision(object, outcome.revision);
      const written = removed ? versioned : cache.insert(key, value, versioned);
      return { kind: "committed", object: written, removed };
    }
    case "fenced":
      throw new FencedError();
    case "leaseNotFound":
      context.eventLeases.forget();
      return { kind: "lost" };
    case "conflict":
      return { kind: "lost" };
  }
}

function isSame(object: KubeObject, { object: before, stored }: Present): boolean {
  return isDeepStrictEqual(withRevision(object, stored.modRevision), before);
}

function transactionOf(
  expected: { readonly key: string; readonly modRevision: number },
  put: { readonly value: Uint8Array; readonly lease: bigint } | undefined,
  beside: Transaction,
): Transaction {
  const { key } = expected;
  return {
    expect: [expected, ...beside.expect],
    puts: put === undefined ? beside.puts : [{ key, ...put }, ...beside.puts],
    deletes: put === undefined ? [key, ...beside.deletes] : beside.deletes,
  };
}
