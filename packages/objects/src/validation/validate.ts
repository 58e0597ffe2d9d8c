/** Stub. */
import type { Resource } from "../resources.ts";
import type { KubeObject } from "../types.ts";
import type { FieldCause } from "./field-cause.ts";
/** Everything that is wrong; pass `old` for an update. */
export function validate<T extends KubeObject>(
  _resource: Resource<T>,
  _object: T,
  _old?: T,
): FieldCause[] {
  return [];
}
