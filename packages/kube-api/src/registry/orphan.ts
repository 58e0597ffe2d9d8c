/** Deleting an owner whose dependents shall stay. */
import { allResources, formatTime, type KubeObject } from "@flotilla/objects";
import { admitAsIs } from "./admission.ts";
import { nothingBeside } from "./companions.ts";
import { compareAndSwap, type Written } from "./compare-and-swap.ts";
import type { RegistryContext, Target } from "./context.ts";
import { unattended, type WriteRequest } from "./create.ts";
import { checkPreconditions, ignoreNotFound } from "./delete-one.ts";
import type { DeleteOptions } from "./deletion.ts";
import { allIn, targetOf } from "./scan.ts";
import { updateObject } from "./update.ts";

const orphanFinalizer = "orphan";

/**
 * The owner is marked before its dependents are set free, so that its controller does not adopt them
 * again meanwhile. Done again it goes on where it stopped.
 */
export async function deleteAndOrphan(
  context: RegistryContext,
  target: Target,
  options: DeleteOptions,
  request: WriteRequest,
): Promise<Written> {
  const { object: owner } = await compareAndSwap(context, target, request, ({ object, stored }) => {
    checkPreconditions(target, object, options);
    const marked = withFinalizer(object, context.wallClockMs());
    const companions = { object: marked, transaction: nothingBeside, lease: stored.lease };
    return { kind: "put", companions };
  });
  const begun = unattended(request);
  for (const dependent of dependentsOf(context, owner)) {
    await release(context, dependent, owner, begun);
  }
  return updateObject(context, target, begun, withoutOrphanFinalizer, admitAsIs);
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
