/**
 * Creating an object: in a namespace that exists and stays, under a name that is free, with
 * everything that belongs to it in one transaction.
 */
import { randomUUID } from "node:crypto";
import { type KubeObject, type Namespace, namespaces, type Resource } from "@flotilla/objects";
import {
  ApiError,
  alreadyExists,
  badRequest,
  FencedError,
  forbidden,
  notFound,
} from "../errors.ts";
import { conflictRetriesMax } from "../limits.ts";
import type { StoredValue, WriteOptions } from "../storage.ts";
import { admitCreate } from "./admission.ts";
import { companionsOf } from "./companions.ts";
import type { RegistryContext } from "./context.ts";
import { keyOf } from "./keys.ts";
import { encodeObject, withRevision } from "./object-cache.ts";

export interface WriteRequest extends WriteOptions {
  /** Go through everything and write nothing. */
  readonly dryRun?: boolean;
}

/** For work that has begun and nobody else would finish: it goes on when the client goes away. */
export function unattended({ signal: _, ...request }: WriteRequest): WriteRequest {
  return request;
}

/** Creates a decoded object in `namespace` (undefined for cluster-scoped kinds) and returns it as it is stored. */
export async function createObject(
  context: RegistryContext,
  collection: { readonly resource: Resource; readonly namespace: string | undefined },
  object: KubeObject,
  request: WriteRequest = {},
): Promise<KubeObject> {
  const { namespace } = collection;
  if (namespace !== undefined && (object.metadata.namespace ?? namespace) !== namespace) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  if (object.metadata.resourceVersion !== undefined) {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  let confirmed = false;
  for (let attempt = 0; attempt < conflictRetriesMax; attempt++) {
    try {
      const created = await tryCreate(context, collection, object, request);
      if (created !== undefined) return created;
    } catch (error) {
      // Local state may be old: a refusal counts only on what a read barrier has confirmed.
      if (confirmed || !(error instanceof ApiError)) throw error;
      await context.storage.barrier(request.signal);
      confirmed = true;
    }
  }
  throw tooMuchContention();
}

/** The created object; undefined when something that it depends on changed meanwhile. */
async function tryCreate(
  context: RegistryContext,
  { resource, namespace }: { readonly resource: Resource; readonly namespace: string | undefined },
  submitted: KubeObject,
  request: WriteRequest,
): Promise<KubeObject | undefined> {
  const { storage, cache } = context;
  const admitted = admitCreate(resource, submitted, {
    nowMs: context.wallClockMs(),
    uid: randomUUID(),
    random: context.random,
    ...(namespace === undefined ? {} : { namespace }),
  });
  const { name } = admitted.metadata;
  const home = openNamespace(context, resource, namespace, name);
  const key = keyOf(resource, namespace, name);
  const isGenerated = !submitted.metadata.name;
  if (storage.get(key) !== undefined) {
    if (isGenerated) return undefined;
    throw alreadyExists(resource, name);
  }
  const { object, transaction, lease } = await companionsOf(
    context,
    resource,
    admitted,
    undefined,
    request,
  );
  if (request.dryRun) return object;
  const value = encodeObject(object);
  const outcome = await storage.commit(
    {
      expect: [{ key, modRevision: 0 }, ...expectOf(home), ...transaction.expect],
      puts: [{ key, value, lease }, ...transaction.puts],
      deletes: transaction.deletes,
    },
    request,
  );
  switch (outcome.kind) {
    case "committed":
      return cache.insert(key, value, withRevision(object, outcome.revision));
    case "fenced":
      throw new FencedError();
    case "leaseNotFound":
      context.eventLeases.forget();
      return undefined;
    case "conflict":
      if (outcome.current[0] !== undefined && !isGenerated) throw alreadyExists(resource, name);
      return undefined;
  }
}

/** The namespace as it is stored, or a refusal when nothing can be created in it. */
function openNamespace(
  context: RegistryContext,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): StoredValue | undefined {
  if (!resource.namespaced || namespace === undefined) return undefined;
  const key = keyOf(namespaces, undefined, namespace);
  const stored = context.storage.get(key);
  const home = stored && context.cache.decode(stored)?.object;
  if (stored === undefined || home === undefined) throw notFound(namespaces, namespace);
  if ((home as Namespace).status?.phase !== "Terminating") return stored;
  throw forbidden(
    resource,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  );
}

/** The namespace must be the one that was looked at: otherwise an object could slip into one that ends. */
function expectOf(home: StoredValue | undefined): { key: string; modRevision: number }[] {
  return home === undefined ? [] : [{ key: home.key, modRevision: home.modRevision }];
}

/** Every attempt met another writer: nothing was written. */
export function tooMuchContention(): ApiError {
  return new ApiError(
    "TooManyRequests",
    `the object or what it depends on was changed by others ${conflictRetriesMax} times in a row; nothing was written, retry`,
    { details: { retryAfterSeconds: 1 } },
  );
}
