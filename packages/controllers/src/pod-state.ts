/** What a pod's life means to those who count pods. Pure. */
import { type Pod, podIsFinished } from "@flotilla/objects";
import { isBeingDeleted } from "./ownership.ts";

/** It counts as a replica: neither finished nor being deleted. */
export function podIsActive(pod: Pod): boolean {
  return !podIsFinished(pod) && !isBeingDeleted(pod);
}
