/**
 * Updating an object, as a client submits it or as this package changes it itself.
 *
 * Source of the preconditions: apiserver pkg/registry/generic/registry/store.go (Update).
 */
import type { KubeObject, Resource } from "@flotilla/objects";
import { conflict } from "../errors.ts";
import type { AdmitUpdate } from "./admission.ts";
import { companionsOf } from "./companions.ts";
import { compareAndSwap, type Written } from "./compare-and-swap.ts";
import type { RegistryContext, Target } from "./context.ts";
import { unattended, type WriteRequest } from "./create.ts";
import { finishNamespace } from "./namespace-end.ts";

/**
 * Updates an object: `change` gives what the client submits, seen the present state; `admit` what
 * becomes of it. An object that waits only for its last finalizer is removed by the update.
 */
export async function updateObject(
  context: RegistryContext,
  target: Target,
  request: WriteRequest,
  change: (current: KubeObject) => KubeObject,
  admit: AdmitUpdate,
): Promise<Written> {
  const written = await compareAndSwap(context, target, request, async (present) => {
    const current = present.object;
    const submitted = change(current);
    checkPreconditions(target.resource, submitted, current);
    const object = admit(target.resource, submitted, current);
    if (isFinished(object)) return { kind: "remove", object };
    const companions = await companionsOf(context, target.resource, object, present, request);
    return { kind: "put", companions };
  });
  // It may have been the last thing that a terminating namespace waited for.
  if (written.removed && target.namespace !== undefined && !request.dryRun) {
    await finishNamespace(context, target.namespace, unattended(request));
  }
  return written;
}

function checkPreconditions(resource: Resource, submitted: KubeObject, current: KubeObject): void {
  const { resourceVersion, uid } = submitted.metadata;
  const { name } = current.metadata;
  if (uid !== undefined && uid !== current.metadata.uid) {
    const found = `UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(resource, name, `Precondition failed: ${found}`);
  }
  const isStale =
    resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion;
  if (isStale && resourceVersion !== "0") throw conflict(resource, name);
}

/** Marked for deletion, and nothing holds it any more. */
function isFinished({ metadata }: KubeObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (metadata.finalizers ?? []).length === 0
  );
}
