/**
 * Deleting objects: at once, marked, or with the dependents set free; and namespaces with all that
 * is in them.
 *
 * The dependents of a deleted owner are removed by the garbage collector, which is a controller.
 */
import {
  allResources,
  formatTime,
  type KubeObject,
  type Namespace,
  namespaces,
  type Resource,
} from "@flotilla/objects";
import { ApiError, conflict, FencedError, forbidden } from "../errors.ts";
import { listChunk } from "../limits.ts";
import { admitAsIs } from "./admission.ts";
import { heartbeatNamespace } from "./companions.ts";
import type { RegistryContext, Target } from "./context.ts";
import type { WriteRequest } from "./create.ts";
import { type DeleteOptions, decideDeletion } from "./deletion.ts";
import { prefixOf } from "./keys.ts";
import type { Decoded } from "./object-cache.ts";
import { compareAndSwap, updateObject, type Written } from "./update.ts";

const orphanFinalizer = "orphan";
const protectedNamespaces = new Set(["default", "kube-system", "kube-public", heartbeatNamespace]);

/** Deletes one object; the result says whether it is gone or marked. */
export async function deleteObject(
  context: RegistryContext,
  target: Target,
  options: DeleteOptions,
  request: WriteRequest = {},
): Promise<Written> {
  if (target.resource.plural === "namespaces") {
    return deleteNamespace(context, target, options, request);
  }
  if (options.propagationPolicy === "Orphan" && !request.dryRun) {
    return deleteAndOrphan(context, target, options, request);
  }
  return deletePlain(context, target, options, request);
}

function deletePlain(
  context: RegistryContext,
  target: Target,
  options: DeleteOptions,
  request: WriteRequest,
): Promise<Written> {
  return compareAndSwap(context, target, request, ({ object, stored }) => {
    checkPreconditions(target, object, options);
    const deletion = decideDeletion(target.resource, object, options, context.wallClockMs());
    switch (deletion.kind) {
      case "remove":
        return { kind: "remove", object };
      case "none":
        return undefined;
      case "mark":
        return {
          kind: "put",
          companions: { object: deletion.object, transaction: noChange, lease: stored.lease },
        };
    }
  });
}

const noChange = { expect: [], puts: [], deletes: [] } as const;

function checkPreconditions(target: Target, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const text = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(target.resource, target.name, text);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const text = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(target.resource, target.name, text);
  }
}

/**
 * The owner is marked before its dependents are set free, so that its controller does not adopt them
 * again meanwhile. Done again it goes on where it stopped.
 */
async function deleteAndOrphan(
  context: RegistryContext,
  target: Target,
  options: DeleteOptions,
  request: WriteRequest,
): Promise<Written> {
  const { object: owner } = await compareAndSwap(context, target, request, ({ object, stored }) => {
    checkPreconditions(target, object, options);
    const marked = withFinalizer(object, context.wallClockMs());
    const companions = { object: marked, transaction: noChange, lease: stored.lease };
    return { kind: "put", companions };
  });
  await context.storage.barrier(request.signal);
  for (const dependent of dependentsOf(context, owner)) {
    await release(context, dependent, owner, request);
  }
  return updateObject(context, target, request, withoutOrphanFinalizer, admitAsIs);
}

function withFinalizer(object: KubeObject, nowMs: number): KubeObject {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (finalizers.includes(orphanFinalizer) && deletionTimestamp !== undefined) return object;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      deletionTimestamp: deletionTimestamp ?? formatTime(nowMs),
      deletionGracePeriodSeconds: object.metadata.deletionGracePeriodSeconds ?? 0,
      finalizers: [...new Set([...finalizers, orphanFinalizer])],
    },
  };
}

function withoutOrphanFinalizer(object: KubeObject): KubeObject {
  const { finalizers = [], ...metadata } = object.metadata;
  const rest = finalizers.filter((finalizer) => finalizer !== orphanFinalizer);
  return {
    ...object,
    metadata: { ...metadata, ...(rest.length === 0 ? {} : { finalizers: rest }) },
  };
}

function* dependentsOf(context: RegistryContext, owner: KubeObject): Generator<Target> {
  const namespace = owner.metadata.namespace;
  for (const resource of allResources) {
    if (namespace !== undefined && !resource.namespaced) continue;
    for (const { object } of allIn(context, resource, namespace)) {
      const owners = object.metadata.ownerReferences ?? [];
      if (owners.some(({ uid }) => uid === owner.metadata.uid)) yield targetOf(resource, object);
    }
  }
}

async function release(
  context: RegistryContext,
  dependent: Target,
  owner: KubeObject,
  request: WriteRequest,
): Promise<void> {
  await ignoreNotFound(
    updateObject(
      context,
      dependent,
      request,
      (object) => {
        const { ownerReferences = [], ...metadata } = object.metadata;
        const rest = ownerReferences.filter(({ uid }) => uid !== owner.metadata.uid);
        const left = rest.length === 0 ? {} : { ownerReferences: rest };
        return { ...object, metadata: { ...metadata, ...left } };
      },
      admitAsIs,
    ),
  );
}

/**
 * A namespace is marked first, after which nothing can be created in it; then its objects go, then
 * it. Objects with finalizers keep it in phase Terminating; the delete that removes the last of them
 * (or this one, sent again) finishes it.
 */
async function deleteNamespace(
  context: RegistryContext,
  target: Target,
  options: DeleteOptions,
  request: WriteRequest,
): Promise<Written> {
  if (protectedNamespaces.has(target.name)) {
    throw forbidden(target.resource, target.name, "this namespace may not be deleted");
  }
  const marked = await compareAndSwap(context, target, request, ({ object, stored }) => {
    checkPreconditions(target, object, options);
    const terminating = terminatingNamespace(object as Namespace, context.wallClockMs());
    const companions = { object: terminating, transaction: noChange, lease: stored.lease };
    return { kind: "put", companions };
  });
  if (!request.dryRun) await finishNamespace(context, target.name, request);
  return marked;
}

function terminatingNamespace(namespace: Namespace, nowMs: number): Namespace {
  if (namespace.status?.phase === "Terminating") return namespace;
  return {
    ...namespace,
    metadata: { ...namespace.metadata, deletionTimestamp: formatTime(nowMs) },
    status: { ...namespace.status, phase: "Terminating" },
  };
}

/** Removes a terminating namespace with everything in it; does nothing to any other. */
export async function finishNamespace(
  context: RegistryContext,
  name: string,
  request: WriteRequest,
): Promise<void> {
  const target: Target = { resource: namespaces, namespace: undefined, name };
  await context.storage.barrier(request.signal);
  if (!isTerminating(context, name)) return;
  for (const resource of allResources) {
    if (!resource.namespaced) continue;
    for (const { object } of allIn(context, resource, name)) {
      const options = { gracePeriodSeconds: 0 };
      await ignoreNotFound(deletePlain(context, targetOf(resource, object), options, request));
    }
  }
  for (const resource of allResources) {
    if (!resource.namespaced) continue;
    for (const _left of allIn(context, resource, name)) return; // Waits for finalizers.
  }
  await ignoreNotFound(
    compareAndSwap(context, target, request, ({ object }) => ({ kind: "remove", object })),
  );
}

/** Finishes what a member that died, or a finalizer, left of terminating namespaces. */
export async function finishNamespaces(
  context: RegistryContext,
  request: WriteRequest,
): Promise<void> {
  await context.storage.barrier(request.signal);
  for (const { object } of allIn(context, namespaces, undefined)) {
    await finishNamespace(context, object.metadata.name, request);
  }
}

function isTerminating(context: RegistryContext, name: string): boolean {
  const stored = context.storage.get(`${prefixOf(namespaces)}${name}`);
  const object = stored && context.cache.decode(stored)?.object;
  return (object as Namespace | undefined)?.status?.phase === "Terminating";
}

/** All objects of a kind as they are here, a chunk at a time. */
function* allIn(
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

function targetOf(resource: Resource, object: KubeObject): Target {
  const namespace = resource.namespaced ? object.metadata.namespace : undefined;
  return { resource, namespace, name: object.metadata.name };
}

async function ignoreNotFound(work: Promise<Written>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FencedError || !(error instanceof ApiError)) throw error;
    if (error.reason !== "NotFound") throw error; // Somebody else was faster: that is as good.
  }
}
