/** Stub. */
import type { Resource } from "./resources.ts";
import type { KubeObject } from "./types.ts";
/** Returns a copy with every default filled in. */
export function applyDefaults<T extends KubeObject>(_resource: Resource<T>, object: T): T {
  return object;
}
