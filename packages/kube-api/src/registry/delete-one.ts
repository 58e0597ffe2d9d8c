/** Deleting one object at its own pace: removed when nothing holds it, marked otherwise. */
import type { KubeObject } from "@flotilla/objects";
import { ApiError, preconditionFailed } from "../errors.ts";
import { nothingBeside } from "./companions.ts";
import { compareAndSwap, type Written } from "./compare-and-swap.ts";
import type { RegistryContext, Target } from "./context.ts";
import type { WriteRequest } from "./create.ts";
import { type DeleteOptions, decideDeletion } from "./deletion.ts";

/** Deletes an object; the result says whether it is gone. Its dependents are none of its business. */
export function deleteOne(
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
          companions: { object: deletion.object, transaction: nothingBeside, lease: stored.lease },
        };
    }
  });
}

/** Throws `Conflict` when the object is not the one that was meant. */
export function checkPreconditions(
  target: Target,
  object: KubeObject,
  options: DeleteOptions,
): void {
  const { uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const text = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw preconditionFailed(target.resource, target.name, text);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const text = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw preconditionFailed(target.resource, target.name, text);
  }
}

/** For work through many: what is gone already is as good as deleted. */
export async function ignoreNotFound(work: Promise<Written>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "NotFound") throw error;
  }
}
