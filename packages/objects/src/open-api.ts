/** Stub. */
import type { Json } from "./types.ts";
/** The OpenAPI v3 document of "v1" or "apps/v1"; undefined when nothing is served there. */
export function openApiV3(_groupVersion: string): Json | undefined {
  return undefined;
}
