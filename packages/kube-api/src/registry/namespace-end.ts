/** The end of a namespace, and of everything in it. */
import { allResources, formatTime, type Namespace, namespaces } from "@flotilla/objects";
import { forbidden } from "../errors.ts";
import { heartbeatNamespace, nothingBeside } from "./companions.ts";
import { compareAndSwap, type Written } from "./compare-and-swap.ts";
import type { RegistryContext, Target } from "./context.ts";
import { unattended, type WriteRequest } from "./create.ts";
import { checkPreconditions, deleteOne, ignoreNotFound } from "./delete-one.ts";
import type { DeleteOptions } from "./deletion.ts";
import { prefixOf } from "./keys.ts";
import { allIn, targetOf } from "./scan.ts";

const protectedNamespaces = new Set(["default", "kube-system", "kube-public", heartbeatNamespace]);

/**
 * A namespace is marked first, after which nothing can be created in it; then its objects go, then
 * it. Objects with finalizers keep it in phase Terminating; the delete that removes the last of them
 * (or this one, sent again) finishes it.
 */
export async function deleteNamespace(
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
    const companions = { object: terminating, transaction: nothingBeside, lease: stored.lease };
    return { kind: "put", companions };
  });
  if (!request.dryRun) await finishNamespace(context, target.name, unattended(request));
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
  // Local state will do: what was created before the mark was applied here before the mark.
  if (!isTerminating(context, name)) return;
  for (const resource of allResources) {
    if (!resource.namespaced) continue;
    for (const { object } of allIn(context, resource, name)) {
      const options = { gracePeriodSeconds: 0 };
      await ignoreNotFound(deleteOne(context, targetOf(resource, object), options, request));
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
