/** Stub. */
import type { Json } from "./types.ts";
/** JSON of a Kubernetes protobuf body; undefined when it is malformed or of an unknown kind. */
export function decodeProtobuf(_bytes: Uint8Array): Json | undefined {
  return undefined;
}
