/**
 * Deleting an object: which of the three ways.
 *
 * The dependents of a deleted owner are removed by the garbage collector, which is a controller.
 */
import type { Written } from "./compare-and-swap.ts";
import type { RegistryContext, Target } from "./context.ts";
import type { WriteRequest } from "./create.ts";
import { deleteOne } from "./delete-one.ts";
import type { DeleteOptions } from "./deletion.ts";
import { deleteNamespace } from "./namespace-end.ts";
import { deleteAndOrphan } from "./orphan.ts";

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
  return deleteOne(context, target, options, request);
}
