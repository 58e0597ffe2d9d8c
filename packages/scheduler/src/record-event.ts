/**
 * Events about pods. The name is derived from what is said, so that a repetition finds the one before
 * and counts it up, without any memory here.
 */
import type { WriteOutcome } from "@flotilla/client";
import { type Event, events, type Json, newEvent, type Pod, stableHash } from "@flotilla/objects";
import type { SchedulerDeps } from "./ports.ts";

const component = "default-scheduler";

export interface PodEvent {
  readonly pod: Pod;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Writes or counts up one Event. Best effort: only `fenced` matters. */
export async function recordEvent(
  { client, wallNowMs }: Pick<SchedulerDeps, "client" | "wallNowMs">,
  { pod, type, reason, message }: PodEvent,
): Promise<WriteOutcome<unknown>> {
  const first = newEvent(pod, { type, reason, message, component, nowMs: wallNowMs() });
  const hash = stableHash([pod.metadata.uid ?? "", type, reason, message]);
  const name = `${pod.metadata.name}.${hash}`;
  const { namespace = "default" } = first.metadata;
  const event: Event = { ...first, metadata: { ...first.metadata, name } };
  try {
    const created = await client.create(events, event);
    if (created.kind !== "alreadyExists") return created;
    const before = await client.get(events, { namespace, name });
    return await client.patch(
      events,
      { namespace, name },
      { count: (before?.count ?? 1) + 1, lastTimestamp: event.lastTimestamp as Json },
    );
  } catch {
    return { kind: "ok", object: undefined }; // An event is never worth a retry.
  }
}
